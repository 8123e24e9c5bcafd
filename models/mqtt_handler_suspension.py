from datetime import timedelta

from psycopg2.errors import SerializationFailure

from odoo import api, fields, models
from odoo.tools import mute_logger

from .groups import OPERATOR, check_group

FIRST_PROBE = timedelta(minutes=1)
LONGEST_PROBE = timedelta(minutes=30)  # between two tries of a suspended handler


class MqttHandler(models.Model):
    """A handler that keeps failing is suspended: its messages wait without a job."""

    _inherit = "mqtt.handler"

    suspend_after = fields.Integer(
        default=50,
        required=True,
        help="Failures in a row after which the handler is suspended; 0: never.",
    )
    suspend_waiting = fields.Integer(
        default=100,
        required=True,
        help="Messages waiting to be retried at which the handler is suspended when "
        "another one fails; 0: never.",
    )
    suspended_since = fields.Datetime(readonly=True, copy=False)
    suspend_reason = fields.Char(readonly=True, copy=False)
    suspended_count = fields.Integer(
        string="Messages Waiting",
        compute="_compute_suspended_count",
        compute_sudo=True,
    )
    failures_in_row = fields.Integer(readonly=True, copy=False)
    next_probe = fields.Datetime(readonly=True, copy=False)
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
            handler.message_post(body=self.env._("Resumed by %s.", self.env.user.name))
        return True

    # What its jobs ask and say

    def _held(self):
        """Those of these handlers that messages wait for without a job."""
        return self.filtered(lambda one: one.suspended_since or one._is_gone())

    def _count_own_jobs(self):
        """How many messages have a job of their own that has not ended."""
        return (
            self.env["queue.job"]
            .sudo()
            .search_count(
                [
                    ("mqtt_handler_id", "=", self.id),
                    ("mqtt_message_id", "!=", False),
                    ("state", "in", ("pending", "enqueued", "started")),
                ],
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
                "suspend_reason": self._describe_failing(),
                "next_probe": now + FIRST_PROBE,
            }
        )

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
        rows = self.env["mqtt.dispatch"].sudo().search([("handler_id", "in", self.ids)])
        rows.handler_id = False
        keys = {(row.service_id, row.channel, row.priority) for row in rows}
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
        """Seconds until the next probe while suspended, at least: they grow."""
        if not self.suspended_since:
            return 0
        since = self.env.cr.now() - self.suspended_since
        return int(min(max(since / 2, FIRST_PROBE), LONGEST_PROBE).total_seconds())

    # Called by cron

    @api.model
    def _look_after_suspended(self):
        """Probe suspended handlers, release what is left, and notify people once."""
        every = self.with_context(active_test=False).sudo()
        for handler in every.search([("suspended_since", "!=", False)]):
            handler._probe()
            if not handler.suspension_told:
                handler._notify_suspended()
        for handler in every.search(
            [("suspended_since", "=", False), ("suspension_told", "=", True)]
        ):
            handler._notify_well()
        held = (
            self.env["mqtt.dispatch"]
            .sudo()
            ._read_group([("handler_id", "!=", False)], ["handler_id"])
        )
        for (handler,) in held:
            if not handler._held():
                handler._release()

    def _probe(self):
        """Have one of the messages that wait tried, unless one is being tried."""
        if not self.active or not self.enabled or self._count_own_jobs():
            return
        if self.next_probe and self.next_probe > self.env.cr.now():
            return
        message = self._take_first_ordered() if self.ordered else self._take_first()
        if message:
            message._enqueue_handle(self)
        self.next_probe = self.env.cr.now() + timedelta(seconds=self._probe_seconds())

    def _take_first_ordered(self):
        for service in (
            self.env["mqtt.ordered.message"]
            .search([("handler_id", "=", self.id)])
            .service_id
        ):
            if service._lock_order(self):
                waiting = service._next_in_order(self)[0][:1]
                message = waiting.message_id
                waiting.unlink()
                if message:
                    return message
        return self.env["mqtt.signal.history"]

    def _take_first(self):
        rows = self.env["mqtt.dispatch"]
        row = rows.search([("handler_id", "=", self.id)], limit=1)
        messages = self.env["mqtt.signal.history"].browse(
            [message_id for _row, message_id in row._find_messages()]
        )
        if row and (left := messages.sorted("sequence")[1:]):
            row.service_id._hold(self, left, row.channel, row.priority)
        row._delete()
        return messages.sorted("sequence")[:1]

    def _notify_suspended(self):
        self.suspension_told = True
        self._post_to_managers(
            self.env._(
                "“%(handler)s” is suspended: %(reason)s Its messages wait until a "
                "retry succeeds or an operator resumes it.",
                handler=self.name,
                reason=self.suspend_reason,
            )
        )

    def _notify_well(self):
        self.suspension_told = False
        self._post_to_managers(
            self.env._("“%s” works again: what waited for it is dispatched.", self.name)
        )

    def _post_to_managers(self, body):
        self.message_post(
            body=body,
            partner_ids=self._whom_to_tell().partner_id.ids,
            subtype_xmlid="mail.mt_comment",
        )
