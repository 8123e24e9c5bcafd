from odoo import api, models
from odoo.exceptions import UserError
from odoo.tools.safe_eval import safe_eval

from ..mqtt.payload import PayloadError

MESSAGE = "mqtt_message"  # key of the cursor's cache: message id and named levels


class IrActionsServer(models.Model):
    _inherit = "ir.actions.server"

    @api.model
    def _get_eval_context(self, action=None):
        """Add the message that a handler runs the action for.

        ``message`` (record), ``payload`` (text, or bytes where it is none), ``json``
        (its value, ``None`` where it is not JSON), ``topic`` and ``params`` (named
        levels). Not from the context, which anybody can send.
        """
        values = super()._get_eval_context(action)
        message_id, params = self.env.cr.cache.get(MESSAGE) or (None, None)
        if message_id:
            # sudo: whom the handler runs as need not be an MQTT user
            message = self.env["mqtt.signal.history"].sudo().browse(message_id)
            values |= {
                "message": message,
                "payload": message.payload_raw or message.payload or "",
                "json": _json_or_none(message),
                "topic": message.topic,
                "params": params,
            }
        return values

    def _run_for_message(self, message, params, record_domain=None):
        """Run this action for a message.

        :param params: the named levels of its topic.
        :param record_domain: text of the domain that finds the records to run on; else
            it runs on the message.
        :raise UserError: when the domain finds none.
        """
        cache = self.env.cr.cache
        cache[MESSAGE] = message.id, params
        try:
            records = message
            if record_domain:
                records = self._records_for_message(record_domain)
            self.with_context(
                active_model=records._name,
                active_ids=records.ids,
                active_id=records[:1].id,
            ).run()
        finally:
            cache.pop(MESSAGE, None)

    def _records_for_message(self, record_domain):
        model = self.env[self.sudo().model_name]
        values = self._get_eval_context(self.sudo())
        records = model.search(safe_eval(record_domain, values))
        if not records:
            raise UserError(
                self.env._(
                    "No %(model)s matches %(domain)s",
                    model=model._description,
                    domain=record_domain,
                )
            )
        return records


def _json_or_none(message):
    try:
        return message.json()
    except PayloadError:
        return None
