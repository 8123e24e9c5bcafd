# Copyright 2026 mqtt_listener contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
from datetime import timedelta

from odoo import api, models

SETTLED = timedelta(minutes=1)  # after which what waited has been tried
WELL_AFTER = timedelta(hours=1)  # without a suspension, whatever fails


class MqttHandler(models.Model):
    """A suspended handler is tried now and then, and people are told how it is."""

    _inherit = "mqtt.handler"

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
            if handler._is_well():
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
        message, context = self._take_first_ordered(), {}
        if not message:
            message, context = self._take_first()
        if message:
            message._enqueue_handle(self, **context)
        self.next_probe = self.env.cr.now() + timedelta(seconds=self._probe_seconds())

    def _probe_soon(self):
        """Have the next probe tried now: a person thinks that it will succeed."""
        if not (self.suspended_since and self._lock_softly()):
            return
        self.sudo().next_probe = self.env.cr.now()
        own = [*self._domain_of_own_jobs(), ("state", "=", "pending")]
        first = self.env["queue.job"].sudo().search(own, order="eta, id", limit=1)
        if first.eta and first.eta > self.env.cr.now():
            first.eta = self.env.cr.now()

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
        """The first message that waits, and more keys for the handler's environment."""
        rows = self.env["mqtt.dispatch"]
        row = rows.search([("handler_id", "=", self.id)], limit=1)
        messages = self.env["mqtt.signal.history"].browse(
            [message_id for _row, message_id in row._find_messages()]
        )
        if row and (left := messages.sorted("sequence")[1:]):
            row.service_id._hold(
                self, left, row.channel, row.priority, **row._as_again()
            )
        context = row.context or {}
        row._delete()
        return messages.sorted("sequence")[:1], context

    def _is_well(self):
        """Whether a handler that was suspended works, as far as can be known.

        One that fails for half of its messages is suspended, resumed by one that it
        handles, and suspended again: people are told of that once.
        """
        since, now = self.resumed_on, self.env.cr.now()
        if not since or now - since >= WELL_AFTER:
            return True
        if now - since < SETTLED or self._count_own_jobs():
            return False
        return not self.env["mqtt.handler.statistics"].search_count(
            [("handler_id", "=", self.id), ("error_date", ">=", since)], limit=1
        )

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
        self.write({"suspension_told": False, "failing_since": False})
        self._post_to_managers(
            self.env._("“%s” works again: what waited for it is dispatched.", self.name)
        )

    def _post_to_managers(self, body):
        self.message_post(
            body=body,
            partner_ids=self._whom_to_tell().partner_id.ids,
            subtype_xmlid="mail.mt_comment",
        )
