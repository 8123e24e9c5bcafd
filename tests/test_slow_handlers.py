# Copyright 2026 mqtt_listener contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
import threading
import time

from psycopg2.errors import UndefinedTable

from odoo.tests import tagged
from odoo.tools import mute_logger

from ..jobs.guard import Guard, SlowHandlerError
from ..jobs.watchdog import CallTimeout
from .test_handler import HandlerCase

WATCHDOG = "odoo.addons.mqtt_listener.jobs.watchdog"


@tagged("post_install", "-at_install")
class TestSlowHandlers(HandlerCase):
    def setUp(self):
        super().setUp()
        self.limit(call_seconds=0.05, storing_call_seconds=0.05, own_call_seconds=0.05)

    @staticmethod
    def wait_until(is_done, seconds=60):
        end = time.monotonic() + seconds
        while not is_done() and time.monotonic() < end:
            pass

    def statement_timeout(self):
        self.env.cr.execute("SHOW statement_timeout")
        return self.env.cr.fetchone()[0]

    def test_a_slow_call_is_logged_once_and_goes_on(self):
        with self.assertLogs(WATCHDOG, "WARNING") as logs:

            def on_message(self, message):
                stack_is_logged = threading.Event()
                TestSlowHandlers.wait_until(lambda: logs.output)
                # Each further look would have logged it once more.
                TestSlowHandlers.wait_until(stack_is_logged.is_set, 0.2)
                self.create({"name": "slow", "ref": message.topic})

            handler = self.declare("plant/+", on_message)
            messages = self.receive(self.message("plant/1"))
        self.assertMqttHandled(messages, handler.name, times=1)
        self.assertEqual(len(logs.output), 1)
        self.assertRegex(
            logs.output[0],
            "more than 0.05 seconds. It is at .*test_slow_handlers.py:.*in on_message",
        )
        self.assertTrue(self.partner_of("plant/1"))

    def partner_of(self, topic):
        return self.env["res.partner"].search([("ref", "=", topic)])

    @mute_logger(WATCHDOG)
    def test_a_slow_call_ends_the_time_of_its_job(self):
        """What follows it waits for the next job, also when it raised."""
        for seconds in (0, 5):
            for is_raised in (False, True):
                with self.subTest(storing_job_seconds=seconds, is_raised=is_raised):
                    self.limit(storing_job_seconds=seconds)
                    jobs = self.dispatch_jobs()
                    self.check_the_next_job(is_raised, f"plant{seconds}{is_raised}")
                    jobs = self.dispatch_jobs() - jobs
                    self.assertEqual(len(jobs), 1 if seconds else 2)

    def dispatch_jobs(self):
        return self.env["queue.job"].search([("method_name", "=", "_job_dispatch")])

    def check_the_next_job(self, is_raised, plant):
        seen = []

        def on_message(self, message):
            job = self.env.context.get("job_uuid")
            seen.append((message.topic.rpartition("/")[2], job))
            if message.payload == "slow":
                end = time.monotonic() + 0.06
                TestSlowHandlers.wait_until(lambda: time.monotonic() > end)
                if is_raised:
                    raise ValueError("too late")

        self.declare(f"{plant}/+", on_message)
        messages = self.receive(
            *(
                self.message(f"{plant}/{name}", payload)
                for name, payload in (("1", b"x"), ("2", b"slow"), ("3", b"x"))
            )
        )
        self.mqtt_run_jobs()
        self.assertEqual(messages[0].state, "done")
        self.assertEqual(messages[1].state, "retrying" if is_raised else "done")
        self.assertEqual(messages[2].state, "done")
        names = [name for name, _job in seen]
        self.assertEqual(names, ["1", "2", *(["1"] * is_raised), "3"])

    @mute_logger(WATCHDOG)
    def test_the_statement_timeout_ends_with_the_calls(self):
        before = self.statement_timeout()
        seen = []

        def on_message(self, message):
            self.env.cr.execute("SHOW statement_timeout")
            seen.append(self.env.cr.fetchone()[0])
            if message.payload == "raise":
                raise ValueError("it failed")
            if message.payload == "set":
                self.env.cr.execute("SET LOCAL statement_timeout = '77s'")

        self.declare("plant/+", on_message)
        for payload in (b"x", b"raise", b"set"):
            with self.subTest(payload=payload):
                self.receive(self.message("plant/1", payload))
                self.assertEqual(self.statement_timeout(), before)
        self.assertEqual(set(seen), {"50ms"})

    @mute_logger(WATCHDOG)
    def test_a_transaction_that_failed_keeps_its_error(self):
        with (
            self.assertRaises(UndefinedTable),
            mute_logger("odoo.sql_db"),
            self.env.cr.savepoint(),
            Guard(self.env.cr, 5),
        ):
            self.env.cr.execute("SELECT 1 FROM there_is_none")

    @mute_logger(WATCHDOG)
    def test_a_statement_is_canceled_in_any_case(self):
        with (
            Guard(self.env.cr, 0.05) as guard,
            mute_logger("odoo.sql_db"),
            self.assertRaises(SlowHandlerError),
            self.env.cr.savepoint(),
        ):
            guard.call(self.env.cr.execute, "SELECT pg_sleep(60)")

    def test_no_exception_arrives_unless_switched_on(self):
        """In a lock of the whole process, which would stay locked."""
        lock = threading.Lock()

        def handler(is_done):
            lock.acquire()
            self.wait_until(is_done)
            lock.release()

        with self.assertLogs(WATCHDOG) as logs, Guard(self.env.cr, 0.05) as guard:
            guard.call(handler, lambda: logs.output)
        self.assertFalse(lock.locked())
        with (
            Guard(self.env.cr, 0.05, interrupts=True) as guard,
            self.assertRaises(SlowHandlerError),
        ):
            guard.call(handler, lambda: False)
        self.assertTrue(lock.locked())

    @mute_logger(WATCHDOG)
    def test_the_parameter(self):
        handlers = self.env["mqtt.handler"]
        for value, interrupts in (
            ("", False),
            ("0", False),
            ("False", False),
            ("no", False),
            ("1", True),
            ("True", True),
        ):
            self.limit(interrupt_calls=value)
            with self.subTest(value=value), handlers._guard("call_seconds") as guard:
                try:
                    guard.call(self.wait_until, lambda: False, 0.5)
                except SlowHandlerError:
                    self.assertTrue(interrupts)
                else:
                    self.assertFalse(interrupts)

    def test_a_timeout_that_is_swallowed_comes_again(self):
        def handler():
            try:
                self.wait_until(lambda: False)
            except CallTimeout:
                return "swallowed"

        with (
            Guard(self.env.cr, 0.05, interrupts=True) as guard,
            self.assertRaises(SlowHandlerError),
        ):
            guard.call(handler)
