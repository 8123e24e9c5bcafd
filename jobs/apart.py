# Copyright 2026 mqtt_listener contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""Batches that keep a job for many from storing: each has a job of its own, which finds
the message that is at fault.
"""

from dataclasses import replace

from psycopg2 import OperationalError
from psycopg2.errors import OutOfMemory

from odoo import models

from odoo.addons.queue_job.exception import FailedJobError, RetryableJobError

from ..mqtt.message import Message
from .dispatch import PIECES
from .failure import in_one_line, is_conflict
from .ingest import KILLS, LONGEST_RETRY


class MqttService(models.Model):
    _inherit = "mqtt.service"

    def _set_apart(self, batches) -> str:
        """Give each of these batches a job of its own: one of them is at fault."""
        for batch in batches:
            job = batch.service_id._delay_ingest(
                batch_id=batch.id, last_sequence=batch.last_sequence
            )
            batch.job_uuid = job.uuid
        return self.env._("Batches that get a job of their own: %s", len(batches))

    def _ingest_apart(self, batch) -> str:
        """Store a batch alone.

        Retries of its job are counted only where its worker died, its connection broke
        or there was no memory: so their number says whether a message is at fault.
        """
        if not batch.exists():
            return self.env._("Stored before.")
        service, kills = batch.service_id, self._current_job().retry
        if kills >= KILLS:
            return self._divide(batch, kills)
        try:
            counts, stored, failing = self._ingest(batch)
        except RetryableJobError as error:
            error.ignore_retry = not isinstance(error.__cause__, OutOfMemory)
            error.seconds = LONGEST_RETRY
            raise
        except OperationalError as error:
            if not is_conflict(error):
                raise
            raise RetryableJobError(str(error), seconds=1, ignore_retry=True) from error
        for error in failing.values():
            raise in_one_line(error)
        # Not in this job: a handler that ends it would have its messages suspected.
        service._enqueue_handlers(stored)
        return self._describe_stored(counts)

    def _divide(self, batch, kills) -> str:
        """Narrow down which message of a batch ends its job each time; one that is
        alone goes into quarantine.

        :param kills: how often that was.
        :raise FailedJobError: when this ends the job as well.
        """
        if kills >= 3 * KILLS:
            raise FailedJobError(
                self.env._(
                    "The batch cannot be read: each try ended the job or its "
                    "connection to the database. Requeue the job to try again, or "
                    "cancel it to give the messages up."
                )
            )
        reason = self.env._(
            "Storing it ended the job or its connection to the database %s times.",
            kills,
        )
        messages = list(batch._messages())
        if kills >= 2 * KILLS:  # to move payloads of this size is too much
            messages = [(at, _lighter(one, reason)) for at, one in messages]
        if len(messages) > 1:
            pieces = batch._split(messages, PIECES)
            batch._delete_stored()
            return self._set_apart(pieces)
        self.env["mqtt.quarantine"]._put(
            batch.service_id,
            [(at, one, one.trouble or reason) for at, one in messages if one.store],
        )
        batch._delete_stored()
        return self._describe_stored({"stored": 0, "quarantined": 1})


def _lighter(message: Message, reason: str) -> Message:
    """The message, without its payload and for quarantine where that is large."""
    if not message.is_large:
        return message
    return replace(message.without_payload(), trouble=message.trouble or reason)
