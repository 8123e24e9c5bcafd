# Copyright 2026 mqtt_listener contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""Tell who asked for an answer what came of it: the answer, or that there is none."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, NoReturn

from odoo import SUPERUSER_ID, models
from odoo.exceptions import LockError

from odoo.addons.queue_job.delay import DelayableRecordset
from odoo.addons.queue_job.exception import RetryableJobError

from ..mqtt.handler import is_response
from ..mqtt.wording import TOPIC_CHARS, short_line
from .failure import Failure, in_one_line, is_conflict, is_connection_lost
from .guard import HandlerError

PRIORITY = 5  # before the default of 10: somebody waits for it
MAX_RETRIES = 5
BUSY_SECONDS = 1  # until a job looks again that could not begin


class MqttService(models.Model):
    _inherit = "mqtt.service"

    def _find_unheard(self, messages) -> models.BaseModel:
        """The requests among these messages, while the broker has not granted the
        subscription that brings the answers. One that waits too long expires.
        """
        requests = self.env["mqtt.request"].search([("message_id", "in", messages.ids)])
        states = requests and self._answer_subscriptions().mapped("state")
        if {"granted", "covered"} & set(states):
            return messages.browse()
        return requests.message_id

    def _find_answered(self, messages) -> dict[int, models.BaseModel]:
        """``{sequence: mqtt.request}`` of the requests that these messages answer.

        :param messages: pairs of sequence and message.
        """
        topic = self.response_topic
        if not topic:
            return {}
        first = {}  # sequence of the first answer, by correlation data
        for sequence, message in messages:
            if message.topic == topic and message.properties:
                data = message.properties.get("correlation_data")
                if data:
                    first.setdefault(data, sequence)
        if not first:
            return {}
        requests = self.env["mqtt.request"].search(
            [
                ("service_id", "=", self.id),
                ("correlation", "in", list(first)),
                ("answer_id", "=", False),
            ]
        )
        return {first[request.correlation]: request for request in requests}


class MqttRequest(models.Model):
    _inherit = "mqtt.request"

    def _job_store_values(self, job) -> dict[str, Any]:
        """queue_job's hook: have a job say whose it is."""
        return {
            **super()._job_store_values(job),
            "mqtt_service_id": job.recordset.exists().service_id.id,
            "mqtt_message_id": job.kwargs.get("message_id"),
        }

    def _enqueue_silence(self, seconds, through=None) -> None:
        """Have it noticed that no answer has come after so many seconds."""
        for request in self:
            delayed = request._with_job(
                eta=timedelta(seconds=seconds),
                description=self.env._(
                    "Wait for an answer: %s", short_line(request.topic, TOPIC_CHARS)
                ),
            )
            request.job_uuid = delayed._job_silence(through=through).uuid

    def _take_answer(self, message) -> None:
        """A message of history answers: if it is in time, have whoever asked told."""
        self.answer_id = message
        if self.state != "waiting":
            self.state = "late"
            return
        self.state = "answered"
        if self.method_name:
            self._with_job(
                description=self.env._(
                    "Answer to %s", short_line(self.topic, TOPIC_CHARS)
                )
            )._job_answer(message_id=message.id)

    def _with_job(self, **options) -> DelayableRecordset:
        company = self.service_id.company_id
        return (
            self.with_user(SUPERUSER_ID)
            .with_context(company_id=company.id)
            .with_delay(priority=PRIORITY, max_retries=MAX_RETRIES, **options)
        )

    def _job_answer(self, message_id) -> str | None:
        """Give the answer to the method of whoever asked.

        :param message_id: of the answer.
        :raise RetryableJobError: when the method raised and has tries left.
        """
        message = self.env["mqtt.signal.history"].browse(message_id).exists()
        if not message:
            raise HandlerError(self.env._("The message was deleted: cancel this job."))
        return self._tell(message)

    def _job_silence(self, through=None) -> str | None:
        """Tell whoever asked that no answer has come, unless one has.

        What was received in time and waits for its ingest job may be the answer, so
        that is waited for.

        :param through: sequence of the last message that was received in time;
            ``None``: of the last until now.
        :raise RetryableJobError: when the method raised and has tries left, or while
            an answer is just coming in.
        """
        if not self.exists():
            return self.env._("The request was deleted.")
        try:
            self.lock_for_update()
        except LockError as error:
            raise RetryableJobError(
                self.env._("An answer is just coming in."),
                seconds=BUSY_SECONDS,
                ignore_retry=True,
            ) from error
        if self.state != "waiting":
            return self.env._("It was answered in time.")
        if through is None:
            through = self.service_id.connection_ids.sequence
        if self.service_id._is_storing(through):
            self._enqueue_silence(BUSY_SECONDS, through)
            return self.env._("What was received in time is not stored yet.")
        self.state = "silent"
        return self._tell(self.env["mqtt.signal.history"])

    def _tell(self, message) -> str | None:
        """Call the method with a message of history, or with none of them."""
        if not self.method_name:
            return None
        env = self.env(
            user=self.user_id.id,
            su=self.as_superuser,
            context={**(self.context or {}), "mqtt_request": self.message_id.id},
        )
        name = f"{self.model_name}.{self.method_name}"
        if self.model_name not in env or not is_response(
            type(env[self.model_name]), self.method_name
        ):
            raise HandlerError(
                self.env._(
                    "%s is not there any more: install its module again and requeue, "
                    "or cancel this job.",
                    name,
                )
            )
        records = env[self.model_name].browse(self.record_ids).exists()
        if self.record_ids and not records:
            return self.env._("The records that asked were deleted.")
        method = getattr(records, self.method_name)
        try:
            with self.env["mqtt.handler"]._guard("own_call_seconds") as guard:
                # sudo: whom the method runs as need not be an MQTT user
                guard.call(method, message.with_env(env).sudo())
                self.env.flush_all()
        except Exception as error:  # noqa: BLE001
            self._raise(error)
        return name

    def _raise(self, error) -> NoReturn:
        """Have queue_job retry as it does for handlers, or end."""
        if is_conflict(error) or is_connection_lost(error, self.env.cr):
            raise error  # queue_job's own business
        failure = Failure.of(error)
        if failure.is_final:
            raise in_one_line(error)
        raise RetryableJobError(
            failure.text, seconds=failure.seconds, ignore_retry=not failure.counts
        ) from None  # what it says is in one line

    def _job_request_failed(self, exc_info="", exc_name="", **_details) -> None:
        """Called by queue_job when a job of this request failed."""
        self.service_id._after_outage(exc_name, exc_info, "_job_answer", "_job_silence")
