# Copyright 2026 mqtt_listener contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""Jobs that do not handle: what they were for; and connections that break."""

from datetime import timedelta
from unittest.mock import patch

from odoo.tests import mute_logger, tagged

from .test_job_ends import ENDS, JobEndCase

AWAY = "psycopg2.OperationalError"


@tagged("post_install", "-at_install")
class TestOtherEnds(JobEndCase):
    def published(self):
        message = self.service.mqtt_publish("out/1", "x")
        self.env.cr.precommit.run()
        return message, self.jobs("_job_publish")

    def test_publishing_set_to_done_is_not_sent(self):
        for how in ENDS:
            with self.subTest(how):
                message, job = self.published()
                self.end(job, how)
                self.assertEqual(message.state, "cancelled")
                self.assertIn(self.env.user.name, message.cancel_reason)

    def test_publishing_without_a_job_has_a_new_one(self):
        message, job = self.published()
        self.env.cr.execute("DELETE FROM queue_job WHERE id = %s", [job.id])
        self.env.invalidate_all()
        self.look_after(2)
        self.assertEqual(len(self.jobs("_job_publish")), 1)
        self.assertEqual(message.state, "queued")

    def test_a_replay_goes_on(self):
        """Also with the part that its last job had begun and not ended."""
        self.handler.enabled = False
        self.store("1", "2", "3")
        self.handler.enabled = True
        for how in ENDS:
            with self.subTest(how):
                self.seen.clear()
                replay = self.env["mqtt.replay"].create(
                    {"selected_ids": self.messages.ids}
                )
                replay.action_start()
                is_over = iter([False, True])
                with patch(
                    "odoo.addons.mqtt_listener.jobs.run.Run._is_over",
                    lambda run, is_over=is_over: next(is_over, True),
                ):
                    self._run_job(self.jobs("_job_replay"))
                self.assertEqual(self.seen, ["1"])
                self.end(self.jobs("_job_replay"), how)
                self.look_after(2)
                self.mqtt_run_jobs()
                self.assertEqual(self.seen, ["1", "2", "3"])
                self.assertEqual(replay.state, "done")
                self.look_after()
                self.assertFalse(self.jobs("_job_replay"))

    def test_a_request_is_told_of_silence(self):
        self.service.status = "start"
        for how in ENDS:
            with self.subTest(how):
                request = self.service.mqtt_request("out/1", "x", timeout=60)
                self.env.flush_all()
                self.end(self.jobs("_job_silence"), how)
                self.look_after()
                job = self.jobs("_job_silence")
                self.assertEqual(len(job), 1)
                self.assertGreater(job.eta, self.env.cr.now(), "not before its time")
                self.look_after()
                self.assertEqual(self.jobs("_job_silence"), job)
                job.eta = False
                self.mqtt_run_jobs()
                self.assertEqual(request.state, "silent")


@tagged("post_install", "-at_install")
class TestOutage(JobEndCase):
    """A connection that broke: waited for, counted, and given up where that helps."""

    def test_a_job_of_many_is_split(self):
        """After a few tries, to find the call that breaks it."""
        self.limit(storing_job_seconds=0)
        self.store("1", "2")
        job = self.jobs("_job_dispatch")
        for count in range(1, 6):
            self.break_job(job, AWAY)
            self.assertEqual((job.state, job.retry), ("pending", count))
            self.assertTrue(job.eta)
        job.eta -= timedelta(days=1)
        self.break_job(job, AWAY)
        self._run_job(job)
        self.assertEqual(self.seen, [])
        self.assertEqual(
            self.env["mqtt.dispatch"].search([]).mapped("alone"), [True] * 2
        )

    def test_idle_in_transaction(self):
        self.limit(storing_job_seconds=0)
        self.store("1", "2")
        job = self.jobs("_job_dispatch")
        trace = "psycopg2.errors.IdleInTransactionSessionTimeout: terminating\n"
        self.break_job(job, "psycopg2.InterfaceError", trace)
        self.assertEqual(job.state, "pending")
        self._run_job(job)
        self.assertEqual(self.seen, [])
        self.assertEqual(len(self.env["mqtt.dispatch"].search([])), 2)

    def test_a_message_is_given_up(self):
        """Its own job has as many tries as for any other reason."""

        def on_bad(self, message):
            raise ValueError("no")

        self.declare("plant/+", on_bad, name="_on_bad", max_retries=3)
        self.store("1")
        job = self.messages.job_ids
        self.break_job(job, AWAY)
        self.assertEqual((job.state, job.retry), ("pending", 2))
        self.assertGreater(job.eta, self.env.cr.now())
        with mute_logger("odoo.addons.mqtt_listener"):
            self.break_job(job, AWAY)
        self.assertEqual((job.state, job.retry), ("failed", 3))
        self.assertEqual(self.messages.state, "failed")
        self.break_job(self.messages.job_ids, AWAY)
        self.assertEqual(job.state, "failed", "others' outages do not bring it back")

    def test_storing_is_never_given_up(self):
        """It has no effect outside of the database: see ``test_lethal_messages``."""
        self.enqueue(self.message())
        job = self.jobs("_job_ingest")
        self.break_job(job, AWAY)
        self.assertTrue(job.eta)
        self.break_job(job, AWAY, times=29)
        self.assertEqual(job.state, "pending")

    def test_publishing_and_answers_are_given_up(self):
        message = self.service.mqtt_publish("out/1", "x")
        self.env.cr.precommit.run()
        job = self.jobs("_job_publish")
        self.break_job(job, AWAY, times=9)
        self.assertEqual(job.state, "pending")
        self.assertTrue(job.eta)
        self.break_job(job, AWAY)
        self.assertEqual((job.state, message.state), ("failed", "failed"))
