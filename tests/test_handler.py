# Copyright 2026 mqtt_listener contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
import time
from dataclasses import dataclass
from types import FunctionType
from unittest.mock import patch

import psycopg2

from odoo import SUPERUSER_ID
from odoo.exceptions import AccessError, UserError, ValidationError
from odoo.tests import mute_logger, new_test_user, tagged

from odoo.addons.queue_job.controllers.main import RunJobController
from odoo.addons.queue_job.exception import FailedJobError, RetryableJobError

from ..mqtt.handler import mqtt_handler
from .common import MqttCase

MODELS_LOGGER = "odoo.addons.mqtt_listener.models.handler"


class HandlerCase(MqttCase):
    def declare(
        self, pattern, function, model="res.partner", name="_on_mqtt", **options
    ):
        """Give a model a handler method, as a module would."""
        own = FunctionType(
            function.__code__, function.__globals__, name, None, function.__closure__
        )
        method = mqtt_handler(pattern, **options)(own)
        patcher = patch.object(self.registry[model], name, method, create=True)
        patcher.start()
        self.addCleanup(self.env["mqtt.handler"].env.registry.clear_cache)
        self.addCleanup(patcher.stop)
        handlers = self.env["mqtt.handler"]
        handlers._sync_declared()
        return handlers.search(
            [("model_name", "=", model), ("method_name", "=", name)], limit=1
        )

    def action(self, code=None, model="res.partner", **values):
        """A server action, as a handler that is no code has."""
        return self.env["ir.actions.server"].create(
            {
                "name": "Action",
                "model_id": self.env["ir.model"]._get_id(model),
                "state": "code",
                "code": code,
                **values,
            }
        )

    def limit(self, **seconds):
        for name, value in seconds.items():
            self.env["ir.config_parameter"].set_param(f"mqtt_listener.{name}", value)

    @staticmethod
    def logged_failures():
        """A context: a mock that is called with each failure that queue_job logs."""
        return patch.object(
            RunJobController,
            "_get_failure_values",
            side_effect=RunJobController._get_failure_values,
        )

    def partner(self, ref):
        return self.env["res.partner"].create({"name": ref, "ref": ref})


def write_comment(self, message, **names):
    """Find a record by key and write it."""
    self.search([("ref", "=", message.topic)]).comment = message.payload


@tagged("post_install", "-at_install")
class TestHandler(HandlerCase):
    def test_a_declared_method_is_called(self):
        """On its model's empty recordset, with the message and the named levels."""
        seen = []

        def on_state(self, message, line, rest):
            seen.append((self, message, line, rest))

        handler = self.declare("plant/{line}/+/{rest#}", on_state)
        message = self.mqtt_receive("plant/A/x/b/c", {"state": "on"})
        self.assertMqttHandled(message, "res.partner._on_mqtt", times=1)
        ((model, given, line, rest),) = seen
        self.assertEqual((line, rest), ("A", "b/c"))
        self.assertEqual(given, message)
        self.assertEqual(given.json(), {"state": "on"})
        self.assertEqual(model, self.env["res.partner"])
        self.assertEqual(model.env.uid, SUPERUSER_ID)
        self.assertEqual(handler.kind, "code")
        self.assertRegex(handler.source, r"^mqtt_listener/tests/test_handler.py:\d+$")

    def test_messages_without_a_handler_cost_no_job(self):
        self.declare("plant/a", write_comment)
        message = self.mqtt_receive("plant/b")
        self.assertEqual(message.state, "stored")
        jobs = self.env["queue.job"].search([("mqtt_service_id", "=", self.service.id)])
        self.assertEqual(jobs.mapped("method_name"), ["_job_ingest"])

    def test_state(self):
        """Stored, queued, done, retrying, failed; searched and grouped alike."""
        self.limit(storing_job_seconds=0)
        is_broken = [True]

        def on_bad(self, message):
            if is_broken:
                raise ValueError("no")

        self.declare("plant/bad", on_bad, name="_on_bad", max_retries=2)
        self.declare("plant/good", write_comment, name="_on_good")
        history = self.env["mqtt.signal.history"]

        def states():
            for message in history.search([("service_id", "=", self.service.id)]):
                found = history.search(
                    [("id", "=", message.id), ("state", "=", message.state)]
                )
                self.assertEqual(found, message, message.state)
            groups = history._read_group(
                [("service_id", "=", self.service.id)], ["state"], ["__count"]
            )
            return dict(groups)

        self.enqueue(*map(self.message, ("plant/bad", "plant/good", "plant/other")))
        job = self.env["queue.job"].search([("mqtt_service_id", "=", self.service.id)])
        self._run_job(job)
        self.assertEqual(states(), {"queued": 2, "stored": 1})
        self.mqtt_run_jobs()
        self.assertEqual(states(), {"retrying": 1, "done": 1, "stored": 1})
        self.mqtt_run_jobs(later=True)
        self.assertEqual(states(), {"failed": 1, "done": 1, "stored": 1})
        own = history.search([("state", "=", "failed")]).job_ids
        is_broken.clear()
        own.requeue()
        self.assertEqual(states(), {"queued": 1, "done": 1, "stored": 1})
        self.mqtt_run_jobs()
        self.assertEqual(states(), {"done": 2, "stored": 1})

    def test_cancelled(self):
        """A job that is cancelled or deleted leaves its reason on the message."""

        def on_bad(self, message):
            raise FailedJobError("never")

        self.declare("plant/+", on_bad)
        first = self.mqtt_receive("plant/1")
        second = self.mqtt_receive("plant/2")
        first.job_ids.button_cancelled()
        second.job_ids.unlink()
        for message in first + second:
            self.assertEqual(message.state, "cancelled")
            self.assertIn("res.partner._on_mqtt: ", message.cancel_reason)

    def test_a_bad_message_costs_only_itself(self):
        """Neighbours are handled once; it leaves with its effects rolled back."""
        partners = [self.partner(f"plant/{number}") for number in range(250)]
        calls = []

        def on_number(self, message, number):
            calls.append(int(number))
            write_comment(self, message)
            if int(number) in (7, 120, 249):
                raise ValueError(f"no {number}")

        handler = self.declare("plant/{number}", on_number)
        messages = self.receive(*(self.message(one.ref, b"seen") for one in partners))
        bad = messages.filtered(lambda one: one.state != "done")
        self.assertEqual(bad.mapped("topic"), ["plant/7", "plant/120", "plant/249"])
        self.assertEqual(bad.mapped("state"), ["retrying"] * 3)
        for partner in partners:
            self.assertEqual(
                bool(partner.comment), partner.ref not in bad.mapped("topic")
            )
        self.assertEqual(handler.handled_count, 247)
        job = bad[0].job_ids
        self.assertEqual((job.retry, job.max_retries), (1, 5))
        self.assertEqual(job.mqtt_handler_id, handler)
        self.assertEqual(job.name, "res.partner._on_mqtt: plant/7")
        self.assertIn("ValueError: no 7", job.result)
        self.assertIn("test_handler.py", job.result)

    def test_an_error_at_the_flush_is_the_message_s_own(self):
        """What raises only when the ORM writes is told from its neighbours too."""

        def on_number(self, message, number):
            self.create({"name": "x", "company_registry": number})
            if number == "2":
                self.env["res.currency"].create({"name": "EUR", "symbol": "€"})

        self.declare("plant/{number}", on_number)
        with mute_logger("odoo.sql_db"):
            messages = self.receive(*(self.message(f"plant/{n}") for n in range(4)))
        self.assertEqual(messages.mapped("state"), ["done", "done", "retrying", "done"])

    def test_retries_follow_the_handler_s_pattern(self):
        tries = []

        def on_message(self, message):
            tries.append(1)
            raise ValueError("down")

        handler = self.declare(
            "plant/1", on_message, max_retries=3, retry_pattern={1: 7, 2: 70}
        )
        message = self.mqtt_receive("plant/1")
        job = message.job_ids
        self.assertEqual(handler._retry_seconds(1), 7)
        self.assertAlmostEqual((job.eta - job.date_created).total_seconds(), 7, delta=2)
        self.mqtt_run_jobs(later=True)
        self.assertEqual((job.state, job.retry), ("pending", 2))
        self.mqtt_run_jobs(later=True)
        self.assertEqual((job.state, job.retry), ("failed", 3))
        self.assertEqual(job.exc_name, "ValueError")
        self.assertIn("test_handler.py", job.exc_info)
        self.assertNotIn("mqtt_listener/jobs/", job.exc_info)
        self.assertEqual(len(tries), 1 + 1 + 2)  # the first run is made twice
        self.assertEqual((handler.handled_count, handler.failed_count), (0, 1))
        self.assertIn("plant/1: ", handler.last_error)

    def test_what_a_handler_raises_says_whether_to_retry(self):
        raised = {
            "plant/retry": RetryableJobError("soon", seconds=3),
            "plant/ignored": RetryableJobError("soon", seconds=3, ignore_retry=True),
            "plant/fail": FailedJobError("never"),
        }

        def on_message(self, message):
            raise raised[message.topic]

        self.declare("plant/+", on_message)
        jobs = {topic: self.mqtt_receive(topic).job_ids for topic in raised}
        self.assertEqual(
            {topic: (job.state, job.retry) for topic, job in jobs.items()},
            {
                "plant/retry": ("pending", 1),
                "plant/ignored": ("pending", 0),
                "plant/fail": ("failed", 1),
            },
        )

    def test_json_that_is_not_json_is_one_line(self):
        def on_message(self, message):
            message.json()

        self.declare("plant/1", on_message)
        job = self.mqtt_receive("plant/1", '{"a": 1,\n "b" 2}').job_ids
        line = "plant/1: not JSON at line 2, column 6: Expecting ':' delimiter"
        self.assertEqual((job.state, job.exc_message), ("failed", line))
        self.assertEqual(job.exc_info, line)
        job.requeue()
        self.mqtt_run_jobs()
        self.assertEqual((job.state, job.exc_info), ("failed", line))

    def test_a_message_writes_no_lines_into_the_log(self):
        """queue_job logs the traceback of a job that fails for good."""
        forged = "plant/1\n2026-01-01 CRITICAL \x1b[31mgone\u2028"

        def on_json(self, message):
            message.json()

        def on_error(self, message):
            try:
                raise ValueError(message.topic)
            except ValueError as error:
                raise FailedJobError(f"{message.payload}: no good") from error

        for function, said in ((on_json, "not JSON"), (on_error, "no good")):
            with self.subTest(said):
                self.declare("plant/+", function)
                job = self.mqtt_receive(forged, "\n2026-01-01 \x1b[31mno").job_ids
                self.assertEqual(job.state, "failed")
                job.requeue()
                with self.logged_failures() as values:
                    self.mqtt_run_jobs()
                (_job, logged, _error) = values.call_args.args
                self.assertIn(said, logged)
                self.assertNotIn("\x1b", logged)
                self.assertNotRegex(logged, "(?m)^2026")
                self.assertIn(said, job.exc_message)
                self.assertTrue(job.exc_message.isprintable())

    def test_an_exception_that_cannot_be_changed(self):
        """It has its tries all the same."""

        @dataclass(frozen=True)
        class Frozen(Exception):
            code: int

        def on_message(self, message):
            raise Frozen(5)

        self.declare("plant/+", on_message)
        job = self.mqtt_receive("plant/1").job_ids
        self.mqtt_run_jobs(later=True)
        self.assertEqual((job.state, job.retry), ("pending", 2))
        self.assertIn("Frozen", job.result)

    def test_what_breaks_a_rule_fails_at_once(self):
        def commits(self, message):
            self.env.cr.commit()  # pylint: disable=invalid-commit

        def rolls_back(self, message):
            self.env.cr.rollback()

        def deletes(self, message):
            message.unlink()

        def generates(self, message):
            return (one for one in message)

        for function, text in (
            (commits, "A handler may not commit"),
            (rolls_back, "A handler may not roll back"),
            (deletes, "It deleted its message"),
            (generates, "It returned a generator"),
        ):
            with self.subTest(function.__name__):
                self.declare("plant/1", function)
                message = self.mqtt_receive("plant/1")
                self.assertEqual(message.exists().state, "failed")
                self.assertIn(text, message.job_ids.exc_message)
                self.assertEqual(message.job_ids.exc_info, message.job_ids.exc_message)

    def test_other_results_are_ignored(self):
        self.declare("plant/1", lambda self, message: object())
        self.assertMqttHandled(self.mqtt_receive("plant/1"))

    def test_a_handler_that_never_returns_is_interrupted(self):
        """In Python and in a statement; its neighbours are handled."""
        begun = time.monotonic()

        def loops(self, message, how):
            while how == "python" and time.monotonic() < begun + 60:
                try:
                    int("7")
                except Exception:
                    raise
            if how == "sql":
                self.env.cr.execute("SELECT pg_sleep(60)")
            self.create({"name": how})

        self.declare("plant/{how}", loops)
        self.limit(call_seconds=0.2, own_call_seconds=0.2, interrupt_calls="1")
        with mute_logger("odoo.sql_db"):
            messages = self.receive(
                *(self.message(f"plant/{how}") for how in ("x", "python", "sql", "y"))
            )
            self.assertEqual(
                messages.mapped("state"), ["done", "queued", "queued", "done"]
            )
            self.mqtt_run_jobs(later=True)
        self.assertEqual(messages.mapped("state"), ["done", "failed", "failed", "done"])
        job = messages[1].job_ids
        self.assertRegex(
            job.exc_message,
            "did not return within 0.2 seconds; it was at .*test_handler",
        )

    def test_what_the_time_does_not_suffice_for_goes_on_in_a_new_job(self):
        self.limit(storing_job_seconds=0)
        self.declare("plant/+", lambda self, message: None, name="_on_one")
        self.declare("plant/#", lambda self, message: None, name="_on_two")
        self.enqueue(*(self.message(f"plant/{n}") for n in range(3)))
        looks = []

        def is_over(run):
            looks.append(run)
            return looks.count(run) > 1  # after the first call

        with patch("odoo.addons.mqtt_listener.jobs.run.Run._is_over", is_over):
            ran = self.mqtt_run_jobs()
        self.assertEqual(ran.mapped("state"), ["done"] * len(ran))
        # 3 + 3 calls, one a job; the second handler's first call ends the first job's.
        self.assertEqual(len(ran), 1 + 6)
        for name in ("_on_one", "_on_two"):
            handler = self.env["mqtt.handler"].search([("method_name", "=", name)])
            self.assertEqual(handler.handled_count, 3)

    def test_a_transaction_in_the_way_makes_the_job_start_anew(self):
        """Not for ever: then what it is in the way of leaves as a job of its own."""
        self.limit(storing_job_seconds=0)
        in_the_way = [True]

        class Conflict(psycopg2.OperationalError):
            pgcode = "40001"

        def on_message(self, message):
            if in_the_way and message.payload == "2":
                raise Conflict("could not serialize access")

        handler = self.declare("plant/1", on_message)
        messages = self.receive(
            *(self.message("plant/1", payload) for payload in (b"1", b"2", b"3"))
        )
        job = self.env["queue.job"].search([("method_name", "=", "_job_dispatch")])
        for tries in (1, 2, 3):
            self.assertEqual(messages.mapped("state"), ["queued"] * 3)
            self.assertEqual((job.state, job.retry), ("pending", tries))
            self.mqtt_run_jobs(later=True)
        self.assertEqual(messages.mapped("state"), ["done", "queued", "done"])
        self.assertEqual(messages.job_ids.retry, 0)
        in_the_way.clear()
        self.mqtt_run_jobs(later=True)
        self.assertMqttHandled(messages, handler.name, times=3)

    def test_a_job_whose_worker_died_is_split(self):
        """Until the call that kills it is alone; then it has a job of its own."""
        self.limit(storing_job_seconds=0)
        deadly = []

        def on_number(self, message, number):
            if number == "30" and not deadly:
                raise KeyboardInterrupt  # stands for the end of the process

        self.declare("plant/{number}", on_number)
        self.enqueue(*(self.message(f"plant/{n}") for n in range(60)))
        jobs = self.env["queue.job"]
        pending = [("mqtt_service_id", "=", self.service.id), ("state", "=", "pending")]
        deaths = 0
        for_many = [*pending, ("mqtt_message_id", "=", False)]
        while job := jobs.search(for_many, order="id", limit=1):
            try:
                with self.env.cr.savepoint():
                    self._run_job(job)
            except KeyboardInterrupt:
                deaths += 1
                job.write({"state": "pending", "retry": job.retry + 1})
        self.assertEqual(jobs.search(pending).mqtt_message_id.topic, "plant/30")
        self.assertEqual(deaths, 3)
        messages = self.env["mqtt.signal.history"].search(
            [("service_id", "=", self.service.id), ("state", "=", "done")]
        )
        self.assertEqual(len(messages), 59)

    def test_batch(self):
        """One call for many messages; a bad one is found and leaves."""
        calls = []

        def on_batch(self, messages, number):
            calls.append(len(messages))
            self.create([{"name": one} for one in number])
            if "3" in number:
                raise ValueError("three")

        handler = self.declare("plant/{number}", on_batch, batch=True)
        self.receive(*(self.message(f"plant/x{n}") for n in range(5)))
        self.assertEqual(calls, [5])
        messages = self.receive(*(self.message(f"plant/{n}") for n in range(5)))
        self.assertEqual(
            messages.mapped("state"), ["done", "done", "done", "retrying", "done"]
        )
        self.assertEqual(handler.handled_count, 9)
        names = [str(n) for n in range(5)]
        self.assertEqual(
            self.env["res.partner"].search([("name", "in", names)]).mapped("name"),
            ["0", "1", "2", "4"],
        )

    def test_a_bad_batch_keeps_to_the_time(self):
        """One by one it takes longer than all at once: the rest goes on later."""
        self.limit(storing_job_seconds=0)

        def on_batch(self, messages, number):
            if "0" in number:
                raise ValueError("no")

        handler = self.declare("plant/{number}", on_batch, batch=True)
        self.enqueue(*(self.message(f"plant/{n}") for n in range(5)))
        looks = []

        def is_over(run):
            looks.append(run)
            return looks.count(run) > 2

        with patch("odoo.addons.mqtt_listener.jobs.run.Run._is_over", is_over):
            ran = self.mqtt_run_jobs()
        self.assertEqual(len(ran), 1 + 2)
        self.assertEqual(handler.handled_count, 4)
        self.assertEqual(
            self.env["queue.job"].search_count([("mqtt_handler_id", "=", handler.id)]),
            1,
        )

    def test_what_a_handler_does_to_its_json_stays_with_it(self):
        seen = []

        def on_message(self, message):
            seen.append(dict(message.json()))
            message.json().clear()

        self.declare("plant/1", on_message, name="_on_one")
        self.declare("plant/1", on_message, name="_on_two")
        self.mqtt_receive("plant/1", {"a": 1})
        self.assertEqual(seen, [{"a": 1}] * 2)

    def test_switched_off(self):
        """Off, it is given nothing; what waits for it as a job of its own says so."""

        def on_message(self, message):
            raise ValueError("no")

        handler = self.declare("plant/1", on_message)
        job = self.mqtt_receive("plant/1").job_ids
        handler.enabled = False
        self.assertEqual(self.mqtt_receive("plant/1").state, "stored")
        self.mqtt_run_jobs(later=True)
        self.assertEqual(job.state, "failed")
        self.assertIn("switched off", job.exc_message)

    def test_a_module_that_is_gone_takes_its_handlers_away(self):
        """What waits for it waits on; others go on; it can come back."""
        self.limit(storing_job_seconds=0)

        def on_message(self, message):
            raise ValueError("no")

        handler = self.declare("plant/+", on_message)
        self.declare("plant/#", lambda self, message: None, name="_on_other")
        own = self.mqtt_receive("plant/1").job_ids
        self.enqueue(self.message("plant/2"))
        self._run_job(
            self.env["queue.job"].search(
                [("method_name", "=", "_job_ingest"), ("state", "=", "pending")]
            )
        )
        with patch.object(self.registry["res.partner"], "_on_mqtt", None):
            self.env["mqtt.handler"]._sync_declared()
            self.assertFalse(handler.active)
            jobs = own | self.mqtt_run_jobs(later=True)
        message = self.env["mqtt.signal.history"].search([("topic", "=", "plant/2")])
        self.assertEqual(set(jobs.mapped("state")), {"done"})
        self.assertIn("is not there any more", own.result)
        self.assertEqual(message.state, "queued")
        self.assertEqual(handler.suspended_count, 2)
        self.env["mqtt.handler"]._look_after()
        self.assertFalse(self.mqtt_run_jobs())
        self.env["mqtt.handler"]._sync_declared()
        self.assertTrue(handler.active)
        self.mqtt_run_jobs()
        self.assertEqual(message.state, "retrying")

    def test_declarations_that_cannot_work(self):
        """They are named with model, method and pattern when the registry loads, and
        keep neither it nor others from working.
        """

        def generator(self, message):
            yield

        good = write_comment
        for pattern, function, options, text in (
            ("plant/{line", good, {}, "braces"),
            ("plant/x{line}", good, {}, "braces"),
            ("plant/{1}", good, {}, "identifier"),
            ("plant/{class}/x", good, {}, "identifier"),
            ("plant/{message}", good, {}, "identifier"),
            ("plant/{a}/{a}", good, {}, "twice"),
            ("plant/{a#}/b", good, {}, "last level"),
            ("plant/#/b", good, {}, "after the last slash"),
            ("", good, {}, "empty"),
            ("$share/g/plant", good, {}, "shared"),
            ("plant/{line}", lambda self, message: 1, {}, "take a message and line"),
            ("plant", generator, {}, "generator"),
            ("plant", good, {"max_retries": -1}, "max_retries"),
            ("plant", good, {"retry_pattern": {0: 1}}, "retry_pattern"),
            ("plant", good, {"direction": "up"}, "direction"),
            ("plant", good, {"channel": "mqtt"}, "channel"),
            ("plant", good, {"channel": 5}, "channel"),
            ("plant", good, {"batch": "yes"}, "batch"),
            ("plant", good, {"direction": []}, "direction"),
            ("plant", good, {"service": 5}, "service"),
            ("plant", good, {"priority": 2**31}, "priority"),
            (5, good, {}, "pattern"),
        ):
            with (
                self.subTest(pattern=pattern, **options),
                self.assertLogs(MODELS_LOGGER, "ERROR") as logs,
            ):
                own = self.declare(pattern, function, name="_on_wrong", **options)
                self.assertFalse(own)
            for part in (text, "res.partner._on_wrong", repr(pattern)):
                self.assertIn(part, logs.output[0])
            self.doCleanups()
        with self.assertRaises(TypeError):
            mqtt_handler("plant", colour="red")

    def test_a_declaration_that_became_wrong(self):
        """What comes for it waits until it can work again; others are called."""
        self.declare("plant/well", write_comment)
        good = self.declare("plant/{line}", lambda self, message, line: None, name="_b")
        with self.assertLogs(MODELS_LOGGER, "ERROR"):
            self.declare("plant/{line", lambda self, message, line: None, name="_b")
        self.assertFalse(good.active)
        self.assertMqttHandled(self.mqtt_receive("plant/well"))

    def test_abstract_models(self):
        """A mixin's handler is that of each model that uses it; others run as such."""
        self.declare("plant/{name}", lambda self, message, name: None, "avatar.mixin")
        handlers = self.env["mqtt.handler"].search([("method_name", "=", "_on_mqtt")])
        users = self.registry.descendants(["avatar.mixin"], "_inherit")
        concrete = {name for name in users if not self.env[name]._abstract}
        self.assertIn("res.partner", concrete)
        self.assertEqual(set(handlers.mapped("model_name")), concrete)
        alone = self.declare(
            "plant/{name}",
            lambda self, message, name: None,
            "ir.autovacuum",
            name="_on_alone",
        )
        message = self.mqtt_receive("plant/1")
        self.assertMqttHandled(message, alone.name, times=1)

    def test_only_messages_of_its_service(self):
        other = self.service.copy({"name": "Other"})
        by_name = self.declare(
            "plant/#", lambda self, message: None, name="_on_a", service="Other"
        )
        for service, count in ((self.service, 0), (other, 1)):
            self.mqtt_receive("plant/1", service=service)
            by_name.invalidate_recordset()
            self.assertEqual(by_name.handled_count, count)
        self.assertEqual(self.mqtt_receive("plant/1").state, "stored")
        self.service.name = "Other"
        self.assertEqual(self.mqtt_receive("plant/1").state, "done")

    def test_runs_as(self):
        """The handler's user, else the service's, else the superuser."""
        seen = []

        def on_message(self, message):
            seen.append((self.env.uid, self.env.su, self.env.company, message.payload))

        company = self.env["res.company"].create({"name": "Works"})
        self.service.company_id = company
        handler = self.declare("plant/1", on_message)
        users = [
            new_test_user(
                self.env, login=f"u{n}", company_id=company.id, company_ids=[company.id]
            )
            for n in range(2)
        ]
        self.mqtt_receive("plant/1", "x")
        self.service.user_id = users[0]
        self.mqtt_receive("plant/1", "x")
        handler.user_id = users[1]
        self.mqtt_receive("plant/1", "x")
        self.assertEqual(
            seen,
            [
                (SUPERUSER_ID, True, company, "x"),
                (users[0].id, False, company, "x"),
                (users[1].id, False, company, "x"),
            ],
        )

    def test_a_declared_handler_is_changed_in_code_only(self):
        handler = self.declare("plant/1", write_comment)
        manager = new_test_user(
            self.env, login="manager", groups="mqtt_listener.group_manager"
        )
        own = handler.with_user(manager)
        own.enabled = False
        for values in ({"pattern": "#"}, {"method_name": "unlink"}, {"name": "x"}):
            with self.assertRaises(UserError):
                own.write(values)
        with self.assertRaises(UserError):
            own.unlink()
        with self.assertRaises(UserError):
            handler.create({"name": "x", "pattern": "x", "kind": "code"})

    def test_a_row_is_no_declaration(self):
        """A method that nobody declared is not called, whatever the table says."""
        handler = self.declare("plant/1", write_comment)
        self.env.cr.execute(
            "UPDATE mqtt_handler SET method_name = 'unlink' WHERE id = %s", [handler.id]
        )
        handler.invalidate_recordset()
        message = self.mqtt_receive("plant/1")
        self.assertEqual((message.state, len(message.job_ids)), ("queued", 0))
        self.env["mqtt.handler"]._look_after()
        self.assertFalse(self.mqtt_run_jobs())


@tagged("post_install", "-at_install")
class TestActionHandler(HandlerCase):
    def handler(self, action, pattern="plant/{line}/{serial}", **values):
        return self.env["mqtt.handler"].create(
            {
                "name": "No code",
                "pattern": pattern,
                "action_server_id": action.id,
                **values,
            }
        )

    def test_code_has_the_message(self):
        handler = self.handler(
            self.action(
                "model.create({'name': params['serial'], 'ref': topic,"
                " 'comment': '%s %s %s' % (mqtt_json['a'], payload, message.qos)})"
            )
        )
        message = self.mqtt_receive("plant/L/S7", {"a": 5})
        self.assertMqttHandled(message, "No code", times=1)
        partner = self.env["res.partner"].search([("ref", "=", "plant/L/S7")])
        self.assertEqual(partner.name, "S7")
        self.assertIn('5 {"a": 5} 1', partner.comment)
        self.assertEqual(handler.runs_as, "Superuser")
        self.service.user_id = self.env.user
        handler.invalidate_recordset()
        self.assertEqual(handler.runs_as, "The service's user, else Superuser")

    def test_payloads_that_are_no_json(self):
        self.handler(self.action("raise UserError('%r %r' % (mqtt_json, payload))"))
        for payload, text in ((b"\xff", r"None b'\xff'"), (b"on", "None 'on'")):
            job = self.mqtt_receive("plant/L/1", payload).job_ids
            self.assertIn(text, job.result)

    def test_records_are_found_by_a_domain(self):
        """An update of a record, without any code."""
        action = self.action(
            state="object_write",
            update_path="comment",
            evaluation_type="equation",
            value="mqtt_json['state']",
        )
        with self.assertRaises(ValidationError):
            self.handler(action)
        self.handler(action, record_domain="[('ref', '=', params['serial'])]")
        partner = self.partner("S7")
        self.assertMqttHandled(self.mqtt_receive("plant/L/S7", {"state": "on"}))
        self.assertIn("on", partner.comment)
        job = self.mqtt_receive("plant/L/S8", {"state": "on"}).job_ids
        self.assertIn("No Contact matches", job.result)

    def test_the_message_itself_can_be_the_record(self):
        self.handler(
            self.action(
                "record.subscription_id.sudo().write({'store_history': False})",
                model="mqtt.signal.history",
            )
        )
        self.assertMqttHandled(self.mqtt_receive("plant/L/1"))

    def test_only_who_may_write_actions_chooses_one(self):
        action = self.action("pass")
        manager = new_test_user(
            self.env, login="manager", groups="mqtt_listener.group_manager"
        )
        handlers = self.env["mqtt.handler"].with_user(manager)
        values = {"name": "x", "pattern": "x", "action_server_id": action.id}
        with self.assertRaises(AccessError):
            handlers.create(values)
        handler = self.handler(action).with_user(manager)
        handler.write({"pattern": "plant/#", "enabled": False})
        other = action.copy()
        for values in ({"action_server_id": other.id}, {"record_domain": "[]"}):
            with self.assertRaises(AccessError):
                handler.write(values)

    def test_bad_input(self):
        action = self.action("pass")
        for values in (
            {"pattern": "plant/{line"},
            {"pattern": ""},
            {"pattern": "plant/#/x"},
            {"retry_pattern": "soon"},
            {"retry_pattern": "{-1: 5}"},
            {"channel": "root.nowhere"},
        ):
            with self.subTest(**values), self.assertRaises(ValidationError):
                self.handler(action, **{"pattern": "x", **values})

    def test_a_handler_can_subscribe(self):
        """Its filter becomes a subscription, which comes and goes with it."""
        handler = self.handler(self.action("pass"), "sensors/{id}", subscribe=True)
        self.assertEqual(handler.subscription_ids.service_id, self.service)
        self.assertEqual(handler.subscription_ids.topic_filter, "sensors/+")
        other = self.service.copy({"name": "Other"})
        self.assertIn(other, handler.subscription_ids.service_id)
        handler.service_id = other
        self.assertEqual(handler.subscription_ids.service_id, other)
        handler.pattern = "probes/#"
        self.assertEqual(handler.subscription_ids.topic_filter, "probes/#")
        handler.enabled = False
        self.assertFalse(handler.subscription_ids)
        handler.enabled = True
        handler.unlink()
        self.assertFalse(
            other.subscription_ids.filtered(lambda one: one.topic_filter == "probes/#")
        )

    def test_a_filter_that_cannot_be_subscribed(self):
        """MQTT 3.1.1 refuses filters that overlap in part; the registry loads still."""
        self.service.write({"protocol": "3.1.1", "host": "x"})
        self.service.subscription_ids.topic_filter = "plant/+/a"
        self.service.start_mqtt_service()
        with self.assertRaises(UserError):
            self.handler(self.action("pass"), "plant/b/+", subscribe=True)
        with self.assertLogs("odoo.addons.mqtt_listener", "WARNING") as logs:
            handler = self.declare("plant/b/+", write_comment, subscribe=True)
        self.assertIn("is not subscribed", logs.output[0])
        self.assertTrue(handler.active)


@tagged("post_install", "-at_install")
class TestOrderedHandler(HandlerCase):
    def setUp(self):
        super().setUp()
        self.bad = bad = set()

        def on_message(self, message, topic):
            if message.payload in bad:
                raise ValueError("no")
            self.create({"name": message.payload, "ref": "seen"})

        self.handler = self.declare("plant/{topic}", on_message, ordered=True)

    @property
    def seen(self):
        """What the handler has had, in its order; what was rolled back is not there."""
        partners = self.env["res.partner"].search([("ref", "=", "seen")], order="id")
        return partners.mapped("name")

    def test_one_that_fails_holds_back_its_topic_only(self):
        self.bad.add("a2")
        messages = self.receive(
            *(
                self.message(f"plant/{p[0]}", p.encode())
                for p in ["a1", "b1", "a2", "b2", "a3", "b3"]
            )
        )
        later = self.receive(
            self.message("plant/a", b"a4"), self.message("plant/b", b"b4")
        )
        self.assertEqual(self.seen, ["a1", "b1", "b2", "b3", "b4"])
        self.assertEqual(
            (messages | later).sorted("sequence").mapped("state"),
            ["done", "done", "retrying", "done", "queued", "done", "queued", "done"],
        )
        self.bad.clear()
        self.mqtt_run_jobs(later=True)
        self.assertEqual(self.seen[5:], ["a2", "a3", "a4"])
        self.assertMqttHandled(messages | later)

    def test_a_cancelled_one_lets_the_others_go_on(self):
        for end in ("button_cancelled", "unlink", "button_done"):
            with self.subTest(end):
                self.env["res.partner"].search([("ref", "=", "seen")]).unlink()
                self.bad.add("1")
                first = self.mqtt_receive("plant/a", "1")
                second = self.mqtt_receive("plant/a", "2")
                self.assertEqual(self.seen, [])
                getattr(first.job_ids, end)()
                self.mqtt_run_jobs()
                self.assertEqual(self.seen, ["2"])
                self.assertEqual(second.state, "done")

    def test_a_handler_that_is_gone_keeps_its_messages_waiting(self):
        """Its job says so; they go on when its module is there again."""
        self.enqueue(self.message("plant/a", b"1"))
        ingest = [("method_name", "=", "_job_ingest"), ("state", "=", "pending")]
        self._run_job(self.env["queue.job"].search(ingest))
        with patch.object(self.registry["res.partner"], "_on_mqtt", None):
            self.env["mqtt.handler"]._sync_declared()
            (job,) = self.mqtt_run_jobs()
            self.assertIn("is not there any more", job.result)
            self.env["mqtt.handler"]._look_after()
            self.assertFalse(self.mqtt_run_jobs())
        self.env["mqtt.handler"]._sync_declared()
        self.mqtt_run_jobs()
        self.assertEqual(self.seen, ["1"])

    def test_what_nobody_takes_is_woken(self):
        """A job that was cancelled in the monitor is not the end of the order."""
        self.enqueue(self.message("plant/a", b"1"))
        ingest = [("method_name", "=", "_job_ingest"), ("state", "=", "pending")]
        self._run_job(self.env["queue.job"].search(ingest))
        in_order = self.env["queue.job"].search([("method_name", "=", "_job_in_order")])
        in_order.button_cancelled()
        self.env["mqtt.handler"]._look_after()
        self.mqtt_run_jobs()
        self.assertEqual(self.seen, ["1"])

    def test_a_message_that_kills_the_worker_is_found(self):
        """The others of other topics go on; it has a job of its own."""
        deadly = [True]

        def on_message(self, message, topic):
            if deadly and message.payload == "b2":
                raise KeyboardInterrupt  # stands for the end of the process
            self.create({"name": message.payload, "ref": "seen"})

        self.declare("plant/{topic}", on_message, ordered=True)
        self.enqueue(
            *(
                self.message(f"plant/{p[0]}", p.encode())
                for p in ["a1", "b1", "b2", "b3", "a2"]
            )
        )
        pending = [("mqtt_service_id", "=", self.service.id), ("state", "=", "pending")]
        jobs = self.env["queue.job"]
        deaths = 0
        while job := jobs.search(
            [*pending, ("mqtt_message_id", "=", False)], order="id", limit=1
        ):
            try:
                with self.env.cr.savepoint():
                    self._run_job(job)
            except KeyboardInterrupt:
                deaths += 1
                job.write({"state": "pending", "retry": job.retry + 1})
        self.assertEqual((deaths, self.seen), (2, ["a1", "b1", "a2"]))
        own = jobs.search(pending)
        self.assertEqual(own.mqtt_message_id.payload, "b2")
        deadly.clear()
        self.mqtt_run_jobs()
        self.assertEqual(self.seen, ["a1", "b1", "a2", "b2", "b3"])

    def test_payloads_that_no_job_could_hold_together(self):
        history = self.registry["mqtt.signal.history"]
        first = history._first_bytes
        with patch.object(history, "_first_bytes", lambda self: first(self, limit=2)):
            messages = self.receive(
                *(self.message("plant/a", f"{n}".encode()) for n in range(5))
            )
        self.assertMqttHandled(messages)
        self.assertEqual(self.seen, list("01234"))
        jobs = self.env["queue.job"].search([("method_name", "=", "_job_in_order")])
        self.assertEqual(len(jobs), 3)

    def test_batches_that_are_stored_out_of_order(self):
        """A message waits for those before it, though they are stored later."""
        self.enqueue(self.message("plant/a", b"1"), jobs=False)
        self.enqueue(self.message("plant/a", b"2"), jobs=False)
        batches = self.env["mqtt.batch"].search([("service_id", "=", self.service.id)])
        self.service._set_apart(batches)
        jobs = self.env["queue.job"].search(
            [("mqtt_service_id", "=", self.service.id)], order="id desc"
        )
        for job in jobs:
            self._run_job(job)
            if job == jobs[0]:
                in_order = self.env["queue.job"].search(
                    [("method_name", "=", "_job_in_order"), ("state", "=", "pending")]
                )
                self._run_job(in_order)
                self.assertEqual((self.seen, in_order.state), ([], "pending"))
        self.mqtt_run_jobs(later=True)
        self.assertEqual(self.seen, ["1", "2"])
