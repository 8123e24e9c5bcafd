# Copyright 2026 mqtt_listener contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""What the listener's threads do when what they need fails, or they do."""

import threading
from unittest.mock import patch

import psycopg2

from odoo.tests import BaseCase

from ..listener import job_maker, writer
from ..listener.bridge import LeaseLost
from ..listener.guarded import guarded
from ..listener.inbox import Inbox
from ..listener.job_maker import JobMaker
from ..listener.loss import Loss
from ..listener.pacer import Pacer
from ..listener.writer import Writer
from ..mqtt.rate import TopicRates
from .common import MqttCase
from .test_pacing import DEADLOCK_SECONDS, FakeBridge
from .test_quarantine import FakeConnection

AWAY = psycopg2.OperationalError("the database is away")
LOGGER = "odoo.addons.mqtt_listener.listener"


class QuietConnection(FakeConnection):
    """A connection of which only the state is of interest."""

    def __init__(self):
        super().__init__()
        self.rates = TopicRates()

    def stop(self, drain):
        pass

    def pruned(self, prunable):
        pass


class EndedConnection(QuietConnection):
    """A connection that another client with the same client ID has ended."""

    def __init__(self):
        super().__init__()
        self.observed.state, self.observed.gave_up = "disconnected", True

    def is_alive(self):
        return False


class RefusingBridge:
    """A database that raises these at the first calls, and notes the others."""

    def __init__(self, *errors):
        self._errors = list(errors)
        self.written = []

    def _call(self, name):
        if self._errors:
            raise self._errors.pop(0)
        self.written.append(name)

    def report(self, *_args):
        self._call("report")

    def give_up(self, *_args):
        self._call("give_up")

    def release(self, *_args):
        self._call("release")


class TestLastWords(BaseCase):
    """What a connection's end leaves to be written does not get lost."""

    LAST_WORDS = ("report", "give_up", "release")

    def end(self, *errors):
        """The thread of a connection that has ended; what it has written."""
        bridge = RefusingBridge(*errors)
        thread = Writer(bridge, EndedConnection(), Inbox(1, 1, 0, 1, 1), 0)
        thread.start()
        self.addCleanup(thread.join, DEADLOCK_SECONDS)
        self.addCleanup(thread.must_end.set)
        return thread, bridge

    def test_a_database_that_is_away_is_waited_for(self):
        """Whichever of them it is that fails first."""
        self.patch(writer, "RETRY_DELAY", 0.001)
        for fails in (1, 2, 3, 10):
            with self.subTest(fails), self.assertLogs(writer.__name__) as logs:
                thread, bridge = self.end(*[AWAY] * fails)
                thread.join(DEADLOCK_SECONDS)
                self.assertEqual(tuple(bridge.written), self.LAST_WORDS)
                self.assertEqual(len(logs.output), 2)

    def test_not_for_ever(self):
        """A server that stops does not wait for it."""
        with self.assertLogs(writer.__name__):
            thread, bridge = self.end(*[AWAY] * 1000)
            thread.must_end.set()
            thread.join(DEADLOCK_SECONDS)
        self.assertFalse(thread.is_alive())
        self.assertFalse(bridge.written)

    def test_what_would_never_be_written_is_not_tried_again(self):
        """The addon may have been uninstalled."""
        gone = psycopg2.errors.UndefinedTable("no mqtt_connection")
        with self.assertLogs(writer.__name__):
            thread, bridge = self.end(gone)
            thread.join(DEADLOCK_SECONDS)
        self.assertEqual(bridge.written, ["give_up", "release"])

    def test_another_listener_has_the_last_word(self):
        with self.assertLogs(writer.__name__):
            thread, bridge = self.end(AWAY, LeaseLost())
            thread.join(DEADLOCK_SECONDS)
        self.assertTrue(thread.lease_lost.is_set())
        self.assertFalse(bridge.written)


class TestJobMakerGuard(BaseCase):
    """Nothing ends the thread that has messages stored."""

    def setUp(self):
        super().setUp()
        self.bridge = FakeBridge()
        self.pacer = Pacer(share=1, max_delay=0)
        self.patch(job_maker, "RETRY_SECONDS", 0.001)
        self.maker = JobMaker(self.bridge, self.pacer)
        self.addCleanup(self.maker.join, DEADLOCK_SECONDS)
        self.addCleanup(self.maker.stop)

    def test_what_nobody_expects(self):
        """Whatever of it fails: it is logged once, reported, and tried again."""
        measured = self.pacer.measured
        failures = iter([ZeroDivisionError("no share")] * 3)
        failed = threading.Semaphore(0)

        def measure(seconds):
            failed.release()
            for failure in failures:
                raise failure
            measured(seconds)

        with (
            patch.object(self.pacer, "measured", measure),
            self.assertLogs(job_maker.__name__) as logs,
        ):
            self.maker.start()
            self.maker.add(7, at_once=True)
            for _ in range(4):
                self.assertTrue(failed.acquire(timeout=DEADLOCK_SECONDS))
            self.maker.stop()
            self.maker.join(DEADLOCK_SECONDS)
        self.assertEqual(self.bridge.asked, [[7]] * 4)
        self.assertEqual(len(logs.output), 2)
        self.assertIsNone(self.maker.problem)

    def test_the_clock_too(self):
        """It has nothing in its hands then; what waits goes on waiting."""
        delay = self.pacer.delay
        failures = iter([TypeError("no time")])

        def asked(now, since):
            for failure in failures:
                raise failure
            return delay(now, since)

        with (
            patch.object(self.pacer, "delay", asked),
            self.assertLogs(job_maker.__name__),
        ):
            self.maker.start()
            self.maker.add(7)
            self.assertTrue(self.bridge.was_asked.acquire(timeout=DEADLOCK_SECONDS))
        self.assertEqual(self.bridge.asked, [[7]])

    def test_it_says_what_the_problem_is(self):
        """Unless it is the database's, which nobody could write there."""
        self.maker.add(7, at_once=True)
        self.maker.stop()
        for error, said in ((AWAY, None), (KeyError("mqtt.service"), "KeyError")):
            with self.subTest(said):
                self.maker._loss.end()
                with self.assertLogs(job_maker.__name__):
                    self.maker._loss.begin(error)
                problem = self.maker.problem
                self.assertEqual(problem and problem[0].code, said and "jobs")
                self.assertIn(said or "", problem[0].detail if problem else "")
        self.maker.start()

    def test_at_the_end_it_does_not_ask_again_and_again(self):
        """What is left to jobs that wait is theirs, or the next listener's."""
        self.bridge.answers = [[7]] * 1000
        self.maker.add(7)
        self.maker.stop()
        self.maker.start()
        self.maker.join(DEADLOCK_SECONDS)
        self.assertEqual(self.bridge.asked, [[7]])


class TestProblem(MqttCase):
    def test_in_words(self):
        """A service that is connected has a problem too, when nothing is stored."""
        self.service._listener_claim("here", "this host")
        self.service.connection_ids.write(
            {"state": "connected", "problem": "jobs", "problem_detail": "KeyError: x"}
        )
        self.assertIn("no job can be created: KeyError: x", self.service.last_error)


class TestWarning(BaseCase):
    def test_it_is_reported_until_it_is_over(self):
        """Where the connection has no problem of its own."""
        seen = []
        bridge = RefusingBridge()
        bridge.report = lambda _id, _name, values, *_more: seen.append(
            values["problem"]
        )
        connection = QuietConnection()
        thread = Writer(bridge, connection, Inbox(1, 1, 0, 1, 1), 0)
        problem = job_maker.Problem("jobs", "KeyError")
        for warning in ((problem, 5.0), None):
            thread.warn(warning)
            thread._report()
        self.assertEqual(seen, ["jobs", False])


class TestGuarded(BaseCase):
    def test_a_thread_that_ends_says_why(self):
        class Thread(threading.Thread):
            @guarded
            def run(self):
                raise KeyError("unexpected")

        thread = Thread()
        with self.assertLogs(f"{LOGGER}.guarded", "ERROR") as logs:
            thread.start()
            thread.join(DEADLOCK_SECONDS)
        self.assertIn("KeyError: 'unexpected'", logs.output[0])


class TestLoss(BaseCase):
    """The log says once that something fails, and what nobody expects in full."""

    def test_once_until_it_is_over(self):
        logger = writer._logger
        loss = Loss(logger, "no", "yes")
        with self.assertLogs(logger) as logs:
            loss.end()
            for _ in range(3):
                loss.begin(AWAY)
            loss.end()
            loss.end()
            loss.begin(KeyError("x"))
        self.assertEqual(
            [record.getMessage() for record in logs.records],
            ["no, trying again: the database is away", "yes", "no, trying again: 'x'"],
        )
        self.assertEqual(
            [bool(record.exc_info) for record in logs.records], [False, False, True]
        )
