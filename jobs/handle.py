# Copyright 2026 mqtt_listener contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""Give one message to one handler, with retries: what has raised once already."""

from __future__ import annotations

import time
from dataclasses import replace
from datetime import datetime
from typing import Any, NoReturn

from odoo import SUPERUSER_ID, api, models

from odoo.addons.queue_job.exception import FailedJobError, RetryableJobError
from odoo.addons.queue_job.job import Job

from ..mqtt.cause import cause_of
from ..mqtt.wording import TOPIC_CHARS, short_line
from .failure import (
    BUILTINS,
    SAY_ALL,
    Failure,
    describe_failed,
    full_name,
    in_one_line,
    is_conflict,
    is_connection_lost,
    shorten,
)
from .guard import HandlerError, HandlerGoneError, SlowHandlerError

ONE_LINE = {full_name(kind) for kind in (*SAY_ALL, HandlerGoneError, SlowHandlerError)}


class MqttSignalHistory(models.Model):
    _inherit = "mqtt.signal.history"

    def _job_store_values(self, job) -> dict[str, Any]:
        """queue_job's hook: have a job say which message and handler it is for."""
        message = job.recordset.exists()  # it is asked when it was deleted, too
        return {
            **super()._job_store_values(job),
            "mqtt_service_id": message.service_id.id,
            "mqtt_message_id": message.id,
            "mqtt_handler_id": job.kwargs.get("handler_id"),
        }

    def _enqueue_handle(self, handler, failure=None, **context) -> bool:
        """Put a job for this message and a handler into the current transaction.

        :param failure: of the run that has just been, see :meth:`_enqueue_failed`.
        :return: whether it is failed.
        """
        return self._enqueue_failed([(handler, self, failure)], **context)[0]

    @api.model
    def _enqueue_failed(self, failed, **context) -> list[bool]:
        """Put jobs for messages that have failed into the current transaction.

        All in one: queue_job takes as long for a job as PostgreSQL for a hundred.

        :param failed: (handler, message, failure) of each. A failure counts as the
            first run, and the job is failed already when it was the last. A call that
            was too long for a job of many gets the longer time of its own one.
        :return: of each, whether that is the end.
        """
        jobs = [
            message._job_of(handler, failure, context)
            for handler, message, failure in failed
        ]
        records = self.env["queue.job"].sudo().with_context(tracking_disable=True)
        records._mqtt_create([job._store_values(create=True) for job in jobs])
        return [job.state == "failed" for job in jobs]

    def _job_of(self, handler, failure, context) -> Job:
        """The job for a message and a handler, not stored yet."""
        job = Job(
            self.with_user(SUPERUSER_ID)
            .with_context(company_id=self.service_id.company_id.id)
            ._job_handle,
            kwargs={"handler_id": handler.id, **context},
            priority=handler.priority,
            max_retries=handler.max_retries,
            channel=handler.channel,
            description=f"{handler.name}: {short_line(self.topic, TOPIC_CHARS)}",
        )
        if failure is None:
            return job
        if isinstance(failure.error, SlowHandlerError):
            failure = replace(failure, is_final=False, counts=False, seconds=1)
        job.retry = int(failure.counts)
        is_last = bool(job.max_retries) and job.retry >= job.max_retries
        if failure.is_final or is_last:
            job.date_started = datetime.now()
            job.set_failed(
                exc_name=failure.name, exc_message=failure.text, exc_info=failure.trace
            )
        else:
            job.result = failure.text
            job.eta = handler._retry_seconds(job.retry, failure.seconds)
        return job

    def _job_handle(self, handler_id, **context) -> str | None:
        """Call a handler for this message.

        :param context: more keys for the handler's environment.
        :raise RetryableJobError: when the handler raised and has tries left.
        :raise FailedJobError: when it has none, or another try could not help.
        """
        handler = self.env["mqtt.handler"].browse(handler_id)
        if not self.exists():
            raise FailedJobError(
                self.env._("The message was deleted: cancel this job.")
            )
        if not handler.exists():
            raise FailedJobError(
                self.env._("The handler was deleted: cancel this job.")
            )
        if handler._is_gone():
            return self._wait_for(handler, context)
        if not handler.enabled:
            raise FailedJobError(handler._describe_switched_off())
        (call,) = self.service_id._calls_of(handler, self, **context)
        begin = time.perf_counter()
        try:
            with handler._guard("own_call_seconds") as guard:
                guard.call(call.function, self)
                self.env.flush_all()
            self._check_is_there()
        except Exception as error:
            if is_conflict(error) or is_connection_lost(error, self.env.cr):
                raise  # queue_job's own business
            self._raise(handler, error)
        seconds = time.perf_counter() - begin
        handler._count(self.service_id, handled=1, seconds=seconds, slowest=seconds)
        if handler.suspended_since:
            handler._resume()

    def _check_is_there(self) -> None:
        if len(self.exists()) < len(self):
            raise HandlerError("It deleted its message, which has to stay in history")

    def _raise(self, handler, error) -> NoReturn:
        """Have queue_job retry, or end, as the handler's exception says."""
        failure = Failure.of(error)
        job = self.service_id._current_job()
        tries = job.retry + failure.counts  # queue_job writes it afterwards
        is_last = bool(job.max_retries) and tries >= job.max_retries
        if failure.is_final or is_last:
            raise in_one_line(error)
        raise RetryableJobError(
            failure.text,
            seconds=handler._retry_seconds(tries, failure.seconds),
            ignore_retry=not failure.counts,
        ) from None  # what it says is in one line

    def _job_handle_failed(self, exc_name, exc_message, exc_info, **_details) -> None:
        """Called by queue_job when a job for this message has failed.

        It runs in the transaction that sets the job failed: if this raised, the job
        would run again.
        """
        exc_name = exc_name.removeprefix(BUILTINS)
        jobs = self.env["queue.job"].search(
            [
                ("mqtt_message_id", "=", self.id),
                ("state", "=", "failed"),
                ("exc_name", "=", exc_name),
            ]
        )
        own = [("mqtt_message_id", "=", self.id)]
        if job := jobs._mqtt_just_broken(own, exc_name, exc_info):
            seconds = job.mqtt_handler_id._retry_seconds(job.retry)
            if job._mqtt_try_again(seconds):
                return
        if not self.exists():
            return  # deleted meanwhile, which its job says
        topic = short_line(self.topic, TOPIC_CHARS)
        for job in jobs.sorted("date_started")[-1:]:
            if exc_name in ONE_LINE:
                said = trace = exc_message
            else:
                trace = shorten(exc_info)
                said = describe_failed(exc_name, exc_message, trace)
            job.write(
                {
                    "exc_info": trace,
                    "exc_message": said,
                    "mqtt_cause": cause_of(said, self.topic),
                }
            )
            job.mqtt_handler_id._count(
                self.service_id, failed=1, error=f"{topic}: {said}"
            )
