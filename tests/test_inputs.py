# Copyright 2026 mqtt_listener contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""What comes from outside, in the rows of the database."""

import math
from unittest.mock import patch

import psycopg2

from odoo.exceptions import AccessError, UserError
from odoo.tests import new_test_user, tagged

from odoo.addons.queue_job.exception import FailedJobError, RetryableJobError

from ..mqtt.handler import mqtt_response
from ..mqtt.payload import PayloadError
from ..mqtt.wording import LINE_CHARS, TRACE_CHARS
from .test_handler import HandlerCase
from .test_wording import HOSTILE, Mute


class Noted(Exception):
    """It says more than it was raised with."""

    def __init__(self, text):
        super().__init__()
        self.text = text

    def __str__(self):
        return self.text


@tagged("post_install", "-at_install")
class TestJson(HandlerCase):
    """Nothing comes out of ``.json()`` that the standard has not."""

    PAYLOADS = ('{"v": NaN}', '{"v": 1e999}', '{"v": -Infinity}')

    def test_a_handler_is_given_none(self):
        """The message fails in words, and no list of the model is dead."""

        def on_message(self, message):
            self.search([], limit=1).partner_latitude = message.json()["v"]

        self.declare("plant/+", on_message)
        for payload in self.PAYLOADS:
            with self.subTest(payload):
                job = self.mqtt_receive("plant/1", payload).job_ids
                self.assertEqual(job.state, "failed")
                self.assertRegex(
                    job.exc_message, r"^plant/1: not JSON at line 1, column 7: "
                )
        self.env.cr.execute(
            "SELECT count(*) FROM res_partner"
            " WHERE partner_latitude::text !~ '^-?[0-9]'"
        )
        self.assertEqual(self.env.cr.fetchone(), (0,))

    def test_an_action_is_given_none(self):
        """Its value is none, and its method says why in one line."""
        for code, said in (
            ("raise UserError('%r' % (mqtt_json,))", "UserError: None"),
            ("message.json()", "plant/1: not JSON at line 1, column 7: "),
        ):
            action = self.action(code)
            handler = self.env["mqtt.handler"].create(
                {"name": code, "pattern": "plant/+", "action_server_id": action.id}
            )
            for payload in self.PAYLOADS:
                with self.subTest(code=code, payload=payload):
                    job = self.mqtt_receive("plant/1", payload).job_ids
                    self.assertTrue((job.exc_message or job.result).startswith(said))
            handler.unlink()

    def test_nothing_such_is_published(self):
        action = self.action(
            None,
            state="mqtt_publish",
            mqtt_topic="x",
            mqtt_payload="{{ to_json(record.partner_latitude / 1e-300 * 1e300) }}",
        )
        partner = self.partner("S1")
        partner.partner_latitude = 90
        with self.assertRaisesRegex(UserError, "JSON compliant"):
            action.with_context(
                active_model="res.partner", active_ids=partner.ids
            ).run()
        with self.assertRaisesRegex(UserError, "JSON compliant"):
            self.service.mqtt_publish("x", {"v": math.nan})

    def test_the_form_and_the_method_agree(self):
        for payload in (
            b"21.5",
            b'"on"',
            b"null",
            b"\xef\xbb\xbf{}",
            b"[NaN]",
            b"[1e999]",
            b"[" * 101 + b"]" * 101,
            "{}".encode("utf-16"),
            b"on",
            b"\xff",
            b"",
        ):
            with self.subTest(payload):
                message = self.mqtt_receive("other/1", payload)
                try:
                    message.json()
                except PayloadError as error:
                    self.assertTrue(str(error).isprintable())
                    self.assertNotEqual(message.payload_kind, "json")
                else:
                    self.assertEqual(message.payload_kind, "json")


@tagged("post_install", "-at_install")
class TestTextFromOutside(HandlerCase):
    """A job, a statistic, a notification and a log get one short line of it."""

    ERRORS = {
        "final": lambda: FailedJobError(f"unknown device {HOSTILE}"),
        "again": lambda: ValueError(HOSTILE),
        "busy": lambda: RetryableJobError(HOSTILE, seconds=5),
        "long": lambda: FailedJobError("x" * 300_000),
        "odd": lambda: ValueError({"a": HOSTILE}),
        "noted": lambda: Noted(HOSTILE * 10_000),
        "mute": lambda: Mute(),
        "key": lambda: KeyError("temperature"),
        "unicode": lambda: UnicodeDecodeError("utf-8", b"\xff", 0, 1, HOSTILE),
        "user": lambda: UserError(HOSTILE),
        "database": lambda: psycopg2.DataError(HOSTILE * 1_000),
        "breaks a rule": lambda: AccessError("x\n" * 100_000),
    }

    def assert_fits(self, jobs):
        for job in jobs:
            for name in ("name", "exc_name", "exc_message", "result"):
                text = job[name] or ""
                self.assertLessEqual(len(text), LINE_CHARS)
                self.assertTrue(text.isprintable(), text)
            self.assertLessEqual(len(job.exc_info or ""), TRACE_CHARS + 2)
            self.assertNotRegex(job.exc_info or "", "(?m)^2026|\x1b")

    def declare_failing(self, key, pattern="plant/#", **options):
        error = self.ERRORS[key]

        def on_message(self, message, rest):
            if message.topic.startswith("plant/bad"):
                raise error()
            self.search([("ref", "=", message.topic)]).comment = "handled"

        return self.declare("plant/{rest#}", on_message, **options)

    def test_neighbours(self):
        """Whatever a handler says of one message, the others are handled."""
        for options in ({}, {"ordered": True}):
            for key in self.ERRORS:
                with self.subTest(key, **options):
                    bad = f"plant/bad/{key}/{len(options)}" + "/x" * 5_000
                    topics = ["plant/good/1", bad, "plant/good/2"]
                    handler = self.declare_failing(key, **options)
                    partners = [self.partner(topic) for topic in topics]
                    messages = self.receive(*(self.message(topic) for topic in topics))
                    self.assertEqual(
                        [messages[0].state, messages[2].state], ["done", "done"]
                    )
                    self.assertIn(messages[1].state, ("failed", "retrying"))
                    self.assert_fits(messages.job_ids)
                    self.assertLessEqual(len(handler.last_error), LINE_CHARS)
                    for partner in partners:
                        partner.ref = False

    def test_again(self):
        """And so it is when an operator has it tried again, in words."""
        for key in self.ERRORS:
            with self.subTest(key):
                handler = self.declare_failing(key, max_retries=2)
                job = self.mqtt_receive("plant/bad").job_ids
                if job.state == "failed":
                    job.requeue()
                with self.logged_failures() as values:
                    self.mqtt_run_jobs(later=True)
                self.assertEqual(job.state, "failed")
                self.assert_fits(job)
                for (_job, logged, _error), _kwargs in values.call_args_list:
                    self.assertNotRegex(logged, "(?m)^2026|\x1b")
                    self.assertLess(len(logged), 20_000)
                self.assertNotRegex(handler.last_error, "\n|\x1b")

    def test_words(self):
        """An exception is named, and so is where it was raised."""
        for key, said in {
            "key": r"^KeyError: 'temperature' \(.*test_inputs\.py:\d+, on_message\)$",
            "unicode": "^UnicodeDecodeError: 'utf-8' codec can't decode byte 0xff",
        }.items():
            self.declare_failing(key, max_retries=1)
            job = self.mqtt_receive("plant/bad").job_ids
            self.assertRegex(job.exc_message, said)

    def test_code_of_actions(self):
        """What it raised, not what Odoo makes of it together with the code."""
        action = self.action("# " + "x" * 5_000 + "\n{}['temperature']")
        self.env["mqtt.handler"].create(
            {
                "name": "Action",
                "pattern": "plant/+",
                "max_retries": 1,
                "action_server_id": action.id,
            }
        )
        job = self.mqtt_receive("plant/1").job_ids
        self.assertRegex(job.exc_message, r"^KeyError: 'temperature' \(.*:2, ")

    def test_notifications(self):
        """A mail quotes as little."""
        handler = self.declare_failing("long")
        self.mqtt_receive("plant/bad" + "/x" * 30_000)
        self.env["mqtt.handler"]._tell_failures()
        body = handler.message_ids[:1].body
        self.assertIn("FailedJobError", body)
        self.assertLess(len(body), 1_500)

    def test_answers(self):
        """A method that is given an answer says no more."""
        errors = self.ERRORS

        def on_answer(self, message):
            raise errors["final"]()

        model = self.registry["mqtt.service"]
        with patch.object(model, "_on_answer", mqtt_response(on_answer), create=True):
            self.service.status = "start"
            request = self.service.mqtt_request("x", "x", on_response="_on_answer")
            self.mqtt_answer(request)
            self.mqtt_run_jobs(later=True)
        job = self.env["queue.job"].search([("method_name", "=", "_job_answer")])
        self.assertEqual(job.state, "failed")
        self.assert_fits(job)

    def test_quarantine(self):
        """What history refuses a message for is one line, and so is the log."""
        history = self.registry["mqtt.signal.history"]
        with patch.object(history, "_insert", side_effect=ValueError(HOSTILE * 10_000)):
            self.enqueue(self.message())
            self.mqtt_run_jobs()
        record = self.env["mqtt.quarantine"].search([])[:1]
        self.assertLessEqual(len(record.reason), LINE_CHARS + 50)
        self.assertTrue(record.reason.isprintable())
        self.assertTrue(record.reason.startswith("ValueError: a\\x00b"))

    def test_statements_that_fail(self):
        """Odoo logs them whole: here a device would write lines of its own."""
        forged = "x\n2026-01-01 CRITICAL gone" + "y" * 200_000

        def on_message(self, message):
            self.env.cr.execute("SELECT %s::int", [message.payload])

        self.declare("plant/+", on_message)
        with self.assertLogs("odoo.sql_db", "ERROR") as logs:
            self.mqtt_receive("plant/1", forged)
        for record in logs.records:
            self.assertNotIn("\n", record.getMessage())
            self.assertLessEqual(len(record.getMessage()), 2_000)

    def test_whose_a_job_is(self):
        """Nobody changes it from outside: whose message it is decides what it may."""
        self.declare_failing("final")
        job = self.mqtt_receive("plant/bad").job_ids
        manager = new_test_user(
            self.env, "inputs_manager", groups="mqtt_listener.group_manager"
        )
        for name in ("mqtt_message_id", "mqtt_handler_id", "mqtt_service_id"):
            with self.subTest(name), self.assertRaises(AccessError):
                job.with_user(manager)[name] = False
        with self.assertRaises(AccessError):
            job.with_user(manager).create({"mqtt_message_id": 1})
        job.with_user(manager).requeue()
        self.assertEqual(job.state, "pending")
