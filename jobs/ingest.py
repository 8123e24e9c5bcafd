"""Store received messages in history: what waits, whatever the number of batches."""

from collections import Counter

from odoo import api, models

from .dispatch import PIECES
from .failure import DATABASE_AWAY, in_one_line, is_fault_of_database

PAYLOAD_FORMATS = {0: "bytes", 1: "text"}  # MQTT 5.0 section 3.3.2.3.2
PRIORITY = 5  # before the default of 10: what follows a message waits for this
MAX_WAITING_JOBS = 2  # of a company; more would find nothing to store
NAMED_SERVICES = 3  # in a job's description


class MqttService(models.Model):
    _inherit = "mqtt.service"

    def _enqueue_ingest(self):
        """Put jobs that store what waits of these services into the transaction.

        A job takes what waits when it runs, of all services of its company. So where
        jobs wait already that will, one more would find nothing.

        :return: the services whose messages those jobs will take.
        """
        left_to_others = self.browse()
        for company, services in self.grouped("company_id").items():
            waiting = self._count_waiting_jobs(company)
            if waiting.get("_job_ingest", 0) >= MAX_WAITING_JOBS:
                left_to_others += services
                continue
            # With jobs of one channel, those that handle have their turn too.
            handling = waiting.get("_job_dispatch") or waiting.get("_job_in_order")
            services._delay_ingest(priority=None if handling else PRIORITY)
        return left_to_others

    @api.model
    def _wake_ingest(self):
        """Have a job for what waits where none will take it: its listener is gone, or
        somebody has cancelled or deleted the job.
        """
        waiting = self.env["mqtt.batch"]._read_group(
            [("is_apart", "!=", True)], ["service_id"]
        )
        self.browse(service.id for (service,) in waiting)._enqueue_ingest()

    @api.model
    def _count_waiting_jobs(self, company):
        """How many jobs of a company wait for a worker, by method."""
        return dict(
            self.env["queue.job"]._read_group(
                [
                    ("state", "in", ("pending", "enqueued")),
                    ("mqtt_service_id", "!=", False),
                    ("company_id", "=", company.id),
                    ("eta", "=", False),
                ],
                ["method_name"],
                ["__count"],
            )
        )

    def _delay_ingest(self, priority=PRIORITY, **named):
        names = self[:NAMED_SERVICES].mapped("name")
        if len(self) > NAMED_SERVICES:
            names.append("…")
        self._for_jobs().with_delay(
            priority=priority,
            max_retries=0,  # a batch is never given up for a passing reason
            description=self.env._("Store messages of %s", ", ".join(names)),
        )._job_ingest(**named)

    def _job_ingest(self, batch_id=None, **_sequences):
        """Store what waits of these services, and of others of their company.

        All in one transaction, which deletes the batches too. A message that cannot be
        stored for a reason of its own goes into quarantine, and the others are stored.

        :param batch_id: id of a ``mqtt.batch`` to store it alone; one that is gone was
            stored before.
        :return: what the job monitor shows as result.
        """
        if batch_id:
            return self._ingest_apart(self.env["mqtt.batch"].browse(batch_id))
        companions = self.with_context(active_test=False).search(
            [("company_id", "=", self.company_id.id)]
        )
        batches, has_more = self.env["mqtt.batch"]._take(companions)
        if self._has_killed_its_worker():
            return self._set_apart(batches[:PIECES])
        counts, stored, apart = Counter(), [], batches.browse()
        for service, own in batches.grouped("service_id").items():
            try:
                with self.env.cr.savepoint():
                    own_counts, own_stored = service._ingest(own)
            except Exception as error:
                if is_fault_of_database(error):
                    raise
                apart += own
            else:
                counts += own_counts
                stored += own_stored
        said = self._describe_stored(counts)
        if apart:
            said += ", " + self._set_apart(apart)
        if has_more:
            companions._enqueue_ingest()
        self._dispatch_stored(stored)
        return said

    def _ingest_apart(self, batch):
        if not batch.exists():
            return self.env._("Stored before.")
        counts, stored = self._ingest(batch)
        self._dispatch_stored(stored)
        return self._describe_stored(counts)

    def _set_apart(self, batches):
        """Give each of these batches a job of its own: one of them is at fault."""
        batches.is_apart = True
        for batch in batches:
            batch.service_id._delay_ingest(
                batch_id=batch.id, last_sequence=batch.last_sequence
            )
        return self.env._("Batches that get a job of their own: %s", len(batches))

    def _ingest(self, batches):
        """Store batches of one service.

        :return: a ``Counter`` of ``stored`` and ``quarantined``, and pairs of a stored
            message and its handlers.
        :raise Exception: when none of the messages can be stored: then it is not for a
            reason of its own.
        """
        batches.fetch(["last_sequence", "content"])  # contents are not prefetched
        messages = [one for batch in batches for one in batch._messages()]
        batches._delete_stored()
        in_trouble = [(*one, one[1].trouble) for one in messages if one[1].trouble]
        to_store = [one for one in messages if one[1].store and not one[1].trouble]
        stored = []
        refused = self._store(to_store, stored)
        if len(refused) == len(to_store) > 1:
            raise in_one_line(refused[0][2])
        self.env["mqtt.quarantine"]._put(self, in_trouble + refused)
        counts = Counter(
            stored=len(to_store) - len(refused),
            quarantined=len(in_trouble) + len(refused),
        )
        return counts, stored

    def _describe_stored(self, counts):
        said = self.env._("Messages stored: %s", counts["stored"])
        if counts["quarantined"]:
            said += ", " + self.env._("in quarantine: %s", counts["quarantined"])
        return said

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
        for sequence, message in messages:
            # No handler would know that a payload that is not kept was not empty.
            is_kept = self._is_payload_kept(message)
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
        """Whether messages up to a sequence wait to be stored.

        A batch that was set apart may stay for ever: its job may fail.
        """
        batches = self.env["mqtt.batch"].search(
            [("service_id", "=", self.id), ("last_sequence", "<=", through)]
        )
        if not all(batches.mapped("is_apart")):
            return True
        failing = self.env["queue.job"].search_count(
            [
                ("mqtt_service_id", "=", self.id),
                ("method_name", "=", "_job_ingest"),
                ("state", "not in", ("failed", "done", "cancelled")),
            ],
            limit=1,
        )
        return bool(batches and failing)

    def _job_ingest_failed(self, **_details):
        """Called by queue_job when an ingest job failed."""
        self._requeue_after_outage("_job_ingest")

    def _requeue_after_outage(self, *methods):
        """Run jobs again by themselves when it was the database that went away, not the
        messages that were at fault.
        """
        self.env["queue.job"].search(
            [
                ("mqtt_service_id", "in", self.ids),
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
