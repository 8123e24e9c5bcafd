# Copyright 2026 mqtt_listener contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""Jobs that end otherwise than by being done: what they were for is not lost."""

from datetime import timedelta
from unittest.mock import patch

import psycopg2

from odoo.tests import tagged

from odoo.addons.queue_job.exception import FailedJobError
from odoo.addons.queue_job.job import Job

from .test_dispatch import DispatchCase

ENDS = ("button_cancelled", "button_done", "unlink")  # what a person may do to a job


class JobEndCase(DispatchCase):
    def end(self, jobs, how):
        getattr(jobs, how)()
        self.env.flush_all()
        self.env.invalidate_all()

    def declare_in_order(self):
        """Another handler, which keeps the order, in the place of the first.

        :return: the payloads that it was given.
        """
        seen = []
        self.handler.enabled = False
        self.declare(
            "plant/+",
            lambda self, message: seen.append(message.payload),
            name="_in_order",
            ordered=True,
        )
        return seen

    def look_after(self, minutes=1):
        """Have the cron run, each minute."""
        for _minute in range(minutes):
            self.env["mqtt.handler"]._look_after()
            self.env.flush_all()
            self.env.invalidate_all()

    def open_jobs(self, method):
        return self.env["queue.job"].search(
            [
                ("method_name", "=", method),
                ("mqtt_service_id", "=", self.service.id),
                ("state", "not in", ("done", "cancelled")),
            ]
        )

    def break_job(self, job, error, trace=None, times=1):
        """Have a job fail as a worker does when an exception comes through."""
        for _time in range(times):
            loaded = Job.load(self.env, job.uuid)
            loaded.set_started()
            loaded.retry += 1
            values = {"exc_name": error, "exc_message": "x", "exc_info": trace or error}
            loaded.set_failed(**values)
            loaded.store()
            loaded.on_fail(values)
            self.env.flush_all()
            self.env.invalidate_all()


@tagged("post_install", "-at_install")
class TestIngestEnds(JobEndCase):
    def refuse(self, *payloads):
        """Have history refuse messages with these payloads."""
        original = type(self.service)._history_values

        def refusing(service, message, *args):
            if message.payload in payloads:
                raise ValueError("not this one")
            return original(service, message, *args)

        return patch.object(type(self.service), "_history_values", refusing)

    def set_apart(self):
        """A batch that none can store, whose own job waits.

        :return: that job.
        """
        with self.refuse(b"1", b"2"):
            self.store("1", "2")
        return self.jobs("_job_ingest")

    def test_what_waits_has_a_new_job(self):
        for how in ENDS:
            with self.subTest(how):
                self.enqueue(self.message(payload=how.encode()))
                self.end(self.jobs("_job_ingest"), how)
                self.assertFalse(self.jobs("_job_ingest"))
                self.look_after()
                self.mqtt_run_jobs()
                self.assertEqual(self.seen[-1], how)
                self.assertFalse(self.service.waiting_count)

    def test_batches_that_were_set_apart_are_shown_with_the_reason(self):
        """In quarantine, from where they are stored again or deleted."""
        for how in ENDS:
            with self.subTest(how):
                self.seen.clear()
                self.end(self.set_apart(), how)
                self.assertFalse(self.service.waiting_count)
                kept = self.env["mqtt.quarantine"].search([])
                self.assertEqual(len(kept), 2)
                self.assertIn(self.env.user.name, kept[0].reason)
                kept.action_retry()
                self.mqtt_run_jobs()
                self.assertEqual(self.seen, ["1", "2"])

    def test_a_batch_set_apart_whose_job_is_gone_has_a_new_one(self):
        """Whatever took it away, without a word to Odoo."""
        job = self.set_apart()
        self.env.cr.execute("DELETE FROM queue_job WHERE id = %s", [job.id])
        self.env.invalidate_all()
        self.look_after(2)
        self.assertEqual(len(self.jobs("_job_ingest")), 1)
        self.mqtt_run_jobs()
        self.assertEqual(self.seen, ["1", "2"])

    def test_nothing_waits_for_a_batch_whose_job_has_failed(self):
        """Ordered handlers go on, and whoever asked is told that there is no answer,
        however many other jobs store.
        """
        ordered = self.declare_in_order()
        with self.refuse(b"1", b"2"):
            self.store("1", "2")
            self.mqtt_run_jobs()
        self.assertEqual(self.open_jobs("_job_ingest").state, "failed")
        self.assertEqual(self.service.waiting_count, 2)
        self.enqueue(self.message(payload=b"3"))
        through = self.service.connection_ids.sequence
        self.assertTrue(self.service._is_storing(through), "3 waits")
        self.mqtt_run_jobs()
        self.assertEqual(ordered, ["3"])
        self.service._delay_ingest()
        self.assertFalse(self.service._is_storing(through))
        self.assertFalse(self.jobs("_job_in_order"))

    def test_ordered_handlers_wait_for_a_batch_set_apart(self):
        ordered = self.declare_in_order()
        job = self.set_apart()
        job.eta = self.env.cr.now() + timedelta(hours=1)
        self.enqueue(self.message(payload=b"3"))
        self.mqtt_run_jobs()
        self.assertEqual(ordered, [])
        self.assertTrue(self.service._is_storing(2))
        self.mqtt_run_jobs(later=True)
        self.mqtt_run_jobs(later=True)
        self.assertEqual(ordered, ["1", "2", "3"])

    def test_jobs_of_batches_set_apart_are_not_relied_on(self):
        """They store nothing else."""
        for _batch in range(2):
            self.enqueue(self.message(payload=b"1"), self.message(payload=b"2"))
        with self.refuse(b"1", b"2"):
            self._run_job(self.jobs("_job_ingest")[:1])
        shared = self.jobs("_job_ingest").filtered(lambda job: not job.kwargs)
        shared.button_cancelled()
        self.assertEqual(len(self.jobs("_job_ingest")), 2)
        self.enqueue(self.message(payload=b"3"))
        self.assertEqual(len(self.jobs("_job_ingest")), 3)

    def test_a_fault_of_the_database_does_not_fail_job_after_job(self):
        """It is waited for, and what comes meanwhile makes no pile."""
        full = psycopg2.errors.DiskFull("no space left")
        original = type(self.service)._history_values
        broken = [True]

        def failing(service, *args):
            if broken:
                raise full
            return original(service, *args)

        with patch.object(type(self.service), "_history_values", failing):
            for number in range(20):
                self.enqueue(self.message(payload=b"%d" % number))
                self.mqtt_run_jobs(later=True)
                self.look_after()
            jobs = self.open_jobs("_job_ingest")
            self.assertLessEqual(len(jobs), 4)
            self.assertEqual(set(jobs.mapped("state")), {"pending"})
            broken.clear()
            self.mqtt_run_jobs(later=True)
        self.assertEqual(self.seen, [str(number) for number in range(20)])


@tagged("post_install", "-at_install")
class TestDispatchEnds(JobEndCase):
    def setUp(self):
        super().setUp()
        self.limit(storing_job_seconds=0)

    def test_a_failed_job_is_tried_again(self):
        self.check_tried_again("_job_dispatch", self.seen)

    def test_a_failed_job_in_order_is_tried_again(self):
        self.check_tried_again("_job_in_order", self.declare_in_order())

    def check_tried_again(self, method, seen):
        """By itself, at growing distances; no second one is made beside it."""
        self.store("1")
        job = self.jobs(method)
        self.break_job(job, "builtins.ValueError")
        self.look_after(5)
        self.assertEqual(self.open_jobs(method).mapped("state"), ["failed"])
        self.store("2")
        self.assertEqual(self.open_jobs(method).mapped("state"), ["failed"])
        job.date_started -= timedelta(minutes=2)
        self.look_after()
        self.assertEqual(job.state, "pending")
        self.env.cr.execute(
            "UPDATE queue_job SET date_created = date_created - interval '20 minutes'"
            " WHERE id = %s",
            [job.id],
        )
        job.invalidate_recordset()
        self.break_job(job, "builtins.ValueError")
        job.date_started -= timedelta(minutes=2)
        self.look_after()
        self.assertEqual(job.state, "failed", "the distance grows")
        job.date_started -= timedelta(minutes=20)
        self.look_after()
        self.store("3")
        self.mqtt_run_jobs()
        self.assertEqual(seen, ["1", "2", "3"])
        self.assertFalse(self.open_jobs(method))

    def test_ordered_messages_have_a_new_job(self):
        seen = self.declare_in_order()
        for number, how in enumerate(ENDS, 1):
            with self.subTest(how):
                self.store(how)
                self.end(self.jobs("_job_in_order"), how)
                self.look_after(2)
                self.assertEqual(len(self.jobs("_job_in_order")), 1)
                self.mqtt_run_jobs()
                self.assertEqual(seen, list(ENDS[:number]))

    def test_stored_again_while_its_range_waits(self):
        """What was in quarantine is handled once, with what surrounds it or without."""
        original = type(self.service)._history_values
        refused = {b"2"}

        def refusing(service, message, *args):
            if message.payload in refused:
                raise ValueError("not this one")
            return original(service, message, *args)

        with patch.object(type(self.service), "_history_values", refusing):
            self.store("1", "2", "3")
        self.env["mqtt.quarantine"].search([]).action_retry()
        with patch("odoo.addons.mqtt_listener.jobs.waiting.BATCH", 1):
            self.mqtt_run_jobs()
        self.assertEqual(sorted(self.seen), ["1", "2", "3"])

    def test_paused_messages_replayed_while_their_range_waits(self):
        self.enqueue(
            self.message(payload=b"1"),
            self.message(payload=b"2", paused=5),
            self.message(payload=b"3"),
        )
        self._run_job(self.jobs("_job_ingest"))
        paused = self.messages[1]
        self.assertEqual(paused.state, "cancelled")
        replay = self.env["mqtt.replay"].create(
            {"selected_ids": paused.ids, "topic_filter": False}
        )
        replay.action_start()
        dispatch = self.jobs("_job_dispatch")
        dispatch.priority = 100  # the replay overtakes what waits
        self.mqtt_run_jobs()
        self.assertEqual(sorted(self.seen), ["1", "2", "3"])

    def test_set_to_done_is_not_handled(self):
        """A message says Done when its handlers had it, not when a person said so."""

        def on_bad(self, message):
            raise FailedJobError("never")

        self.declare("plant/+", on_bad, name="_on_bad")
        self.store("1")
        self.mqtt_run_jobs()
        message = self.messages
        self.end(message.job_ids, "button_done")
        self.assertEqual(message.state, "cancelled")
        self.assertIn(self.env.user.name, message.cancel_reason)
        self.assertIn("_on_bad", message.cancel_reason)
        message.job_ids.requeue()
        self.assertEqual(message.state, "queued")
        self.assertFalse(message.cancel_reason)
