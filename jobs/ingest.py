"""Store a batch of received messages in history."""

from odoo import models

from ..mqtt.message import decode_batch
from .failure import DATABASE_AWAY, in_one_line, is_fault_of_database

PAYLOAD_FORMATS = {0: "bytes", 1: "text"}  # MQTT 5.0 section 3.3.2.3.2
PRIORITY = 5  # before the default of 10: what follows a message waits for this


class MqttService(models.Model):
    _inherit = "mqtt.service"

    def _enqueue_ingest(self, content, first_sequence, last_sequence, to_store):
        """Put a batch and its job into the current transaction."""
        self.ensure_one()
        batch = self.env["mqtt.batch"].create(
            {
                "service_id": self.id,
                "last_sequence": last_sequence,
                "message_count": to_store,
                "content": content,
            }
        )
        count = last_sequence - first_sequence + 1
        self._for_jobs().with_delay(
            priority=PRIORITY,
            max_retries=0,  # a batch is never given up for a passing reason
            description=self.env._(
                "Store messages of %(service)s: %(count)s",
                count=count,
                service=self.name,
            ),
        )._job_ingest(
            batch.id, first_sequence=first_sequence, last_sequence=last_sequence
        )

    def _job_ingest(self, batch_id, first_sequence, last_sequence):
        """Store the messages of a batch and delete it, in one transaction.

        One that cannot be stored for a reason of its own goes into quarantine, and the
        others are stored.

        :param batch_id: id of the ``mqtt.batch``; one that is gone was stored before.
        :param first_sequence: sequence of its first message, which the related action
            needs; :param last_sequence: of its last.
        :return: what the job monitor shows as result.
        """
        self.ensure_one()
        batch = self.env["mqtt.batch"].browse(batch_id).exists()
        if not batch:
            return self.env._("Stored before.")
        messages = list(enumerate(decode_batch(batch.content), first_sequence))
        batch._delete_stored()
        in_trouble = [(*one, one[1].trouble) for one in messages if one[1].trouble]
        to_store = [one for one in messages if one[1].store and not one[1].trouble]
        stored = []
        refused = self._store(to_store, stored)
        if len(refused) == len(to_store) > 1:
            # Not one can be stored: then it is not for a reason of its own.
            raise in_one_line(refused[0][2])
        self.env["mqtt.quarantine"]._put(self, in_trouble + refused)
        self._dispatch_stored(stored)
        result = self.env._("Messages stored: %s", len(to_store) - len(refused))
        if not (in_trouble or refused):
            return result
        count = len(in_trouble) + len(refused)
        return result + ", " + self.env._("in quarantine: %s", count)

    def _store(self, messages, stored):
        """Store messages, as far as each can be.

        :param messages: pairs of sequence and message.
        :param stored: list to which pairs of a record and its handlers are added.
        :return: (sequence, message, exception) of those that history refuses.
        :raise Exception: when it is the database that is at fault.
        """
        try:
            with self.env.cr.savepoint():
                pairs = self._store_together(messages)
            stored += pairs
            return []
        except Exception as error:
            if is_fault_of_database(error):
                raise
            if len(messages) == 1:
                return [(*messages[0], error)]
        half = len(messages) // 2
        refused = self._store(messages[:half], stored)
        return refused + self._store(messages[half:], stored)

    def _store_together(self, messages):
        subscriptions = set(self.with_context(active_test=False).subscription_ids.ids)
        handlers_of = self._matcher()
        answered = self._find_answered(messages)
        values, handlers = [], []
        largest = self.attachment_limit
        for sequence, message in messages:
            # No handler would know that a payload that is not kept was not empty.
            is_kept = len(message.payload) <= largest
            handlers.append(handlers_of(message.topic) if is_kept else ())
            values.append(self._history_values(message, sequence, subscriptions))
            if message.paused and handlers[-1] and sequence not in answered:
                handlers[-1] = ()
                values[-1]["cancel_reason"] = self.env._(
                    "Topic paused: more than %s messages in a minute", message.paused
                )
            values[-1]["has_handlers"] = is_kept and (
                bool(handlers[-1]) or sequence in answered
            )
        self._attach_payloads(values, [message.payload for _, message in messages])
        stored = self.env["mqtt.signal.history"]._insert(values)
        for message in stored if answered else ():
            if request := answered.get(message.sequence):
                request._take_answer(message)
        return list(zip(stored, handlers, strict=True))

    def _is_storing(self, through):
        """Whether messages up to a sequence wait for a job that will store them.

        A job that failed or was cancelled may leave its batch behind for ever.
        """
        batches = [("service_id", "=", self.id), ("last_sequence", "<=", through)]
        if not self.env["mqtt.batch"].search_count(batches, limit=1):
            return False
        oldest = self.env["queue.job"].search(
            [
                ("mqtt_service_id", "=", self.id),
                ("method_name", "=", "_job_ingest"),
                ("state", "not in", ("failed", "done", "cancelled")),
            ],
            order="id",  # as messages were received
            limit=1,
        )
        return bool(oldest) and oldest.kwargs["last_sequence"] <= through

    def _job_ingest_failed(self, **_details):
        """Called by queue_job when an ingest job failed."""
        self._requeue_after_outage("_job_ingest")

    def _requeue_after_outage(self, *methods):
        """Run jobs again by themselves when it was the database that went away, not the
        messages that were at fault.
        """
        self.env["queue.job"].search(
            [
                ("mqtt_service_id", "=", self.id),
                ("method_name", "in", methods),
                ("state", "=", "failed"),
                ("exc_name", "in", DATABASE_AWAY),
            ]
        ).requeue()

    def _history_values(self, message, sequence, subscriptions):
        known = message.subscription_id in subscriptions  # it may have been deleted
        values = {
            "service_id": self.id,
            "subscription_id": message.subscription_id if known else None,
            "topic": message.topic,
            **self._payload_values(message.payload),
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

    def _history_properties(self, properties):
        correlation = properties.get("correlation_data")
        return {
            "content_type": properties.get("content_type"),
            "payload_format": PAYLOAD_FORMATS.get(properties.get("payload_format")),
            "response_topic": properties.get("response_topic"),
            "correlation_data": bytes.fromhex(correlation) if correlation else None,
            "message_expiry": properties.get("message_expiry"),
            "user_properties": properties.get("user_properties"),
        }
