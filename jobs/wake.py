# Copyright 2026 mqtt_listener contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""See that a job takes what waits, without a job for each thing that waits."""

from typing import Any

from psycopg2.errors import SerializationFailure

from odoo import models
from odoo.tools import mute_logger

SOON_SECONDS = 2  # a job that begins later is not relied on


class MqttService(models.Model):
    _inherit = "mqtt.service"

    def _will_be_seen(self, method, channel, priority, handler_id=None) -> bool:
        """Whether a job that begins after this transaction takes what it leaves.

        Such a job is pending. It is locked until the commit, so that the job runner
        cannot enqueue it before: called last, or the runner waits. One that is enqueued
        already is not locked: its worker would skip it, and it would never run.

        :param method: name of the job's method.
        :param channel: its queue channel; :param priority: its priority.
        :param handler_id: of the handler whose job it is, if it is of one.
        """
        try:
            with mute_logger("odoo.sql_db"), self.env.cr.savepoint():
                # No ORM equivalent: a shared lock, which other ingest jobs can have.
                self.env.cr.execute(
                    """
                    SELECT id FROM queue_job
                     WHERE mqtt_service_id = %s AND method_name = %s
                       AND mqtt_message_id IS NULL AND state = 'pending'
                       AND channel = %s AND priority = %s
                       AND mqtt_handler_id IS NOT DISTINCT FROM %s
                       AND (eta IS NULL
                            OR eta <= now() AT TIME ZONE 'UTC'
                                      + %s * interval '1 second')
                     LIMIT 1 FOR SHARE SKIP LOCKED
                    """,
                    [self.id, method, channel, priority, handler_id, SOON_SECONDS],
                )
                return bool(self.env.cr.fetchone())
        except SerializationFailure:  # it has begun meanwhile
            return False

    def _is_job_needed(self, *of_many) -> bool:
        """Whether a new job has to take what this transaction leaves.

        Beside one that has just failed, job after job would fail as well.

        :param of_many: as ``_will_be_seen`` takes them.
        """
        if self._will_be_seen(*of_many):
            return False
        failed = self._failed_of_many(*of_many)
        return failed == failed._mqtt_are_due()

    def _failed_of_many(self, *of_many) -> models.BaseModel:
        failed = [*self._domain_of_many(*of_many), ("state", "=", "failed")]
        return (
            self.env["queue.job"]
            .sudo()
            .search(failed, order="date_started DESC, id DESC", limit=1)
        )

    def _domain_of_many(
        self, method, channel, priority, handler_id=None
    ) -> list[tuple[str, str, Any]]:
        return [
            ("mqtt_service_id", "=", self.id),
            ("method_name", "=", method),
            ("mqtt_message_id", "=", False),
            ("channel", "=", channel),
            ("priority", "=", priority),
            ("mqtt_handler_id", "=", handler_id or False),
        ]

    def _wake_dispatch(self, channel, priority) -> None:
        """Have a job dispatch what waits for handlers of a channel and priority."""
        if self._is_job_needed("_job_dispatch", channel, priority):
            self._enqueue_dispatch(channel, priority)

    def _enqueue_dispatch(self, channel, priority) -> None:
        self._for_jobs().with_delay(
            channel=channel,
            priority=priority,
            max_retries=0,  # what fails leaves it as a job of its own
            description=self.env._("Handle messages of %s that wait", self.name),
        )._job_dispatch(channel=channel, priority=priority)

    def _waiting_rows(self, channel, priority, limit=None) -> models.BaseModel:
        """What waits for handlers of a channel and priority, in the order of reception.

        :return: ``mqtt.dispatch`` records, without those of suspended handlers.
        """
        return (
            self.env["mqtt.dispatch"]
            .sudo()
            .search(
                [
                    ("service_id", "=", self.id),
                    ("channel", "=", channel),
                    ("priority", "=", priority),
                    ("handler_id", "=", False),
                ],
                limit=limit,
            )
        )
