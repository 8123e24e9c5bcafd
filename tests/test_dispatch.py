# Copyright 2026 mqtt_listener contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""What waits for handlers, and who calls them."""

import runpy
from unittest.mock import patch

import psycopg2

from odoo.tests import tagged
from odoo.tools import file_path

from .test_handler import HandlerCase

TAKE = "odoo.addons.mqtt_listener.jobs.waiting"


class DispatchCase(HandlerCase):
    def setUp(self):
        super().setUp()
        self.seen = seen = []

        def on_message(self, message):
            seen.append(message.payload)

        self.handler = self.declare("plant/+", on_message)

    @property
    def messages(self):
        return self.env["mqtt.signal.history"].search(
            [("service_id", "=", self.service.id)], order="sequence"
        )

    def jobs(self, method, state="pending"):
        return self.env["queue.job"].search(
            [
                ("mqtt_service_id", "=", self.service.id),
                ("method_name", "=", method),
                ("state", "=", state),
            ]
        )

    def store(self, *payloads, topic="plant/1"):
        """Receive messages and store them, no more."""
        self.enqueue(*(self.message(topic, payload.encode()) for payload in payloads))
        for job in self.jobs("_job_ingest"):
            self._run_job(job)


@tagged("post_install", "-at_install")
class TestDispatch(DispatchCase):
    def test_one_job_takes_what_several_batches_left(self):
        self.limit(storing_job_seconds=0)
        for number in range(5):
            self.store(f"{number}a", f"{number}b")
        self.assertEqual(len(self.jobs("_job_dispatch")), 1)
        self.assertEqual(set(self.messages.mapped("state")), {"queued"})
        job = self.jobs("_job_dispatch")
        action = job.related_action_mqtt_messages()
        found = self.env["mqtt.signal.history"].search(action["domain"])
        self.assertEqual(found, self.messages)
        self.assertIn(
            job,
            self.env["queue.job"].search(self.messages[0].action_open_jobs()["domain"]),
        )
        self.mqtt_run_jobs()
        self.assertEqual(self.seen, [f"{n}{x}" for n in range(5) for x in "ab"])
        self.assertEqual(len(self.jobs("_job_dispatch", "done")), 1)
        self.assertFalse(self.env["mqtt.dispatch"].search([]))

    def test_a_job_that_has_begun_is_not_relied_on(self):
        self.limit(storing_job_seconds=0)
        self.store("1")
        for state in ("enqueued", "started"):
            self.jobs("_job_dispatch").state = state
            self.store("2")
            self.assertEqual(len(self.jobs("_job_dispatch")), 1, state)

    def test_a_job_takes_what_it_can_hold(self):
        """And has a job for the rest, in order."""
        self.limit(storing_job_seconds=0)
        with patch(f"{TAKE}.BATCH", 5):
            for number in range(4):
                self.store(*(f"{number}{n}" for n in range(3)))
            ran = self.mqtt_run_jobs()
        self.assertEqual(len(ran), 4)
        self.assertEqual(self.seen, [f"{n}{m}" for n in range(4) for m in range(3)])

    def test_what_waits_is_exactly_what_it_says(self):
        """Not what lies between, though it has handlers of its own."""
        self.declare("other/+", lambda self, message: None, name="_on_other")
        self.service.subscription_ids = [(0, 0, {"topic_filter": "other/#"})]
        self.limit(storing_job_seconds=0)
        self.enqueue(
            *(
                self.message(topic, subscription_id=self.subscription.id)
                for topic in ("plant/1", "other/1", "plant/2")
            )
        )
        self._run_job(self.jobs("_job_ingest"))
        self.env["mqtt.dispatch"].search([]).unlink()
        sequences = self.messages.mapped("sequence")[::2]
        self.env["mqtt.dispatch"]._put(
            self.service, self.handler, sequences, self.handler.channel, 10
        )
        self.assertEqual(self.messages.mapped("state"), ["queued", "done", "queued"])
        found = self.messages.search(
            [("service_id", "=", self.service.id), ("state", "=", "queued")]
        )
        self.assertEqual(len(found), 2)
        self.mqtt_run_jobs()
        self.assertEqual(len(self.seen), 2)
        self.assertMqttHandled(self.messages)

    def test_a_range_of_an_earlier_version(self):
        """What is stored into it later is not handled with it as well."""
        self.limit(storing_job_seconds=0)
        self.enqueue(
            self.message(payload=b"1"),
            self.message(payload=b"2", paused=5),
            self.message(payload=b"3"),
        )
        self._run_job(self.jobs("_job_ingest"))
        row = self.env["mqtt.dispatch"].search([])
        row.write({"sequences": False, "message_count": 3})
        self.env.flush_all()
        path = file_path("mqtt_listener/migrations/19.0.1.6.0/post-job-uuids.py")
        runpy.run_path(path)["list_sequences"](self.env.cr)
        self.env.invalidate_all()
        self.assertEqual((row.sequences, row.message_count), ([1, 3], 2))
        self.messages[1].has_handlers = True
        self.mqtt_run_jobs()
        self.assertEqual(self.seen, ["1", "3"])


@tagged("post_install", "-at_install")
class TestDispatchWhereStored(DispatchCase):
    def test_quick_handlers_cost_no_job(self):
        self.store("1", "2")
        self.assertEqual(self.seen, ["1", "2"])
        self.assertFalse(self.jobs("_job_dispatch"))
        self.assertMqttHandled(self.messages, self.handler.name, times=2)

    def test_a_slow_handler_has_a_job(self):
        """As it was measured, or as it turns out."""
        self.handler._count(self.service, handled=1, seconds=0.3)
        self.store("1", "2")
        self.assertEqual(self.seen, [])
        self.assertEqual(self.messages.mapped("state"), ["queued"] * 2)
        self.mqtt_run_jobs()
        self.assertEqual(self.seen, ["1", "2"])

    def test_a_call_that_does_not_return(self):
        """Its message is stored, and leaves the job that stores."""
        seen = self.seen
        patient = []

        def on_slow(self, message):
            seen.append("slow")
            while not patient:
                pass

        self.declare("plant/+", on_slow, name="_on_slow")
        self.limit(storing_call_seconds=0.2, interrupt_calls="1")
        self.store("1")
        self.assertEqual(self.messages.state, "queued")
        patient.append(True)
        self.mqtt_run_jobs()
        self.assertMqttHandled(self.messages, self.handler.name, times=1)
        self.assertMqttHandled(self.messages, "res.partner._on_slow", times=1)

    def test_a_conflict_does_not_harm_storing(self):
        class Conflict(psycopg2.OperationalError):
            pgcode = "40001"

        in_the_way = [True]

        def on_conflict(self, message):
            if in_the_way:
                raise Conflict("could not serialize access")

        self.declare("plant/+", on_conflict, name="_on_conflict")
        self.store("1")
        self.assertEqual(self.jobs("_job_ingest", "done").retry, 1)  # its first run
        self.assertEqual(self.messages.state, "queued")
        in_the_way.clear()
        self.mqtt_run_jobs()
        self.assertMqttHandled(self.messages, self.handler.name, times=1)

    def test_what_time_does_not_suffice_for_is_not_handled_twice(self):
        other = self.declare("plant/#", lambda self, message: None, name="_on_two")
        is_over = iter([False, True])

        with patch(
            "odoo.addons.mqtt_listener.jobs.run.Run._is_over",
            lambda run: next(is_over, False),
        ):
            self.store("1", "2", "3")
            self.mqtt_run_jobs()
        self.assertEqual(self.seen, ["1", "2", "3"])
        self.assertMqttHandled(self.messages, other.name, times=3)

    def test_a_job_that_runs_again_only_stores(self):
        self.enqueue(self.message("plant/1", b"1"))
        job = self.jobs("_job_ingest")
        job.retry = 1
        self._run_job(job)
        self.assertEqual(self.seen, [])
        self.mqtt_run_jobs()
        self.assertEqual(self.seen, ["1"])

    def test_a_bad_message_leaves_as_ever(self):
        def on_bad(self, message):
            if message.payload == "2":
                raise ValueError("no")

        self.declare("plant/+", on_bad, name="_on_bad")
        self.store("1", "2", "3")
        self.assertEqual(self.messages.mapped("state"), ["done", "retrying", "done"])
        self.assertFalse(self.jobs("_job_dispatch"))
