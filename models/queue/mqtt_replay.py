# Copyright 2026 mqtt_listener contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
from odoo import api, fields, models
from odoo.exceptions import AccessError, UserError, ValidationError
from odoo.fields import Domain

from ...mqtt.topic import TopicError, TopicFilter
from ..common.groups import OPERATOR, check_group
from ..common.wide_fields import BigInteger
from ..message.mqtt_signal_history import NOT_KEPT

OWN_FIELDS = {
    "state",
    "done",
    "last_id",
    "end_id",
    "left",
    "job_uuid",
    "allowed_service_ids",
    "company_id",
    "total",
}
UNTOUCHED = {"state": "draft"}  # what a new one has of these; of the others, nothing


class MqttReplay(models.Model):
    """Messages of history that are given to handlers once more."""

    _name = "mqtt.replay"
    _description = "MQTT Replay"
    _order = "id desc"
    _rec_name = "summary"
    _rec_names_search = ("topic_filter", "handler_id")

    summary = fields.Char(
        compute="_compute_summary",
        help="Messages and handlers of this replay in words.",
    )
    handler_id = fields.Many2one(
        "mqtt.handler",
        ondelete="cascade",
        help="Handler that the messages are dispatched to. Empty: all handlers "
        "whose pattern matches.",
    )
    selected_ids = fields.Json(readonly=True, help="Messages that the user selected.")
    selected_count = fields.Integer(
        compute="_compute_selected_count",
        help="Number of messages that the user selected.",
    )
    service_id = fields.Many2one(
        "mqtt.service", ondelete="cascade", help="Service whose messages are replayed."
    )
    company_id = fields.Many2one(
        "res.company",
        default=lambda self: self.env.company,
        required=True,
        readonly=True,
        copy=False,
    )
    topic_filter = fields.Char(
        default="#", help="Topic filter of the messages: plant/+/state or plant/#."
    )
    date_from = fields.Datetime(string="From", help="Messages from this time on.")
    date_to = fields.Datetime(string="To", help="Messages before this time.")
    state = fields.Selection(
        [
            ("draft", "Not Started"),
            ("running", "Running"),
            ("done", "Done"),
            ("cancelled", "Cancelled"),
        ],
        default="draft",
        required=True,
        readonly=True,
        copy=False,
        help="Running: jobs dispatch the messages. Done: all were dispatched. "
        "Cancelled: a user ended the replay.",
    )
    total = BigInteger(
        string="Messages",
        compute="_compute_total",
        store=True,
        compute_sudo=False,  # or a draft counted what its operator may not see,
        help="Number of messages that match.",
    )
    done = BigInteger(
        readonly=True,
        copy=False,
        help="Number of messages that were dispatched so far.",
    )
    progress = fields.Float(
        compute="_compute_progress",
        help="Share of the messages that were dispatched so far, in percent.",
    )
    last_id = BigInteger(
        readonly=True,
        copy=False,
        default=0,
        help="Identifier of the last message that was dispatched.",
    )
    allowed_service_ids = fields.Json(
        readonly=True,
        copy=False,
        help="Services visible to the user who started the replay.",
    )
    left = fields.Json(
        readonly=True,
        copy=False,
        help="[[handler, [messages]]] of the part that was begun and is not done.",
    )
    job_uuid = fields.Char(
        readonly=True, copy=False, help="Identifier of the last job of this replay."
    )
    end_id = BigInteger(
        readonly=True,
        copy=False,
        help="Identifier of the newest message when the replay was started.",
    )

    @api.depends("topic_filter", "selected_ids", "handler_id")
    @api.depends_context("lang")
    def _compute_summary(self):
        for replay in self:
            what = (
                self.env._("%s selected messages", replay.selected_count)
                if replay.selected_ids
                else replay.topic_filter or "#"
            )
            to = replay.handler_id.name or self.env._("all handlers")
            replay.summary = f"{what} → {to}"

    @api.depends("selected_ids")
    def _compute_selected_count(self):
        for replay in self:
            replay.selected_count = len(replay.selected_ids or ())

    @api.depends("topic_filter", "service_id", "date_from", "date_to", "selected_ids")
    def _compute_total(self):
        history = self.env["mqtt.signal.history"]
        for replay in self:
            if replay.state in (False, "draft"):
                replay.total = history.search_count(replay._message_domain())

    @api.depends("total", "done")
    def _compute_progress(self):
        for replay in self:
            replay.progress = 100 * replay.done / replay.total if replay.total else 0

    @api.model_create_multi
    def create(self, vals_list):
        for vals in vals_list:
            self._check_own_fields(vals)
        replays = super().create(vals_list)
        if not self.env.su:
            replays._check_untouched()
        return replays

    def write(self, vals):
        self._check_own_fields(vals)
        return super().write(vals)

    def _check_own_fields(self, vals):
        """What its jobs, which run as superuser, go by is nobody else's to write."""
        if not self.env.su and OWN_FIELDS & set(vals):
            raise AccessError(self.env._("A replay is driven by Start and Cancel."))

    def _check_untouched(self):
        """The context may have had values for them as well."""
        for replay in self:
            for name in OWN_FIELDS - {"company_id", "total"}:
                if (replay[name] or False) != UNTOUCHED.get(name, False):
                    raise AccessError(
                        self.env._("A replay is driven by Start and Cancel.")
                    )

    @api.constrains("selected_ids")
    def _check_selected_ids(self):
        for replay in self:
            ids = replay.selected_ids or []
            if not isinstance(ids, list) or any(type(one) is not int for one in ids):
                raise ValidationError(
                    self.env._("Selected messages have to be a list of their IDs.")
                )

    @api.constrains("topic_filter")
    def _check_topic_filter(self):
        for replay in self:
            try:
                TopicFilter(replay.topic_filter or "#")
            except TopicError as error:
                raise ValidationError(
                    self.env["mqtt.subscription"]._describe_topic_error(
                        error.code, error.text
                    )
                ) from error

    def action_start(self):
        """Give the messages to their handlers, in jobs.

        :raise AccessError: for a user who is no MQTT operator.
        :raise UserError: when there is no message, or it was started before.
        """
        self._check_operator()
        self.check_access("write")
        services = self.env["mqtt.service"].with_context(active_test=False)
        allowed_services = services.search(Domain.TRUE)
        for replay in self.sudo():
            if replay.state != "draft":
                raise UserError(self.env._("It was started before: duplicate it."))
            # What comes from now on reaches its handlers by itself.
            history = self.env["mqtt.signal.history"].sudo()
            replay.end_id = history.search([], order="id desc", limit=1).id
            replay.allowed_service_ids = allowed_services.ids
            replay.total = history.search_count(replay._message_domain())
            if not replay.total:
                raise UserError(self.env._("The message does not exist."))
            replay.state = "running"
            replay._enqueue_replay()
        return True

    def action_cancel(self):
        """Give no more messages; what was given stays."""
        self._check_operator()
        self.check_access("write")
        self.sudo().filtered(lambda one: one.state == "running").state = "cancelled"
        return True

    def _check_operator(self):
        check_group(
            self.env, OPERATOR, self.env._("Only an MQTT operator may replay messages.")
        )

    def _message_domain(self):
        """Which messages they are."""
        domain = Domain("direction", "=", "receive") & ~NOT_KEPT
        if self.allowed_service_ids is not False:
            # Its jobs run as superuser, whom no rule keeps from other companies.
            domain &= Domain("service_id", "in", self.allowed_service_ids)
        if self.selected_ids:
            return domain & Domain("id", "in", self.selected_ids)
        if self.service_id:
            domain &= Domain("service_id", "=", self.service_id.id)
        if self.date_from:
            domain &= Domain("timestamp", ">=", self.date_from)
        if self.date_to:
            domain &= Domain("timestamp", "<", self.date_to)
        return domain & Domain("topic_filter", "=", self.topic_filter or "#")

    def _not_given(self):
        return Domain("id", ">", self.last_id) & Domain("id", "<=", self.end_id)
