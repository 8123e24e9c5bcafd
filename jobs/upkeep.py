# Copyright 2026 mqtt_listener contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""Find what waits and has no living job, and give it one.

Jobs are cancelled, set done and deleted by people, found dead, and removed with the
modules that made them. What they were for is rows of our own, so it is found here.
"""

import logging

from odoo import api, fields, models

_logger = logging.getLogger(__name__)

LIVING = ("wait_dependencies", "pending", "enqueued", "started")


NAMED = (("job_uuid", "!=", False),)  # rows that have a job of their own


class MqttService(models.Model):
    _inherit = "mqtt.service"

    @api.model
    def _wake_all(self) -> None:
        """Give a job to what waits without one. Called by cron.

        What goes wrong with one kind keeps no other from being woken.
        """
        for wake in (
            self._wake_ingest,
            self._wake_apart,
            self._wake_all_dispatch,
            self._wake_all_in_order,
            self._wake_replays,
            self._wake_publishing,
            self.env["mqtt.request"]._wake_silence,
            self.env["mqtt.subscription"]._wake_removal,
        ):
            try:
                with self.env.cr.savepoint():
                    wake()
            except Exception:
                # A guard: the other kinds have to be woken all the same.
                _logger.exception("what waits could not be given jobs")

    def _is_without_job(self, *of_many) -> bool:
        """Whether no job of these will run; a failed one is tried again when due.

        :param of_many: as ``_domain_of_many`` takes them.
        """
        jobs = self.env["queue.job"].sudo()
        own = self._domain_of_many(*of_many)
        if jobs.search_count([*own, ("state", "in", LIVING)], limit=1):
            return False
        failed = self._failed_of_many(*of_many)
        failed._mqtt_are_due().requeue()
        return not failed

    @api.model
    def _wake_apart(self) -> None:
        for batch in _without_job(self.env["mqtt.batch"]):
            batch.service_id._set_apart(batch)

    @api.model
    def _wake_all_dispatch(self) -> None:
        for service, channel, priority in (
            self.env["mqtt.dispatch"]
            .sudo()
            ._read_group(
                [("handler_id", "=", False)], ["service_id", "channel", "priority"]
            )
        ):
            if service._is_without_job("_job_dispatch", channel, priority):
                service._enqueue_dispatch(channel, priority)

    @api.model
    def _wake_all_in_order(self) -> None:
        for handler, service in (
            self.env["mqtt.ordered.message"]
            .sudo()
            ._read_group([], ["handler_id", "service_id"])
        ):
            if (
                not handler._held()
                and service._next_in_order(handler)[0]
                and service._is_without_job(
                    "_job_in_order", handler.channel, handler.priority, handler.id
                )
            ):
                service._enqueue_in_order(handler)

    @api.model
    def _wake_replays(self) -> None:
        running = [("state", "=", "running")]
        replays = self.env["mqtt.replay"]
        for replay in _without_job(replays, running):
            replay._enqueue_replay()
        uuids = replays.search(running).mapped("job_uuid")
        failed = [("uuid", "in", uuids), ("state", "=", "failed")]
        self.env["queue.job"].search(failed)._mqtt_are_due().requeue()

    @api.model
    def _wake_publishing(self) -> None:
        waiting = _without_job(self.env["mqtt.outbox"])
        for service, own in waiting.grouped("service_id").items():
            service._enqueue_publish(own)


class MqttRequest(models.Model):
    _inherit = "mqtt.request"

    @api.model
    def _wake_silence(self) -> None:
        """See that whoever asked is told that no answer has come."""
        now = fields.Datetime.now()
        for request in _without_job(self, [("state", "=", "waiting")]):
            left = (request.deadline - now).total_seconds()
            request._enqueue_silence(max(left, 0))


def _without_job(records, domain=NAMED) -> models.BaseModel:
    """Records of a model whose job, ``job_uuid``, is gone, or has ended before them.

    A failed one is for a person to requeue.
    """
    uuids = {uuid for (uuid,) in records._read_group(domain, ["job_uuid"])}
    known = records.env["queue.job"].search(
        [("uuid", "in", list(uuids - {False})), ("state", "in", (*LIVING, "failed"))]
    )
    left = uuids - set(known.mapped("uuid"))
    return (
        records.search([*domain, ("job_uuid", "in", list(left))])
        if left
        else records.browse()
    )
