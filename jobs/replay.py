# Copyright 2026 mqtt_listener contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""Give messages of history to their handlers once more, a part in each job."""

from collections import defaultdict
from collections.abc import Iterator
from typing import Any

from odoo import models
from odoo.exceptions import LockError

from .run import Call, Run

PART = 1_000  # messages in one job


class MqttReplay(models.Model):
    _inherit = "mqtt.replay"

    def _job_store_values(self, job) -> dict[str, Any]:
        """queue_job's hook: have the jobs of a replay found among those of MQTT."""
        return {
            **super()._job_store_values(job),
            "mqtt_service_id": self._first_service().id,
        }

    def _enqueue_replay(self) -> None:
        company = self._first_service().company_id
        delayed = self.with_context(company_id=company.id).with_delay(
            priority=15,  # what comes now goes before what was
            max_retries=0,
            description=self.env._("Replay %s", self.summary),
        )
        self.job_uuid = delayed._job_replay().uuid

    def _job_replay(self) -> str:
        """Give the next messages to their handlers, and leave the rest to a new job.

        Handlers find ``mqtt_replay``, the id of this record, in the context.
        """
        if not self.exists() or self.state != "running":
            return self.env._("It was cancelled.")
        self._lock_running()
        part = self.left or self._next_part()
        calls = list(self._calls(part))
        service = self._first_service()
        run = Run(
            self.env,
            calls,
            context={"mqtt_replay": self.id},
            restarts=service._current_job().retry,
        )
        if service._has_killed_its_worker():
            for call in calls:
                for message in call.messages:
                    message._enqueue_handle(call.handler, mqtt_replay=self.id)
        else:
            run.go().save_statistics()
            self._hold(run.held)
        self.left = [[call.handler.id, call.messages.ids] for call in run.left]
        if self.left or self.done < self.total:
            self._enqueue_replay()
        else:
            self.state = "done"
        return self.env._(
            "Dispatched: %(done)s of %(total)s", done=self.done, total=self.total
        )

    def _hold(self, calls) -> None:
        """Have the messages of these calls wait for their suspended handlers."""
        ids = defaultdict(list)
        for call in calls:
            ids[call.service, call.handler].extend(call.messages.ids)
        for (service, handler), own in ids.items():
            messages = self.env["mqtt.signal.history"].browse(own)
            service._handle_again(handler, messages, {"mqtt_replay": self.id})

    def _lock_running(self) -> None:
        """See that no other job gives the same messages at the same time."""
        try:
            self.lock_for_update()
        except LockError:
            self._first_service()._come_back(self.env._("Another job is at it."))

    def _next_part(self) -> list[tuple[int, list[int]]]:
        """``[(handler id, message ids)]`` of the next messages, as they were received.

        When there is none any more (some were deleted), the replay is done.
        """
        messages = self.env["mqtt.signal.history"].search(
            self._message_domain() & self._not_given(), order="id", limit=PART
        )
        messages.fetch(["topic", "service_id", "has_handlers"])
        found_all = len(messages) < PART
        messages, found = messages._first_bytes(), messages
        is_last_part = found_all and messages == found
        found = defaultdict(list)
        match = {service: service._matcher() for service in messages.service_id}
        for message in messages:
            for handler_id, *_others in match[message.service_id](message.topic):
                if self.handler_id.id in (False, handler_id):
                    found[handler_id].append(message.id)
        given = messages.browse({at for ids in found.values() for at in ids})
        given.filtered(lambda one: not one.has_handlers).write(
            {"has_handlers": True, "cancel_reason": False}  # the topic was paused
        )
        if is_last_part:
            self.done = self.total
        else:
            self.last_id = messages[-1:].id
            self.done += len(messages)
        return list(found.items())

    def _calls(self, part) -> Iterator[Call]:
        for handler_id, ids in part:
            handler = self.env["mqtt.handler"].browse(handler_id).exists()
            messages = self.env["mqtt.signal.history"].browse(ids).exists()
            messages.fetch(["topic", "payload", "payload_raw", "timestamp"])
            for service, own in messages.grouped("service_id").items():
                if not handler:
                    continue
                calls = service._calls_of(handler, own, mqtt_replay=self.id)
                if handler.suspended_since:
                    self._hold(calls)
                else:
                    yield from calls

    def _job_replay_failed(self, exc_info="", exc_name="", **_details) -> None:
        """Called by queue_job when a job of this replay failed."""
        self._first_service()._after_outage(exc_name, exc_info, "_job_replay")

    def _first_service(self) -> models.BaseModel:
        return self.service_id or self.env["mqtt.service"].with_context(
            active_test=False
        ).search([], order="id", limit=1)
