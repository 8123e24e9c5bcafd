# Copyright 2026 mqtt_listener contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
from datetime import timedelta

from psycopg2.errors import SerializationFailure

from odoo import fields, models
from odoo.tools import mute_logger

from ..common.groups import OPERATOR, check_group

FIRST_PROBE = timedelta(minutes=1)
LONGEST_PROBE = timedelta(minutes=30)  # between two tries of a suspended handler


class MqttHandler(models.Model):
    """A handler that keeps failing is suspended: its messages wait without a job."""

    _inherit = "mqtt.handler"

    suspend_after = fields.Integer(
        default=50,
        required=True,
        help="The handler is suspended after this number of failures in a row. 0: "
        "never.",
    )
    suspend_waiting = fields.Integer(
        default=100,
        required=True,
        help="The handler is suspended when a message fails while this number of "
        "messages waits to be retried. 0: never.",
    )
    suspended_since = fields.Datetime(
        readonly=True,
        copy=False,
        help="Time when the handler was suspended. Its messages wait until it "
        "works again.",
    )
    suspend_reason = fields.Char(
        readonly=True, copy=False, help="Why the handler was suspended."
    )
    suspended_count = fields.Integer(
        string="Messages Waiting",
        compute="_compute_suspended_count",
        compute_sudo=True,
        help="Number of messages that wait until the handler is resumed.",
    )
    failures_in_row = fields.Integer(readonly=True, copy=False)
    next_probe = fields.Datetime(readonly=True, copy=False)
    next_try = fields.Datetime(
        compute="_compute_next_try",
        compute_sudo=True,
        help="Time of the next try while the handler is suspended.",
    )
    failing_since = fields.Datetime(
        readonly=True,
        copy=False,
        help="First of the suspensions that followed each other without a time in "
        "which the handler worked.",
    )
    resumed_on = fields.Datetime(readonly=True, copy=False)
    suspension_told = fields.Boolean(readonly=True, copy=False)

    _suspension = models.Constraint(
        "CHECK(suspend_after >= 0 AND suspend_waiting >= 0)",
        "The limits for suspension are whole numbers, 0 or more.",
    )

    def _compute_suspended_count(self):
        counts = dict(
            self.env["mqtt.dispatch"]._read_group(
                [("handler_id", "in", self.ids)], ["handler_id"], ["message_count:sum"]
            )
        )
        ordered = dict(
            self.env["mqtt.ordered.message"]._read_group(
                [("handler_id", "in", self.ids)], ["handler_id"], ["__count"]
            )
        )
        for handler in self:
            handler.suspended_count = counts.get(handler, 0) + ordered.get(handler, 0)

    def _compute_next_try(self):
        for handler in self:
            own = [*handler._domain_of_own_jobs(), ("state", "=", "pending")]
            first = self.env["queue.job"].search(own, order="eta, id", limit=1)
            handler.next_try = handler.suspended_since and (
                first.eta or first.date_created or handler.next_probe
            )

    # Buttons

    def action_resume(self):
        """Dispatch what waits for these suspended handlers.

        :raise AccessError: for a user who is no MQTT operator.
        """
        check_group(
            self.env,
            OPERATOR,
            self.env._("Only an MQTT operator may resume a handler."),
        )
        self.check_access("read")
        for handler in self.sudo().filtered("suspended_since"):
            handler._resume()
            handler.failing_since = False  # probes begin anew if it fails again
            handler.message_post(body=self.env._("Resumed by %s.", self.env.user.name))
        return True

    # What its jobs ask and say

    def _held(self):
        """Those of these handlers that messages wait for without a job."""
        return self.filtered(lambda one: one.suspended_since or one._is_gone())

    def _domain_of_own_jobs(self):
        """The jobs of one message each for this handler."""
        return [("mqtt_handler_id", "=", self.id), ("mqtt_message_id", "!=", False)]

    def _count_own_jobs(self):
        """How many messages have a job of their own that has not ended."""
        is_open = ("state", "in", ("pending", "enqueued", "started"))
        return (
            self.env["queue.job"]
            .sudo()
            .search_count(
                [*self._domain_of_own_jobs(), is_open],
                limit=max(self.suspend_waiting, 1),
            )
        )

    def _save_failures_in_row(self, count):
        if self._lock_softly():
            self.sudo().failures_in_row = count

    def _suspend(self):
        """Have what comes wait, until a probe succeeds or an operator resumes."""
        if self.suspended_since or not self._lock_softly():
            return
        now = self.env.cr.now()
        self.sudo().write(
            {
                "suspended_since": now,
                "failing_since": self.failing_since or now,
                "suspend_reason": self._describe_failing(),
            }
        )
        self.sudo().next_probe = now + timedelta(seconds=self._probe_seconds())

    def _describe_failing(self):
        if self.suspend_after and self.failures_in_row >= self.suspend_after:
            return self.env._("%s messages failed in a row.", self.failures_in_row)
        return self.env._("Too many messages wait to be retried.")

    def _resume(self):
        """Have jobs dispatch what waits, in the order of reception."""
        if not self._lock_softly():
            return  # another is at it, and what it does not see, cron releases
        self.sudo().write(
            {
                "suspended_since": False,
                "resumed_on": self.env.cr.now(),
                "suspend_reason": False,
                "next_probe": False,
                "failures_in_row": 0,
            }
        )
        self.flush_recordset()
        self._release()

    def _release(self):
        """Let what waits for these handlers be dispatched."""
        self._requeue_gone()
        waiting = self.env["mqtt.dispatch"].sudo()
        keys = waiting._read_group(
            [("handler_id", "in", self.ids)], ["service_id", "channel", "priority"]
        )
        waiting._let_go(self)
        for service, channel, priority in keys:
            service._wake_dispatch(channel, priority)
        for handler, service in (
            self.env["mqtt.ordered.message"]
            .sudo()
            ._read_group([("handler_id", "in", self.ids)], ["handler_id", "service_id"])
        ):
            service._wake_in_order(handler)

    def _lock_softly(self):
        """Lock the row if no other transaction has it or has just written it."""
        self.env.flush_all()
        try:
            with mute_logger("odoo.sql_db"), self.env.cr.savepoint():
                return bool(self.sudo().try_lock_for_update(allow_referencing=True))
        except SerializationFailure:
            return False

    def _probe_seconds(self):
        """Seconds until the next probe while suspended, at least: they grow, also where
        the handler was well for a short while.
        """
        if not self.suspended_since:
            return 0
        since = self.env.cr.now() - (self.failing_since or self.suspended_since)
        return int(min(max(since / 2, FIRST_PROBE), LONGEST_PROBE).total_seconds())
