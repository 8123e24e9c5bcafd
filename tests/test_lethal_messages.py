# Copyright 2026 mqtt_listener contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""Messages that end the worker, or its database connection, each time they are stored:
they go into quarantine after some tries, and the others are stored.
"""

from unittest.mock import patch

import psycopg2

from odoo.tests import mute_logger, tagged

from ..jobs.apart import KILLS
from ..mqtt.message import LARGE
from .test_job_ends import JobEndCase

AWAY = "psycopg2.OperationalError"
LETHAL = b"lethal"


class Killed(BaseException):
    """The connection broke, or the worker died."""


@tagged("post_install", "-at_install")
class TestLethalMessages(JobEndCase):
    def setUp(self):
        super().setUp()
        self.how = "breaks"
        original = type(self.service)._history_values

        def killing(service, message, *args):
            if message.payload.startswith(LETHAL):
                raise Killed
            return original(service, message, *args)

        self.enterContext(patch.object(type(self.service), "_history_values", killing))

    def run_job(self, job):
        try:
            with self.env.cr.savepoint():
                self._run_job(job)
        except Killed:
            self.kill(job)

    def kill(self, job, times=1):
        for _time in range(times):
            if self.how == "breaks":
                self.break_job(job, AWAY)
            else:  # as queue_job's runner does with a job that nobody holds
                job.retry += 1
                self.env.flush_all()

    def run_all(self):
        """Run what there is until nothing is left; how many jobs that took."""
        ran = 0
        while jobs := self.env["queue.job"].search(
            [("mqtt_service_id", "=", self.service.id), ("state", "=", "pending")],
            order="priority, id",
        ):
            self.run_job(jobs[0])
            ran += 1
            self.assertLess(ran, 100, f"it spins: {jobs.mapped('name')}")
        return ran

    def quarantine(self):
        return self.env["mqtt.quarantine"].search([])

    def test_neighbours_are_stored_and_handled(self):
        """Whatever ends, and wherever in its batch the message is."""
        for self.how in ("breaks", "dies"):
            for place in range(3):
                with self.subTest(how=self.how, place=place):
                    self.seen.clear()
                    payloads = [b"1", b"2"]
                    payloads.insert(place, LETHAL)
                    self.enqueue(*(self.message(payload=one) for one in payloads))
                    self.enqueue(self.message(payload=b"3"))
                    self.run_all()
                    self.assertEqual(sorted(self.seen), ["1", "2", "3"])
                    kept = self.quarantine()
                    self.assertEqual(kept._message().payload, LETHAL)
                    self.assertRegex(kept.reason, rf"ended .*{KILLS} times")
                    self.assertFalse(self.service.waiting_count)
                    kept.unlink()

    def test_faults_of_the_database_do_not_count(self):
        """However long its disk is full."""
        self.enqueue(self.message(payload=b"1"))
        batch = self.env["mqtt.batch"].search([])
        self.service._set_apart(batch)
        job = self.env["queue.job"].search([("uuid", "=", batch.job_uuid)])

        def full(*_args):
            raise psycopg2.errors.DiskFull

        with (
            patch.object(type(self.service), "_store_together", full),
            mute_logger("odoo.sql_db"),
        ):
            for _time in range(3 * KILLS):
                self._run_job(job)
        self.assertEqual((job.state, self.quarantine().ids), ("pending", []))
        self.run_job(job)
        self.assertEqual(self.messages.mapped("payload"), ["1"])

    def apart(self, payload):
        """The job of a batch of one message."""
        self.enqueue(self.message(payload=payload), jobs=False)
        batch = self.env["mqtt.batch"].search([])
        self.service._set_apart(batch)
        return self.env["queue.job"].search([("uuid", "=", batch.job_uuid)])

    def test_a_payload_that_quarantine_cannot_have(self):
        """It is left out in the end, and what is known of it is kept."""
        job = self.apart(LETHAL + bytes(LARGE))
        self.kill(job, 2 * KILLS)
        self.run_job(job)
        message = self.quarantine()._message()
        self.assertEqual(message.left_out.size, LARGE + len(LETHAL))
        self.assertFalse(message.payload)

    def test_a_batch_that_cannot_even_be_read(self):
        job = self.apart(LETHAL)
        self.kill(job, 3 * KILLS)
        with mute_logger("odoo.addons.queue_job", "odoo.addons.mqtt_listener"):
            self.run_job(job)
        self.assertEqual(job.state, "failed")
        self.assertIn("cannot be read", job.exc_message)
        self.look_after(3)
        self.assertEqual(self.jobs("_job_ingest"), self.jobs("_job_ingest") - job)

    def refuse_memory(self, size):
        """Have PostgreSQL lack memory for a message of this topic."""
        history = type(self.env["mqtt.signal.history"])
        original = history._insert

        def insert(records, values_list):
            if any(values["topic"] == "plant/big" for values in values_list):
                raise psycopg2.errors.OutOfMemory
            return original(records, values_list)

        self.enterContext(patch.object(history, "_insert", insert))
        self.enqueue(
            self.message("plant/1", b"1"), self.message("plant/big", bytes(size))
        )

    def test_no_memory_for_a_large_message(self):
        """After a few tries that is the message's fault."""
        self.refuse_memory(LARGE)
        job = self.jobs("_job_ingest")
        for _time in range(KILLS):
            self._run_job(job)
            self.assertEqual((job.state, self.quarantine().ids), ("pending", []))
        self.run_all()
        self.assertEqual(self.quarantine().topic, "plant/big")
        self.assertEqual(self.seen, ["1"])

    def test_no_memory_for_a_small_message(self):
        """It is never the message's fault."""
        self.refuse_memory(LARGE - 1)
        job = self.jobs("_job_ingest")
        for _time in range(3 * KILLS):
            self._run_job(job)
        self.assertEqual((job.state, self.quarantine().ids), ("pending", []))
