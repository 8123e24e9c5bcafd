# Copyright 2026 mqtt_listener contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
from odoo import api, fields, models
from odoo.fields import Domain
from odoo.tools import SQL

from odoo.addons.queue_job.exception import FailedJobError

from ...mqtt.wording import short_line
from ..common.actions import open_records
from ..common.groups import OPERATOR
from .state_sql import has_state, state_of_many, state_of_row

# What publishing raises itself; the words of other exceptions may hold anything.
IN_OWN_WORDS = f"{FailedJobError.__module__}.{FailedJobError.__name__}"


class MqttSignalHistory(models.Model):
    """How far a message has come, as its jobs tell.

    The state is no column that somebody has to keep right: jobs are found dead, are
    requeued, cancelled and deleted in the monitor, and a column would have cost an
    update of each message. queue_job knows; this asks.
    """

    _inherit = "mqtt.signal.history"

    has_handlers = fields.Boolean(
        readonly=True,
        help="At least one handler matched the message when it arrived, or later.",
    )
    cancel_reason = fields.Text(
        readonly=True,
        help="Why a handler is not called for this message, and which user "
        "cancelled it.",
    )
    _cancelled = models.Index("(timestamp DESC) WHERE cancel_reason IS NOT NULL")

    job_ids = fields.One2many(
        "queue.job",
        "mqtt_message_id",
        string="Jobs of Its Own",
        readonly=True,
        groups=f"{OPERATOR},queue_job.group_queue_job_manager",  # who may read jobs
    )
    job_count = fields.Integer(
        compute="_compute_job_count",
        compute_sudo=True,
        help="Number of jobs for this message that have not ended, or have failed.",
    )
    state = fields.Selection(
        [
            ("stored", "Stored"),
            ("queued", "Queued"),
            ("retrying", "Retrying"),
            ("failed", "Failed"),
            ("cancelled", "Cancelled"),
            ("done", "Done"),
        ],
        compute="_compute_state",
        compute_sudo=True,
        search="_search_state",
        help="Stored: no handler matches. Queued: the message waits for a handler. "
        "Retrying: a handler failed and is tried again. Failed: a handler "
        "used up its tries. Done: all handlers succeeded. A sent message is "
        "queued until the broker has acknowledged it.",
    )

    publish_problem = fields.Char(
        string="Why Not Sent",
        compute="_compute_publish_problem",
        compute_sudo=True,
        help="Result of the last try to publish the message.",
    )

    @api.depends(
        "has_handlers", "cancel_reason", "job_ids.state", "job_ids.mqtt_message_id"
    )
    def _compute_state(self):
        self.env["queue.job"].flush_model()
        self.env["mqtt.dispatch"].flush_model()
        self.env["mqtt.ordered.message"].flush_model()
        self.env["mqtt.outbox"].flush_model()
        self.flush_recordset(["has_handlers", "cancel_reason", "direction"])
        # No ORM equivalent: jobs that are for a range of messages are no relation.
        self.env.cr.execute(
            SQL(
                "SELECT id, %s FROM mqtt_signal_history WHERE id IN %s",
                state_of_row(self.env, "mqtt_signal_history"),
                tuple(self._origin.ids) or (None,),
            )
        )
        states = dict(self.env.cr.fetchall())
        for message in self:
            message.state = states.get(message._origin.id, "stored")

    def _search_state(self, operator, value):
        if operator != "in":
            return NotImplemented
        self.env["queue.job"].flush_model()
        self.env["mqtt.dispatch"].flush_model()
        self.env["mqtt.ordered.message"].flush_model()
        self.env["mqtt.outbox"].flush_model()
        states = {state for state in value if isinstance(state, str)}
        if not states:
            return Domain.FALSE  # each message has one
        self._allow_hashing()
        return Domain.custom(
            to_sql=lambda model, alias, _query: has_state(model.env, alias, states)
        )

    def _state_to_sql(self, alias):
        self._allow_hashing()
        return state_of_many(self.env, alias)

    def _allow_hashing(self):
        """Let what waits be hashed for queries of this transaction, however much."""
        # No ORM equivalent. Of 64 MiB PostgreSQL may use as much as there is to hash.
        self.env.cr.execute("SELECT set_config('work_mem', '64MB', TRUE)")

    @api.depends_context("lang")
    def _compute_publish_problem(self):
        waiting = self.env["mqtt.outbox"].search(
            [("message_id", "in", self._origin.ids), ("job_uuid", "!=", False)]
        )
        jobs = self.env["queue.job"].search(
            [("uuid", "in", list(set(waiting.mapped("job_uuid"))))]
        )
        of_jobs = {job.uuid: self._describe_unpublished(job) for job in jobs}
        problems = {one.message_id.id: of_jobs.get(one.job_uuid) for one in waiting}
        for message in self:
            message.publish_problem = problems.get(message._origin.id) or False

    def _describe_unpublished(self, job):
        """Why the messages of a job that publishes are not sent, in one line."""
        if job.state != "failed":
            return short_line(job.result or "")
        if job.exc_name == IN_OWN_WORDS:
            return short_line(job.exc_message or "")
        return self.env._(
            "Its job failed, and not because of the broker: see Failed Messages."
        )

    def _compute_job_count(self):
        for message in self:
            message.job_count = self.env["queue.job"].search_count(
                message._domain_of_jobs()
                & Domain("state", "not in", ("done", "cancelled"))
            )

    def _domain_of_jobs(self):
        """The jobs of this message: its own, and those that it waits for."""
        self.ensure_one()
        if self.direction == "send":
            return (
                Domain("mqtt_message_id", "=", self.id) | self._domain_of_publishing()
            )
        waiting = self.env["mqtt.ordered.message"].sudo()
        waits_for = waiting.search([("message_id", "=", self.id)]).handler_id
        of_many = Domain("mqtt_handler_id", "in", waits_for.ids) & Domain(
            "mqtt_message_id", "=", False
        )
        for row in self._rows_of_dispatch().filtered(lambda one: not one.handler_id):
            of_many |= (
                Domain("method_name", "=", "_job_dispatch")
                & Domain("channel", "=", row.channel)
                & Domain("priority", "=", row.priority)
                & Domain("state", "not in", ("done", "cancelled"))
            )
        return Domain("mqtt_message_id", "=", self.id) | (
            Domain("mqtt_service_id", "=", self.service_id.id) & of_many
        )

    def _rows_of_dispatch(self):
        """What waits to be dispatched with this message."""
        waiting = self.env["mqtt.dispatch"].sudo()
        of_service = Domain("service_id", "=", self.service_id.id)
        if not self.sequence:
            rows = waiting.search(of_service & Domain("message_ids", "!=", False))
            return rows.filtered(lambda one: self.id in one.message_ids)
        rows = waiting.search(
            of_service
            & Domain("first_sequence", "<=", self.sequence)
            & Domain("last_sequence", ">=", self.sequence)
        )
        return rows.filtered(
            lambda one: not one.sequences or self.sequence in one.sequences
        )

    def _domain_of_publishing(self):
        outgoing = self.env["mqtt.outbox"].sudo()
        uuid = outgoing.search([("message_id", "=", self.id)]).job_uuid
        return Domain("uuid", "=", uuid) if uuid else Domain.FALSE

    def action_open_jobs(self):
        """Open the jobs of this message that are still there."""
        self.check_access("read")
        return open_records(self.env, "queue_job_action", self._domain_of_jobs())
