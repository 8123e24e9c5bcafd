# Copyright 2026 mqtt_listener contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
from odoo import api, fields, models
from odoo.exceptions import UserError
from odoo.fields import Domain

from ..models.common.groups import OPERATOR, check_group
from ..models.common.wide_fields import BigMany2one
from ..models.message.payload_view import SHOWN_BYTES
from ..mqtt.pattern import TopicPattern
from ..mqtt.topic import FilterIndex, TopicError, check_topic_name
from ..mqtt.wording import TOPIC_CHARS, short_line


class MqttHandlerTrial(models.TransientModel):
    """What a handler would do with a message: what PostgreSQL says that it changed in a
    transaction that is rolled back.
    """

    _name = "mqtt.handler.trial"
    _description = "Trial of an MQTT Handler"

    handler_id = fields.Many2one(
        "mqtt.handler",
        required=True,
        readonly=True,
        ondelete="cascade",
        help="Handler that is tried. What it changes is rolled back.",
    )
    pattern = fields.Char(related="handler_id.pattern", related_sudo=False)
    topic_filter = fields.Char(
        compute="_compute_topic_filter", help="Topics that the handler matches."
    )
    message_id = BigMany2one(
        "mqtt.signal.history",
        string="Message",
        ondelete="set null",
        index="btree_not_null",
        help="A received message to try the handler with. Empty: enter a topic and "
        "a payload.",
    )
    # Not as superuser, who would copy messages that the user may not read.
    service_id = fields.Many2one(
        "mqtt.service",
        compute="_compute_service_id",
        compute_sudo=False,
        store=True,
        readonly=False,
        ondelete="cascade",
        help="Service that the message is assumed to come from.",
    )
    topic = fields.Char(
        compute="_compute_topic",
        compute_sudo=False,
        store=True,
        readonly=False,
        help="Topic of the message that the handler is tried with.",
    )
    payload = fields.Text(
        compute="_compute_payload",
        compute_sudo=False,
        store=True,
        readonly=False,
        help="Payload of the message that the handler is tried with.",
    )
    is_binary = fields.Boolean(
        compute="_compute_is_binary",
        compute_sudo=False,
        help="The payload is binary and is used as it was received.",
    )

    state = fields.Selection(
        [("draft", "Not Run"), ("done", "Done"), ("failed", "Failed")],
        default="draft",
        required=True,
        readonly=True,
        help="Whether the handler succeeded or failed.",
    )
    summary = fields.Char(readonly=True, help="Result of the trial in one sentence.")
    changes = fields.Html(
        readonly=True,
        help="Records that the handler would have created, changed or deleted.",
    )
    error = fields.Text(readonly=True, help="Error that the handler raised.")
    trace = fields.Text(
        string="Traceback",
        readonly=True,
        help="Traceback of the error, for developers.",
    )
    duration = fields.Float(
        digits=(10, 1), readonly=True, aggregator=None, help="Time in milliseconds."
    )

    @api.depends("handler_id.pattern")
    def _compute_topic_filter(self):
        for trial in self:
            pattern = trial.handler_id.pattern
            trial.topic_filter = pattern and TopicPattern(pattern).filter.text

    @api.depends("message_id")
    def _compute_is_binary(self):
        for trial in self:
            trial.is_binary = trial.message_id.payload_kind == "binary"

    # One method each: a value given for one would keep the others from being computed.

    @api.depends("handler_id", "message_id")
    def _compute_service_id(self):
        for trial in self:
            service = trial.message_id.service_id or trial.service_id
            trial.service_id = service or trial._first_service()

    @api.depends("handler_id", "message_id")
    def _compute_topic(self):
        for trial in self:
            topic = trial.message_id.topic or trial.topic
            trial.topic = topic or trial._only_topic()

    @api.depends("message_id")
    def _compute_payload(self):
        for trial in self:
            payload = trial.payload
            if trial.message_id:
                payload = trial.message_id._shown()[1][:SHOWN_BYTES]
            trial.payload = payload

    def _first_service(self):
        services = self.env["mqtt.service"].search(Domain.TRUE)
        return services.filtered(self.handler_id._is_for)[:1]

    def _only_topic(self):
        """The pattern itself, where it matches one topic only."""
        text = self.topic_filter or ""
        return False if "+" in text or "#" in text else text

    # Input

    def action_run(self):
        """Give the message to the handler, show what it did, and undo it.

        :raise AccessError: for a user who is no MQTT operator.
        :raise UserError: when the handler would never get such a message.
        """
        self.ensure_one()
        self.handler_id._check_may_try()
        self._check_input()
        self.write(self._try())
        return self._open()

    def _open(self):
        return {
            "type": "ir.actions.act_window",
            "name": self.env._("Try %s", self.handler_id.name),
            "res_model": self._name,
            "res_id": self.id,
            "view_mode": "form",
            "views": [(False, "form")],
            "target": "new",
            "context": {"dialog_size": "large"},
        }

    def _check_input(self):
        """:raise UserError: when the handler would never get such a message."""
        # The handler is given them as superuser, whom no rule keeps from them.
        for record in (self.handler_id, self.message_id, self.service_id):
            record.check_access("read")
        service = self.message_id.service_id or self.service_id
        if not service:
            raise UserError(
                self.env._("Choose the service that the message should be from.")
            )
        if not self.handler_id._is_for(service):
            raise UserError(
                self.env._(
                    "“%(handler)s” gets no messages of %(service)s: choose its own "
                    "service.",
                    handler=self.handler_id.name,
                    service=service.name,
                )
            )
        self._check_topic(self.message_id.topic or self.topic or "")

    def _check_topic(self, topic):
        try:
            check_topic_name(topic)
        except TopicError as error:
            raise UserError(self._describe_topic_error(error.code, topic)) from error
        pattern = self.handler_id.pattern
        if not any(FilterIndex([(TopicPattern(pattern).filter, True)]).match(topic)):
            raise UserError(
                self.env._(
                    "“%(topic)s” does not match the pattern %(pattern)s: the handler "
                    "would not get this message. Enter a topic that matches.",
                    topic=short_line(topic, TOPIC_CHARS),
                    pattern=pattern,
                )
            )

    def _describe_topic_error(self, code, topic):
        if code == "empty":
            return self.env._("Enter the topic that the message should have.")
        if code == "wildcard":
            return self.env._(
                "“%s” has + or #, which only patterns may have: enter a topic as a "
                "message has it.",
                short_line(topic, TOPIC_CHARS),
            )
        return self.env._(
            "“%s” is not a valid topic: shorten it to 65,535 bytes, and "
            "leave out characters that are no text.",
            short_line(topic, TOPIC_CHARS),
        )


class MqttHandler(models.Model):
    _inherit = "mqtt.handler"

    def action_try(self):
        """Open the dialog in which this handler can be tried.

        :raise AccessError: for a user who is no MQTT operator.
        """
        self.ensure_one()
        self._check_may_try()
        return {
            "type": "ir.actions.act_window",
            "name": self.env._("Try %s", self.name),
            "res_model": "mqtt.handler.trial",
            "view_mode": "form",
            "views": [(False, "form")],
            "target": "new",
            "context": {
                "default_handler_id": self.id,
                # Where the handler was made for a message, it is tried with that.
                "default_message_id": self.env.context.get("mqtt_try_message_id"),
                "dialog_size": "large",
            },
        }

    def _check_may_try(self):
        check_group(
            self.env, OPERATOR, self.env._("Only an MQTT operator may try a handler.")
        )
