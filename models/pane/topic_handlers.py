# Copyright 2026 mqtt_listener contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
from odoo import models
from odoo.fields import Domain

from ...mqtt.wording import short_line


class MqttSignalHistory(models.Model):
    """Which handlers took a message, and what came of it at each of them."""

    _inherit = "mqtt.signal.history"

    def _handler_outcomes(self):
        """What came of a message at each handler that matches its topic.

        A handler that is called at once leaves no trace of a single message: what
        neither waits nor has a job is done.

        :return: dicts: ``id`` and ``name`` of the handler, ``state`` of :attr:`state`,
            or ``none`` for one that was not called, ``state_label``, and ``detail``:
            the error of a failed one, for those who may read jobs.
        """
        self.ensure_one()
        waiting = self._handlers_waiting()
        jobs = self._jobs_by_handler()
        matching = self.service_id._matcher(self.direction)(self.topic)
        # The rules decide about handlers: a company does not see those of another.
        found = self.env["mqtt.handler"].search(
            Domain("id", "in", [*(target[0] for target in matching), *waiting, *jobs])
        )
        labels = dict(self._fields["state"]._description_selection(self.env))
        labels["none"] = self.env._("Not called")
        may_read_jobs = self.env["queue.job"].has_access("read")
        outcomes = []
        for handler in found:
            job = jobs.get(handler.id)
            state = self._outcome(handler, job, handler.id in waiting)
            has_detail = state in ("failed", "retrying") and job and may_read_jobs
            outcomes.append(
                {
                    "id": handler.id,
                    "name": handler.name,
                    "state": state,
                    "state_label": labels[state],
                    "detail": short_line(job.exc_message or "") if has_detail else "",
                }
            )
        return outcomes

    def _outcome(self, handler, job, is_waiting):
        if job and job.state == "failed":
            return "failed"
        if is_waiting or (job and job.state not in ("done", "cancelled")):
            return "retrying" if job and job.retry else "queued"
        if job:
            return job.state
        is_newer = handler.create_date and handler.create_date > self.timestamp
        return "none" if is_newer or not self.has_handlers else "done"

    def _jobs_by_handler(self):
        """The newest job that calls each handler with this message alone."""
        # sudo: what came of a message is for all who may read it, as its state is
        jobs = self.env["queue.job"].sudo()
        own = jobs.search(
            [("mqtt_message_id", "=", self.id), ("mqtt_handler_id", "!=", False)],
            order="id",
        )
        return {job.mqtt_handler_id.id: job for job in own}

    def _handlers_waiting(self):
        """Ids of the handlers that the message waits for."""
        rows = self._rows_of_dispatch()
        ordered = self.env["mqtt.ordered.message"].sudo()
        in_order = ordered.search([("message_id", "=", self.id)]).handler_id
        return {*in_order.ids, *(one for row in rows for one in row.handlers)}
