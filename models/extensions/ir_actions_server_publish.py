# Copyright 2026 mqtt_listener contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
import json
from contextlib import closing

import psycopg2

from odoo import api, fields, models
from odoo.exceptions import UserError
from odoo.tools import mute_logger
from odoo.tools.rendering_tools import parse_inline_template
from odoo.tools.safe_eval import safe_eval

PUBLISH = "mqtt_publish"


def _unlink_with_schedules(actions):
    # Odoo lets no action go that a schedule needs.
    actions.ir_cron_ids.unlink()
    actions.unlink()


class IrActionsServer(models.Model):
    """Publish a message, from Odoo's own automation: rules, schedules, buttons."""

    _inherit = "ir.actions.server"

    state = fields.Selection(
        selection_add=[(PUBLISH, "Publish MQTT Message"), ("multi",)],
        ondelete={PUBLISH: _unlink_with_schedules},
    )
    mqtt_service_id = fields.Many2one(
        "mqtt.service", string="MQTT Service", ondelete="restrict"
    )
    mqtt_topic = fields.Char(
        string="Topic",
        help="With expressions, such as plant/{{ record.code }}/command.",
    )
    mqtt_payload = fields.Text(
        string="Payload",
        help='With expressions, such as {"order": {{ to_json(record.name) }}}.',
    )
    mqtt_qos = fields.Selection(
        [("0", "0"), ("1", "1"), ("2", "2")], string="QoS", default="1"
    )
    mqtt_retain = fields.Boolean(
        string="Retain",
        help="The broker keeps the message and sends it to clients that subscribe "
        "later.",
    )
    mqtt_preview_ref = fields.Reference(
        selection="_selection_target_model",
        string="Preview on",
        compute="_compute_mqtt_preview_ref",
        readonly=False,
        store=False,
    )
    mqtt_preview = fields.Text(compute="_compute_mqtt_preview", string="Preview")

    @api.depends("model_id", "state")
    @api.depends_context("uid", "allowed_company_ids")
    def _compute_mqtt_preview_ref(self):
        for action in self:
            record = False
            if action.state == PUBLISH and action.model_id:
                record = self.env[action.model_id.model].search([], limit=1)
            action.mqtt_preview_ref = record and f"{record._name},{record.id}"

    @api.depends("mqtt_preview_ref", "mqtt_topic", "mqtt_payload", "state")
    @api.depends_context("lang", "tz", "uid", "allowed_company_ids")
    def _compute_mqtt_preview(self):
        for action in self:
            record = action.state == PUBLISH and action.mqtt_preview_ref
            action.mqtt_preview = record and self._mqtt_preview_of(action, record)

    @api.model
    def _mqtt_preview_of(self, action, record):
        """What an action would publish, or why it would not. Looking changes nothing.

        :param action: it, or a scheduled action, with what its form has.
        :param record: that it would run on; ``None``: as a schedule runs it.
        """
        # Who writes no actions may not have their expressions evaluated here either.
        if not self.env[self._name].has_access("write"):
            return False
        # Not under a savepoint: what waits for the commit has to go as well, and what
        # the form has is in this transaction's cache only. And read-only, for no
        # rollback gives the numbers of a sequence back.
        with (
            closing(self.env.registry.cursor(readonly=True)) as cr,
            mute_logger("odoo.sql_db"),
        ):
            cr.execute("SET TRANSACTION READ ONLY")  # of use where there is no replica
            env = api.Environment(cr, self.env.uid, self.env.context)
            own = env[self._name].new(
                {
                    "name": action.name,
                    "model_id": action.model_id.id,
                    "mqtt_topic": action.mqtt_topic,
                    "mqtt_payload": action.mqtt_payload,
                }
            )
            record = record and record.with_env(env)
            try:
                topic, payload = own._mqtt_render(
                    {
                        **own._get_eval_context(own),
                        "record": record,
                        "records": record,
                        # Odoo's writes in a transaction of its own
                        "log": lambda *_args, **_kwargs: None,
                    }
                )
            except Exception as error:  # noqa: BLE001
                return self._describe_preview_error(error)
        return f"{topic}\n{payload}"

    def _describe_preview_error(self, error):
        cause = error
        while cause and not isinstance(cause, psycopg2.errors.ReadOnlySqlTransaction):
            cause = cause.__context__
        if not cause:
            return str(error)
        return self.env._(
            "No preview: an expression changes data, such as the next number of a "
            "sequence. That is done when the message is published, not by looking."
        )

    def _mqtt_render(self, values):
        """Topic and payload for a record.

        :param values: what expressions may name, as server actions have it.
        :raise UserError: naming the expression that cannot be evaluated.
        """
        values = {**values, "object": values.get("record"), "to_json": _to_json}
        return (
            self._mqtt_render_text(self.mqtt_topic or "", values),
            self._mqtt_render_text(self.mqtt_payload or "", values),
        )

    def _mqtt_render_text(self, text, values):
        parts = []
        for literal, expression, default in parse_inline_template(text):
            parts.append(literal)
            if not expression:
                continue
            try:
                value = safe_eval(expression, dict(values))
            except psycopg2.OperationalError:
                raise  # Odoo tries the transaction again
            except Exception as error:
                has_record = bool(values["record"])
                raise UserError(
                    self._describe_mqtt_error(expression, error, has_record)
                ) from error
            # Fields without a value are False; a number that is 0 is none such.
            is_empty = value is None or value is False
            parts.append(default if is_empty else str(value))
        return "".join(parts)

    def _describe_mqtt_error(self, expression, error, has_record):
        words = {"action": self.name, "expression": expression, "error": error}
        if has_record:
            return self.env._(
                "“%(action)s” cannot evaluate %(expression)s: %(error)s", **words
            )
        return self.env._(
            "“%(action)s” cannot evaluate %(expression)s without a record, as it runs "
            "on a schedule: %(error)s. Use “model” or “env” there.",
            **words,
        )

    def _run_action_mqtt_publish_multi(self, eval_context=None):
        """Publish when this transaction commits: for each record of the context, in its
        order; once, and without a record, where the context has none, as on a schedule.

        A service that the action names is taken for everybody, of whichever company:
        who writes server actions decides what they publish and where to. Without one it
        is the oldest that is of the environment's company or of none.

        :raise UserError: naming the expression that cannot be evaluated, or saying that
            there is no service.
        """
        # sudo: who sets it off need not be an MQTT operator, as with Odoo's mails
        service = self.sudo().mqtt_service_id or self.sudo()._mqtt_default_service(
            eval_context["env"].company
        )
        for record in eval_context["records"] or eval_context["record"] or [None]:
            topic, payload = self._mqtt_render(
                {**eval_context, "record": record, "records": record}
            )
            service.mqtt_publish(
                topic, payload, qos=int(self.mqtt_qos or 1), retain=self.mqtt_retain
            )
        return False

    def _mqtt_default_service(self, company):
        service = self.env["mqtt.service"].search(
            [("active", "=", True), ("company_id", "in", [False, company.id])],
            order="id",
            limit=1,
        )
        if not service:
            raise UserError(
                self.env._(
                    "“%(action)s” names no MQTT service, and %(company)s has none: "
                    "choose one on the action, or create one for the company.",
                    action=self.name,
                    company=company.name,
                )
            )
        return service


def _to_json(value):
    """For expressions: a value as JSON, a record as its id.

    :raise ValueError: for a number that JSON does not have.
    """
    if isinstance(value, models.BaseModel):
        value = value.ids if len(value) > 1 else value.id
    return json.dumps(value, ensure_ascii=False, allow_nan=False, default=str)
