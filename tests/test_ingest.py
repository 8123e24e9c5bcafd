# Copyright 2026 mqtt_listener contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
import time
from datetime import datetime
from unittest.mock import patch

from odoo.tests import mute_logger, tagged

from ..jobs.making import MAX_WAITING_JOBS
from ..models.queue import mqtt_batch
from .common import MqttCase


@tagged("post_install", "-at_install")
class TestIngest(MqttCase):
    def test_a_message_is_stored_as_it_came(self):
        """Every value of a message is in history."""
        message = self.message(
            "plant/ü",
            b'{"a": 1}',
            retain=True,
            dup=True,
            packet_id=7,
            timestamp=1_700_000_000_123_456,
            subscription_id=self.subscription.id,
            properties={
                "content_type": "json",
                "payload_format": 1,
                "response_topic": "answer",
                "correlation_data": "00ff",
                "message_expiry": 3_000_000_000,
                "user_properties": [["k", "v"]],
            },
        )
        (stored,) = self.receive(message)
        stored.invalidate_recordset()
        self.assertRecordValues(
            stored,
            [
                {
                    "service_id": self.service.id,
                    "subscription_id": self.subscription.id,
                    "topic": "plant/ü",
                    "payload": '{"a": 1}',
                    "payload_raw": False,
                    "size": 8,
                    "qos": 1,
                    "retain": True,
                    "dup": True,
                    "direction": "receive",
                    "message_id": 7,
                    "timestamp": datetime(2023, 11, 14, 22, 13, 20, 123456),
                    "sequence": 1,
                    "state": "stored",
                    "content_type": "json",
                    "payload_format": "text",
                    "response_topic": "answer",
                    "correlation_data": b"\0\xff",
                    "message_expiry": 3_000_000_000,
                    "user_properties": [["k", "v"]],
                    "payload_kind": "json",
                    "received_at": "2023-11-14 22:13:20.123456",
                }
            ],
        )

    def test_inserted_as_create_does(self):
        """The statement that stores many leaves the same rows as the ORM does."""
        said = {
            "content_type": "a'b\\c\"",
            "payload_format": 0,
            "message_expiry": 2**32 - 1,
            "correlation_data": "00ff",
            "user_properties": [["ü", "%s"], ["ü", '{"a": 1}']],
        }
        messages = [
            self.message(
                "plant/ü", "ü€😀\n\t%s %(a)s \\ ' \" \\u0041".encode(), dup=True
            ),
            self.message(payload=bytes(range(256)), properties=said),
            self.message(payload=b"", qos=0, packet_id=0, retain=True),
            self.message(payload=b"1", subscription_id=self.subscription.id),
            self.message(payload=b"x" * 100_000, timestamp=2**50 + 7),
        ]
        history = self.env["mqtt.signal.history"]
        values = [
            self.service._history_values(message, number, {self.subscription.id})
            for number, message in enumerate(messages, 1)
        ]
        inserted = history._insert(values)
        self.assertEqual(inserted.mapped("sequence"), [1, 2, 3, 4, 5])
        created = history.create(
            [{**one, "sequence": one["sequence"] + 10} for one in values]
        )
        self.assertEqual(self.rows(inserted), self.rows(created))
        self.assertEqual(self.service.history_ids, inserted | created)
        self.assertFalse(history._insert([]))

    def rows(self, messages):
        """Their rows, but for what is each row's own."""
        self.env.flush_all()
        self.env.cr.execute(
            "SELECT to_jsonb(message) - '{id,sequence}'::text[]"
            " FROM mqtt_signal_history AS message WHERE id IN %s ORDER BY id",
            [tuple(messages.ids)],
        )
        return self.env.cr.fetchall()

    def test_other_modules_have_their_part(self):
        """``create`` is called once another module has extended the model."""
        model = type(self.env["mqtt.signal.history"])
        created = []

        def create(history, vals_list):
            created.extend(vals_list)
            return original(history, vals_list)

        original = model.create
        with patch.object(model, "create", create):
            self.receive(self.message())
        self.assertEqual(len(created), 1)
        history = self.env["mqtt.signal.history"]
        self.assertFalse(history._create_is_extended())
        with patch.object(model._fields["qos"], "_modules", ("mqtt_listener", "other")):
            self.assertTrue(history._create_is_extended())
        with patch.object(model, "_constraint_methods", [print]):
            self.assertTrue(history._create_is_extended())

    def test_no_foreign_keys_to_partitions(self):
        """They would refuse what is in another month."""
        jobs = self.env["queue.job"]
        field = jobs._fields["mqtt_message_id"]
        with patch.object(self.registry, "add_foreign_key") as add:
            field.update_db_foreign_key(jobs, {})
            self.assertEqual(add.call_count, 1)
            self.env.cr.execute(
                "CREATE TABLE mqtt_test_month () INHERITS (mqtt_signal_history)"
            )
            field.update_db_foreign_key(jobs, {})
            self.assertEqual(add.call_count, 1)

    def test_payloads_are_bytes(self):
        """Text is text, the rest is bytes, and both come back exactly."""
        payloads = [b"", b"text", "ü".encode(), b"a\0b", b"\xff\xfe", bytes(range(256))]
        stored = self.receive(*(self.message(payload=one) for one in payloads))
        stored.invalidate_recordset()
        self.assertEqual([one.payload_bytes for one in stored], payloads)
        self.assertEqual([one.size for one in stored], [len(one) for one in payloads])
        self.assertEqual([bool(one.payload_raw) for one in stored], [0, 0, 0, 1, 1, 1])
        self.assertEqual(
            stored.mapped("payload_kind"),
            ["empty", "text", "text", "binary", "binary", "binary"],
        )

    def test_sequences_have_no_gaps(self):
        """Batches follow one another in the order they were received."""
        self.receive(self.message(), self.message())
        stored = self.receive(self.message(), self.message())
        self.assertEqual(stored.mapped("sequence"), [3, 4])
        self.assertEqual(self.service.stored_count, 4)

    def test_a_batch_is_stored_once(self):
        """A job that runs again finds its batch gone."""
        self.enqueue(self.message())
        batch = self.env["mqtt.batch"].search([("service_id", "=", self.service.id)])
        for _ in range(2):
            self.service._job_ingest(batch.id, first_sequence=1, last_sequence=1)
        self.assertEqual(len(self.service.history_ids), 1)

    def test_enqueueing_twice_is_enqueueing_once(self):
        """When nobody knows whether a commit happened, trying again is safe."""
        self.assertEqual(self.enqueue(self.message(), after=0), 1)
        self.assertEqual(self.enqueue(self.message(), after=0), 1)
        batches = self.env["mqtt.batch"].search([("service_id", "=", self.service.id)])
        self.assertEqual(len(batches), 1)
        self.assertEqual(self.service.waiting_count, 1)
        self.assertEqual(self.service.stored_count, 0)

    def test_who_lost_the_service_writes_nothing(self):
        """A listener that another has replaced is fenced off."""
        self.service._listener_claim("first", "host")
        self.service._listener_claim("second", "host")
        self.assertIsNone(self.enqueue(self.message(), thread_identifier="first"))
        self.assertFalse(
            self.service._listener_report(
                "first", {"state": "connected"}, {}, prune_through=0
            )
        )
        self.assertFalse(self.env["mqtt.batch"].search([]))
        self.assertEqual(self.service.connection_ids.state, "connecting")
        self.assertEqual(self.enqueue(self.message(), thread_identifier="second"), 1)

    def test_receipts_are_kept_until_they_are_needed_no_more(self):
        """A successor gets the receipts of what may come again, oldest first."""
        for number in range(3):
            self.enqueue(self.message(), receipts=bytes([number]) * 18)
        known = self.service._listener_claim("next", "host")
        self.assertEqual([last for last, _content in known["receipts"]], [1, 2, 3])
        self.assertEqual(known["receipts"][0][1], b"\0" * 18)
        self.service._listener_report("next", {}, {}, prune_through=2)
        known = self.service._listener_claim("last", "host")
        self.assertEqual([last for last, _content in known["receipts"]], [3])
        self.enqueue(self.message(), thread_identifier="last", receipts=b"\4" * 18)
        self.service._listener_report(
            "last", {}, {}, prune_through=3, receipts_left=(4, b"\5" * 18)
        )
        known = self.service._listener_claim("next", "host")
        self.assertEqual(known["receipts"], [(4, b"\5" * 18)])

    def test_the_job(self):
        """On its channel, named after what it does, of its service."""
        self.enqueue(self.message(), self.message())
        job = self.env["queue.job"].search([("mqtt_service_id", "=", self.service.id)])
        self.assertRecordValues(
            job,
            [
                {
                    "channel": "root.mqtt.ingest",
                    "state": "pending",
                    "name": "Store messages of Plant",
                    "company_id": self.service.company_id.id,
                }
            ],
        )
        domain = job.open_related_action()["domain"]
        self.service._job_ingest(*job.args, **job.kwargs)
        stored = self.env["mqtt.signal.history"].search(domain)
        self.assertEqual(stored, self.service.history_ids)
        self.assertEqual(len(stored), 2)

    def test_a_large_batch_goes_alone(self):
        self.patch(mqtt_batch.MqttBatch._take, "__defaults__", (3,))
        self.enqueue(*[self.message()] * 5, jobs=False)
        self.enqueue(self.message())
        results = self.mqtt_run_jobs().mapped("result")
        self.assertEqual(results, ["Messages stored: 5", "Messages stored: 1"])

    def test_a_job_takes_what_waits(self):
        """Also what came when it was there already, and of other services."""
        other = self.service.copy({"host": "127.0.0.1"})
        for _ in range(5):
            self.enqueue(self.message(), jobs=False)
            self.enqueue(self.message(), service=other)
        jobs = self.env["queue.job"].search([("method_name", "=", "_job_ingest")])
        self.assertEqual(len(jobs), MAX_WAITING_JOBS, "one more would find nothing")
        self._run_job(jobs[0])
        for service in self.service, other:
            self.assertEqual(
                service.history_ids.sorted("id").mapped("sequence"), [*range(1, 6)]
            )
        self.assertFalse(self.env["mqtt.batch"].search([]))
        self._run_job(jobs[1])
        self.assertEqual(jobs.mapped("state"), ["done", "done"])

    def test_one_job_for_many_services(self):
        """Of one company; its description names the first."""
        others = [self.service.copy({"host": "127.0.0.1"}) for _ in range(4)]
        stranger = self.service.copy(
            {"company_id": self.env["res.company"].create({"name": "Other"}).id}
        )
        for service in (self.service, *others, stranger):
            self.enqueue(self.message(), service=service, jobs=False)
        self.env["mqtt.service"]._wake_ingest()
        jobs = self.env["queue.job"].search(
            [("method_name", "=", "_job_ingest")], order="id"
        )
        self.assertEqual(jobs.mapped("mqtt_service_id"), self.service | stranger)
        self.assertEqual(jobs.company_id, self.service.company_id | stranger.company_id)
        self.assertRegex(jobs[0].name, "^Store messages of Plant, .*, …$")
        for job in jobs:
            self._run_job(job)
        self.assertEqual(
            jobs.mapped("result"), ["Messages stored: 5", "Messages stored: 1"]
        )
        failed = {"state": "failed", "exc_name": "psycopg2.OperationalError"}
        with mute_logger("odoo.addons.queue_job.models.queue_job"):
            self.service._delay_ingest()
            again = self.env["queue.job"].search([("state", "=", "pending")])
            again.write(failed)
        (self.service | others[0])._job_ingest_failed(exc_name=failed["exc_name"])
        self.assertEqual(again.state, "pending")

    def test_a_job_has_bounds(self):
        """What does not fit into one gets another."""
        self.patch(mqtt_batch.MqttBatch._take, "__defaults__", (3,))
        for _ in range(5):
            self.enqueue(self.message(), self.message(), jobs=False)
        self.env["mqtt.service"]._wake_ingest()
        jobs = self.mqtt_run_jobs()
        self.assertEqual(jobs.mapped("result"), ["Messages stored: 2"] * 5)
        self.assertEqual(len(self.service.history_ids), 10)

    def test_a_cancelled_job_loses_nothing(self):
        """Nor does one that was deleted, or that somebody has set done."""
        for end in ("button_cancelled", "button_done", "unlink"):
            with self.subTest(end):
                self.enqueue(self.message())
                job = self.env["queue.job"].search(
                    [("method_name", "=", "_job_ingest"), ("state", "=", "pending")]
                )
                getattr(job, end)()
                self.assertEqual(self.service.waiting_count, 1)
                self.env["mqtt.handler"]._look_after()
                self.mqtt_run_jobs()
                self.service.invalidate_recordset()
                self.assertEqual(self.service.waiting_count, 0)

    def test_handling_has_its_turn(self):
        """Where jobs that handle wait, those that store do not go first."""
        self.enqueue(self.message())
        first = self.env["queue.job"].search([("method_name", "=", "_job_ingest")])
        first.state = "done"
        waiting = {"_job_dispatch": 1}
        with patch.object(
            type(self.service), "_count_waiting_jobs", lambda *_: waiting
        ):
            self.service._enqueue_ingest()
        second = self.env["queue.job"].search([("state", "=", "pending")])
        self.assertEqual((first.priority, second.priority), (5, 10))

    def test_a_batch_that_kills_the_worker_is_found(self):
        """Each has a job of its own then."""
        for _ in range(3):
            self.enqueue(self.message(), jobs=False)
        self.service._enqueue_ingest()
        job = self.env["queue.job"].search([("method_name", "=", "_job_ingest")])
        job.retry = 1  # as the runner writes for a job that was found dead
        self._run_job(job)
        own = self.env["queue.job"].search(
            [("method_name", "=", "_job_ingest"), ("state", "=", "pending")]
        )
        self.assertEqual(len(own), 3)
        self.assertFalse(self.service.history_ids)
        self.mqtt_run_jobs()
        self.assertEqual(len(self.service.history_ids), 3)

    def test_a_job_of_an_earlier_version(self):
        """It names its batch, which another job may have stored."""
        self.enqueue(self.message(), jobs=False)
        batch = self.env["mqtt.batch"].search([("service_id", "=", self.service.id)])
        self.service._for_jobs().with_delay()._job_ingest(
            batch.id, first_sequence=1, last_sequence=1
        )
        self.service._job_ingest()
        job = self.mqtt_run_jobs()
        self.assertEqual((job.state, job.result), ("done", "Stored before."))
        self.assertEqual(len(self.service.history_ids), 1)

    def test_a_job_failed_by_the_database_runs_again(self):
        """A connection that broke is no fault of the messages."""
        self.service._delay_ingest()
        self.service._delay_ingest()
        away, broken = self.env["queue.job"].search(
            [("mqtt_service_id", "=", self.service.id)], order="id"
        )
        failed = {"state": "failed", "exc_name": "psycopg2.OperationalError"}
        with mute_logger("odoo.addons.queue_job.models.queue_job"):
            away.write(failed)
            broken.write({**failed, "exc_name": "builtins.ValueError"})
        self.service._job_ingest_failed(exc_name="psycopg2.OperationalError")
        self.assertEqual((away.state, broken.state), ("pending", "failed"))

    def test_deleted_subscriptions_and_unwanted_history(self):
        """What came through a deleted filter is kept; what nobody wants kept is not."""
        stored = self.receive(
            self.message(subscription_id=2**30), self.message(store=False)
        )
        self.assertEqual(stored.mapped("sequence"), [1])
        self.assertFalse(stored.subscription_id)
        self.assertEqual(self.service.stored_count, 1)

    def test_long_topics_are_stored_and_found(self):
        """Topics as long as MQTT allows, and the index for their beginning."""
        long = "plant/" + "x" * 65_529
        stored = self.receive(self.message(long), self.message("plant/xy"))
        history = self.env["mqtt.signal.history"]
        self.assertEqual(stored[0].topic, long)
        for domain, found in (
            ([("topic", "=", long)], stored[0]),
            ([("topic", "=", long[:-1])], history),
            ([("topic", "=like", "plant/xy%")], stored[1]),
            ([("topic", "=like", long + "%")], stored[0]),
            ([("topic", "=like", "pl%y")], stored[1]),
            ([("topic", "=like", "plant\\_%")], history),
            ([("topic", "in", [long, "plant/xy"])], stored),
            ([("topic", "!=", long)], stored[1]),
            ([("topic", "not in", [long, "plant/xy"])], history),
        ):
            domain = [*domain, ("service_id", "=", self.service.id)]
            self.assertEqual(set(history.search(domain)), set(found), str(domain)[:60])

    def test_searching_for_a_topic_uses_the_index(self):
        """For a topic and for its beginning."""
        self.env.cr.execute("SET LOCAL enable_seqscan = off")
        history = self.env["mqtt.signal.history"]
        for operator, value in (("=", "plant/7"), ("=like", "plant/7%")):
            query = history._search([("topic", operator, value)], order="topic")
            sql = query.select()
            self.env.cr.execute(f"EXPLAIN {sql.code}", sql.params)
            plan = "\n".join(line for (line,) in self.env.cr.fetchall())
            self.assertIn("mqtt_signal_history_topic_timestamp", plan)

    def test_the_primary_key_is_wide(self):
        """100 messages a second would use 32 bits up within a year."""
        self.env.cr.execute(
            "SELECT data_type FROM information_schema.columns"
            " WHERE table_name = 'mqtt_signal_history' AND column_name = 'id'"
        )
        self.assertEqual(self.env.cr.fetchone(), ("bigint",))

    def test_retention(self):
        """What is older than its service keeps it is removed, nothing else."""
        now = time.time_ns() // 1000
        day = 86_400_000_000
        stored = self.receive(
            *(self.message(timestamp=now - age * day) for age in (0, 9, 11, 400))
        )
        self.env["mqtt.signal.history"]._gc_old_messages()
        self.assertEqual(len(stored.exists()), 4)
        self.service.retention_days = 10
        self.assertEqual(self.env["mqtt.signal.history"]._gc_old_messages(), (2, 1))
        self.assertEqual(stored.exists(), stored[:2])
