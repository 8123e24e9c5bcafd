# Copyright 2026 mqtt_listener contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""Store received messages in history: what waits, whatever the number of batches."""

from collections import Counter, defaultdict
from typing import Any

from psycopg2.errors import OutOfMemory

from odoo import api, models

from odoo.addons.queue_job.exception import RetryableJobError

from ..mqtt.log import flattened
from ..mqtt.message import Message
from .dispatch import PIECES, Target
from .failure import (
    Failure,
    is_conflict,
    is_connection_lost,
    is_fault_of_database,
)

Received = tuple[models.BaseModel, int, Message]  # service, sequence
Refused = tuple[models.BaseModel, int, Message, Exception]
Stored = tuple[models.BaseModel, tuple[Target, ...]]  # record of history, handlers
PAYLOAD_FORMATS = {0: "bytes", 1: "text"}  # MQTT 5.0 section 3.3.2.3.2
LONGEST_RETRY = 30  # seconds
KILLS = 3  # of a worker or of its database connection, until messages are suspected


class MqttService(models.Model):
    _inherit = "mqtt.service"

    def _job_ingest(self, batch_id=None, **_sequences) -> str:
        """Store what waits of these services, and of others of their company.

        All in one transaction, which deletes the batches too. A message that cannot be
        stored for a reason of its own goes into quarantine, and the others are stored.

        :param batch_id: id of a ``mqtt.batch`` to store it alone; one that is gone was
            stored before.
        :return: what the job monitor shows as result.
        """
        if batch_id:
            return self._ingest_apart(self.env["mqtt.batch"].browse(batch_id))
        services = self.exists()
        if not services:
            self._wake_ingest()  # others of their company may have relied on this job
            return self.env._("The service was deleted.")
        batches, has_more = self.env["mqtt.batch"]._take(services.company_id)
        if self._has_killed_its_worker(most_retries=None):
            return self._set_apart(batches[:PIECES])
        counts, stored, failing = self._ingest(batches)
        said = self._describe_stored(counts)
        if failing:
            apart = batches.filtered(lambda batch: batch.service_id.id in failing)
            said += ", " + self._set_apart(apart)
        if has_more:
            services._enqueue_ingest()
        self._dispatch_stored(stored)
        return said

    def _let_database_recover(self, error) -> None:
        """:raise Exception: when it is the database that is at fault, and not the
        messages. What queue_job does not try again by itself it does so now.
        """
        if not is_fault_of_database(error):
            return
        if is_conflict(error) or is_connection_lost(error, self.env.cr):
            raise error
        seconds = min(2 ** self._current_job().retry, LONGEST_RETRY)
        raise RetryableJobError(Failure.of(error).text, seconds=seconds) from error

    @api.model
    def _ingest(
        self, batches
    ) -> tuple[Counter[str], list[Stored], dict[int, Exception]]:
        """Store batches, of any services, in one statement while all goes well.

        :return: a ``Counter`` of ``stored`` and ``quarantined``; pairs of a stored
            message and its handlers; and ``{service id: error}`` of the services of
            which nothing can be stored. That is for no reason of their messages' own,
            so these stay in their batches.
        """
        batches.fetch(["service_id", "last_sequence", "content"])  # in one query
        received, failing = self._decode(batches)
        to_store = [one for one in received if one[2].store and not one[2].trouble]
        stored = []
        try:
            refused = self._store(to_store, stored)
        except Exception as error:
            self._let_database_recover(error)
            raise
        offered = Counter(service.id for service, *_message in to_store)
        for service, errors in _by_service(refused).items():
            if len(errors) == offered[service.id] > 1:
                failing[service.id] = errors[0][2]
        refused = [one for one in refused if one[0].id not in failing]
        done = batches.filtered(lambda batch: batch.service_id.id not in failing)
        self.env["mqtt.live"]._announce_after_commit(done.service_id.ids)
        done._delete_stored()
        in_trouble = [
            (*one, one[2].trouble)
            for one in received
            if one[2].trouble and one[0].id not in failing
        ]
        for service, own in _by_service(in_trouble + refused).items():
            self.env["mqtt.quarantine"]._put(service, own)
        counts = Counter(stored=len(stored), quarantined=len(in_trouble) + len(refused))
        return counts, stored, failing

    @api.model
    def _decode(self, batches) -> tuple[list[Received], dict[int, Exception]]:
        """The messages of batches: (service, sequence, message), and as ``_ingest``
        the services of which a batch cannot be read.
        """
        received, failing = [], {}
        for service, own in batches.grouped("service_id").items():
            try:
                messages = [one for batch in own for one in batch._messages()]
            except Exception as error:  # noqa: BLE001
                # A guard: whatever a batch has become, other services do not suffer.
                failing[service.id] = error
            else:
                received += [(service, *one) for one in messages]
        return received, failing

    def _describe_stored(self, counts) -> str:
        said = self.env._("Messages stored: %s", counts["stored"])
        if counts["quarantined"]:
            said += ", " + self.env._("in quarantine: %s", counts["quarantined"])
        return said

    @api.model
    def _store(self, messages, stored) -> list[Refused]:
        """Store messages, as far as each can be.

        :param messages: tuples (service, sequence, message).
        :param stored: list to which pairs of a record and its handlers are added.
        :return: (service, sequence, message, exception) of those that history refuses.
        :raise Exception: when it is the database that is at fault.
        """
        if not messages:
            return []
        try:
            with flattened("odoo.sql_db"), self.env.cr.savepoint():
                pairs = self._store_together(messages)
            stored += pairs
            return []
        except Exception as error:
            if is_fault_of_database(error) and not self._lacks_memory(error, messages):
                raise
            if len(messages) == 1:
                return [(*messages[0], error)]
        half = len(messages) // 2
        refused = self._store(messages[:half], stored)
        return refused + self._store(messages[half:], stored)

    def _lacks_memory(self, error, messages) -> bool:
        """Whether the database has had none for a large one of these messages, again
        and again: then that is at fault.
        """
        return (
            isinstance(error, OutOfMemory)
            and any(message.is_large for *_others, message in messages)
            and self._current_job().retry >= KILLS
        )

    @api.model
    def _store_together(self, messages) -> list[Stored]:
        values, handlers, answered = [], [], {}
        for service, own in _by_service(messages).items():
            requests = service._find_answered(own)
            values += service._values_to_store(own, handlers, requests)
            answered.update({(service, one): requests[one] for one in requests})
        stored = self.env["mqtt.signal.history"]._insert(values)
        for message in stored if answered else ():
            if request := answered.get((message.service_id, message.sequence)):
                request._take_answer(message)
        return list(zip(stored, handlers, strict=True))

    def _values_to_store(self, messages, handlers, answered) -> list[dict[str, Any]]:
        """What history has of received messages of a service.

        :param messages: pairs of sequence and message.
        :param handlers: list to which those of each message are added.
        :param answered: the requests that they answer, by sequence.
        """
        subscriptions = set(self.with_context(active_test=False).subscription_ids.ids)
        handlers_of = self._matcher()
        values_list = []
        for sequence, message in messages:
            # No handler would know that a payload that is not kept was not empty.
            is_kept = self._is_payload_kept(message)
            own = handlers_of(message.topic) if is_kept else ()
            values = self._history_values(message, sequence, subscriptions)
            if message.paused and own and sequence not in answered:
                own = ()
                values["cancel_reason"] = self.env._(
                    "Topic paused: more than %s messages in a minute", message.paused
                )
            values["has_handlers"] = is_kept and (bool(own) or sequence in answered)
            handlers.append(own)
            values_list.append(values)
        payloads = [message.payload for _sequence, message in messages]
        self._attach_payloads(values_list, payloads)
        return values_list

    def _is_storing(self, through) -> bool:
        """Whether messages up to a sequence wait to be stored."""
        first = self.env["mqtt.batch"]._first_to_come(self)
        return bool(first) and first.last_sequence <= through

    def _job_ingest_failed(self, exc_info="", exc_name="", **_details) -> None:
        """Called by queue_job when an ingest job failed."""
        self._after_outage(exc_name, exc_info, "_job_ingest", kills=KILLS)

    def _history_values(self, message, sequence, subscriptions) -> dict[str, Any]:
        known = message.subscription_id in subscriptions  # it may have been deleted
        values = {
            "service_id": self.id,
            "subscription_id": message.subscription_id if known else None,
            "topic": message.topic,
            **self._payload_values(message.payload, message.left_out),
            "qos": message.qos,
            "retain": message.retain,
            "dup": message.dup,
            "direction": "receive",
            "message_id": message.packet_id,
            "timestamp": message.received_at,
            "sequence": sequence,
        }
        if message.properties:
            values |= self._history_properties(message.properties)
        return values

    def _history_properties(self, properties) -> dict[str, Any]:
        correlation = properties.get("correlation_data")
        return {
            "content_type": properties.get("content_type"),
            "payload_format": PAYLOAD_FORMATS.get(properties.get("payload_format")),
            "response_topic": properties.get("response_topic"),
            "correlation_data": bytes.fromhex(correlation) if correlation else None,
            "message_expiry": properties.get("message_expiry"),
            "user_properties": properties.get("user_properties"),
        }


def _by_service(messages) -> dict[models.BaseModel, list[tuple[Any, ...]]]:
    """``{service: what follows it in tuples}``, in their order."""
    found = defaultdict(list)
    for service, *rest in messages:
        found[service].append(tuple(rest))
    return found
