# Copyright 2026 mqtt_listener contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
import threading
import time

from odoo.tests import BaseCase

from ..listener import job_maker
from ..listener.job_maker import FULL_MESSAGES, JobMaker
from ..listener.pacer import BURST, OVERHEAD_SECONDS, Pacer
from ..models.queue.mqtt_batch import _count_that_fit

DEADLOCK_SECONDS = 20


class TestPacer(BaseCase):
    def test_a_few_at_once_then_so_many_a_second(self):
        """What jobs cost is a share of a processor, whatever comes."""
        pacer = Pacer(share=OVERHEAD_SECONDS, max_delay=100)  # one job a second
        made, now = [], 0.0
        while now < 20:
            now += pacer.delay(now, since=now)
            pacer.spend(now)
            made.append(now)
        self.assertEqual(made[:BURST], [0.0] * BURST)
        self.assertEqual(made[BURST : BURST + 3], [1.0, 2.0, 3.0])

    def test_rare_messages_never_wait(self):
        pacer = Pacer(share=OVERHEAD_SECONDS, max_delay=100)
        for now in range(50):
            self.assertEqual(pacer.delay(now, since=now), 0)
            pacer.spend(now)

    def test_the_delay_is_bounded(self):
        """However little jobs may take, and however long they took lately."""
        pacer = Pacer(share=0.0001, max_delay=0.5)
        pacer.measured(60.0)
        for _ in range(BURST):
            pacer.spend(10.0)
        self.assertAlmostEqual(pacer.delay(10.0, since=10.0), 0.5)
        self.assertAlmostEqual(pacer.delay(10.3, since=10.0), 0.2)

    def test_jobs_that_take_longer_are_fewer(self):
        pacer = Pacer(share=OVERHEAD_SECONDS, max_delay=100)
        pacer.measured(OVERHEAD_SECONDS)
        for _ in range(BURST):
            pacer.spend(0.0)
        self.assertAlmostEqual(pacer.delay(0.0, since=0.0), 2.0)


class FakeBridge:
    """A database that notes for which services it was asked to make jobs."""

    dbname = "fake"

    def __init__(self):
        self.asked = []
        self.answers = []  # ids left waiting, or an exception, for each call
        self.was_asked = threading.Semaphore(0)

    def enqueue_jobs(self, service_ids):
        self.asked.append(service_ids)
        answer = self.answers.pop(0) if self.answers else []
        self.was_asked.release()
        if isinstance(answer, Exception):
            raise answer
        return {"waiting": answer, "seconds": None}


class TestJobMaker(BaseCase):
    def setUp(self):
        super().setUp()
        self.bridge = FakeBridge()
        self.patch(job_maker, "BUSY_SECONDS", 0.001)
        self.patch(job_maker, "RETRY_SECONDS", 0.001)

    def start(self, max_delay=10 * DEADLOCK_SECONDS):
        pacer = Pacer(share=1e-9, max_delay=max_delay)
        for _ in range(BURST):
            pacer.spend(time.monotonic())
        maker = JobMaker(self.bridge, pacer)
        maker.start()
        self.addCleanup(maker.join, DEADLOCK_SECONDS)
        self.addCleanup(maker.stop)
        return maker

    def wait_asked(self):
        self.assertTrue(self.bridge.was_asked.acquire(timeout=DEADLOCK_SECONDS))

    def test_what_is_urgent_or_much_does_not_wait(self):
        """A job is made for all that waits, whatever jobs may cost."""
        for more in ({"at_once": True}, {"messages": FULL_MESSAGES}):
            with self.subTest(more):
                self.bridge.asked.clear()
                maker = self.start()
                maker.add(1, 5)
                maker.add(2, **more)
                self.wait_asked()
                self.assertEqual([sorted(ids) for ids in self.bridge.asked], [[1, 2]])

    def test_what_waits_longest_is_due(self):
        self.start(max_delay=0.001).add(1, 1)
        self.wait_asked()

    def test_what_is_left_to_waiting_jobs_is_asked_for_again(self):
        """They may have begun before the last batch was there."""
        self.bridge.answers = [[2], [2], []]
        maker = self.start()
        maker.add(1)
        maker.add(2, at_once=True)
        for _ in range(3):
            self.wait_asked()
        self.assertEqual([sorted(ids) for ids in self.bridge.asked], [[1, 2], [2], [2]])

    def test_what_is_urgent_is_asked_for_again_at_once(self):
        """It waited for a quarter of a second whenever two jobs were waiting."""
        self.patch(job_maker, "BUSY_SECONDS", 10 * DEADLOCK_SECONDS)
        self.patch(job_maker, "BUSY_AT_ONCE_SECONDS", 0.001)
        self.bridge.answers = [[1, 2], []]
        maker = self.start()
        maker.add(1)
        maker.add(2, at_once=True)
        for _ in range(2):
            self.wait_asked()
        self.assertEqual(sorted(self.bridge.asked[1]), [1, 2])

    def test_what_is_urgent_is_not_asked_for_so_often_for_ever(self):
        """Jobs may be stuck: nobody repairs the job runner in a second."""
        self.patch(job_maker, "BUSY_SECONDS", 0.25)
        urgent = [job_maker.Waiting(since=10.0, messages=1, at_once=True)]
        seconds, found = 0.0, []
        for _ in range(6):
            seconds = job_maker._seconds_busy(urgent, seconds)
            found.append(seconds)
        self.assertEqual(found, [0.02, 0.04, 0.08, 0.16, 0.25, 0.25])
        self.assertEqual(job_maker._seconds_busy([], seconds), 0.0)

    def test_a_database_that_is_away_is_tried_again(self):
        self.bridge.answers = [RuntimeError("away"), []]
        with self.assertLogs(job_maker.__name__, "WARNING") as logs:
            self.start().add(1, at_once=True)
            self.wait_asked()
            self.wait_asked()
        self.assertEqual(len(logs.output), 1)
        self.assertEqual(self.bridge.asked, [[1], [1]])

    def test_at_the_end_jobs_are_made_for_what_waits(self):
        maker = self.start()
        maker.add(1, 1)
        maker.stop()
        maker.join(DEADLOCK_SECONDS)
        self.assertEqual(self.bridge.asked, [[1]])


class TestBounds(BaseCase):
    def test_batches_of_a_job(self):
        """As many as fit, oldest first."""
        sizes = [(1, 10, 500), (2, 10, 500), (3, 10, 500)]
        self.assertEqual(_count_that_fit(sizes, 25, 10_000), 2)
        self.assertEqual(_count_that_fit(sizes, 100, 1_000), 2)
        self.assertEqual(_count_that_fit(sizes, 5, 5), 0)
        self.assertEqual(_count_that_fit(sizes, 100, 10_000), 3)
