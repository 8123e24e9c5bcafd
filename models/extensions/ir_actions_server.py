# Copyright 2026 mqtt_listener contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
from dataclasses import dataclass

from odoo import api, models
from odoo.exceptions import UserError
from odoo.tools.safe_eval import safe_eval

from ...mqtt.payload import PayloadError


@dataclass(frozen=True)
class ForMessage:
    """What an action runs for, in its context: no client can send such a value."""

    message_id: int
    params: dict


class IrActionsServer(models.Model):
    _inherit = "ir.actions.server"

    @api.model
    def _get_eval_context(self, action=None):
        """Add the message that a handler runs the action for.

        ``mqtt_message`` (record), ``mqtt_payload`` (text, or bytes where it is none),
        ``mqtt_json`` (its value, ``None`` where it is not JSON), ``mqtt_topic`` and
        ``mqtt_params`` (named levels). The same without ``mqtt_``, as far as no other
        addon has such a name: ``base_automation`` has a ``json`` of its own.
        """
        values = super()._get_eval_context(action)
        given = self.env.context.get("mqtt_message")
        if isinstance(given, ForMessage):
            # sudo: whom the handler runs as need not be an MQTT user
            message = self.env["mqtt.signal.history"].sudo().browse(given.message_id)
            own = {
                "message": message,
                "payload": message.payload or message.payload_bytes or "",
                "json": _json_or_none(message),
                "topic": message.topic,
                "params": given.params,
            }
            values = {
                **own,
                **values,
                **{f"mqtt_{name}": value for name, value in own.items()},
            }
        return values

    def _run_for_message(self, message, params, record_domain=None):
        """Run this action for a message.

        :param params: the named levels of its topic.
        :param record_domain: text of the domain that finds the records to run on; else
            it runs on the message.
        :raise UserError: when the domain finds none.
        """
        action = self.with_context(mqtt_message=ForMessage(message.id, params))
        records = message
        if record_domain:
            records = action._records_for_message(record_domain)
        action.with_context(
            active_model=records._name,
            active_ids=records.ids,
            active_id=records[:1].id,
        ).run()

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
