# Copyright 2026 mqtt_listener contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""Failed messages by cause, and decisions about many of them as sets."""

from datetime import timedelta
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

from odoo.exceptions import AccessError
from odoo.fields import Command
from odoo.tests import new_test_user, tagged

from ..jobs import decide
from ..models.queue import mqtt_failure
from ..mqtt.handler import DECLARING
from .test_dead_letters import DeadLetterCase


class FailureCase(DeadLetterCase):
    def setUp(self):
        super().setUp()
        self.tried = tried = []
        self.broken = broken = [True]

        def on_many(self, message):
            tried.append((message.payload, self.env.context.get("mqtt_replay")))
            if broken:
                raise ValueError(f"no device '{message.payload}' at {message.id}")

        self.many = self.declare("plant/#", on_many, name="_on_many", max_retries=1)
        self.handler.enabled = False
        self.many.suspend_after = self.many.suspend_waiting = 0

    def fail(self, *payloads, **options):
        """Messages that have failed, in the order of reception."""
        return self.receive(
            *(
                self.message(f"plant/{number}", payload.encode())
                for number, payload in enumerate(payloads)
            ),
            **options,
        )

    @staticmethod
    def redeclare(handler, **values):
        handler.with_context(mqtt_declaring=DECLARING).write(values)

    @property
    def failures(self):
        self.env.flush_all()
        self.env.invalidate_all()
        return self.env["mqtt.failure"].with_user(self.operator).search([])

    def jobs(self, **values):
        domain = [("mqtt_service_id", "=", self.service.id)]
        domain += [(name, "=", value) for name, value in values.items()]
        return self.env["queue.job"].search(domain)


@tagged("post_install", "-at_install")
class TestCauses(FailureCase):
    def test_one_row_for_a_cause(self):
        messages = self.fail(*map(str, range(30)))
        failure = self.failures
        self.assertEqual(len(failure), 1)
        self.assertEqual(failure.handler_id, self.many)
        self.assertRegex(failure.cause, r"^ValueError: no device … at … \(.*on_many\)$")
        self.assertEqual(failure.message_count, 30)
        self.assertEqual(failure.service_id, self.service)
        self.assertEqual(failure.topic, messages[-1].topic)
        self.assertIn(f"at {messages[-1].id}", failure.error)
        self.assertLessEqual(failure.first_date, failure.last_date)
        opened = self.env["queue.job"].search(failure.action_open()["domain"])
        self.assertEqual(opened, messages.job_ids)

    def test_at_once_or_after_retries(self):
        """The same words and the same cause, whichever job found it out."""
        self.fail("a")
        self.redeclare(self.many, max_retries=2)
        self.fail("b")
        self.mqtt_run_jobs(later=True)
        self.assertEqual(self.failures.message_count, 2)
        said = self.jobs(state="failed").mapped("exc_message")
        self.assertEqual(len(said), 2)
        for text in said:
            self.assertRegex(text, r"^ValueError: no device '.' at \d+ \(.*on_many\)$")

    def test_a_key_that_is_missing(self):
        def on_key(self, message):
            return message.json()["temperature"]

        keys = self.declare("key/#", on_key, name="_on_key", max_retries=2)
        self.mqtt_receive("key/1", {})
        self.mqtt_run_jobs(later=True)
        job = self.jobs(mqtt_handler_id=keys.id)
        self.assertRegex(job.exc_message, r"^KeyError: 'temperature' \(.*on_key\)$")
        self.redeclare(keys, max_retries=1)
        self.mqtt_receive("key/2", {})
        self.assertEqual(self.failures.message_count, 2)

    def test_found_dead(self):
        """queue_job's runner writes that by itself, and no cause."""
        self.broken.clear()
        message = self.mqtt_receive("plant/1", "x")
        message._enqueue_handle(self.many)
        self.env.flush_all()
        self.env.cr.execute(
            "UPDATE queue_job SET state = 'failed', exc_name = 'JobFoundDead'"
            " WHERE mqtt_message_id = %s",
            [message.id],
        )
        failure = self.failures
        self.assertEqual(failure.cause, "JobFoundDead")
        failure.action_requeue()
        self.assertFalse(self.failures)
        self.assertEqual(message.state, "queued")

    def test_what_failed_before_the_upgrade(self):
        """It is grouped as if it failed now, however the job said it then."""
        self.fail("a", "b")
        self.redeclare(self.many, max_retries=2)
        self.fail("c")
        self.mqtt_run_jobs(later=True)
        cause = self.failures.cause
        retried = self.jobs(state="failed").sorted("id")[-1]
        retried.exc_message = "no device 'c' at 7"  # what queue_job makes of it
        self.env.flush_all()
        self.env.cr.execute("UPDATE queue_job SET mqtt_cause = NULL")
        path = Path(__file__).parents[1] / "migrations/19.0.1.6.0/post-causes.py"
        spec = spec_from_file_location("post_causes", path)
        migration = module_from_spec(spec)
        spec.loader.exec_module(migration)
        self.patch(migration, "BATCH", 2)
        migration.migrate(self.env.cr, "19.0.1.5.0")
        failure = self.failures
        self.assertEqual((failure.message_count, failure.cause), (3, cause))

    def test_each_company_has_its_own_rows(self):
        company = self.env["res.company"].create({"name": "Other"})
        foreign = self.service.copy({"name": "Foreign", "company_id": company.id})
        self.service.company_id = self.env.company
        self.fail("a")
        self.fail("b", "c", service=foreign)
        self.assertEqual(self.failures.message_count, 1)
        elsewhere = new_test_user(
            self.env,
            "mqtt_operator_elsewhere",
            groups="mqtt_listener.group_operator",
            company_id=company.id,
            company_ids=[Command.set(company.ids)],
        )
        theirs = self.failures.with_user(elsewhere).search([])
        self.assertEqual(theirs.message_count, 2)
        self.assertNotEqual(theirs, self.failures)
        with self.assertRaises(AccessError):
            self.failures.with_user(elsewhere).action_requeue()
        theirs.action_requeue()
        self.assertEqual(self.failures.message_count, 1)


@tagged("post_install", "-at_install")
class TestRequeue(FailureCase):
    def requeue(self):
        return self.failures.action_requeue()["params"]

    def test_in_full_batches_in_order(self):
        numbers = [str(number) for number in range(1_200)]
        messages = self.fail(*numbers)
        self.broken.clear()
        self.tried.clear()
        self.assertIn("1200", self.requeue()["message"])
        self.assertFalse(self.jobs(state="failed"))
        self.assertEqual(set(messages.mapped("state")), {"queued"})
        ran = self.mqtt_run_jobs()
        self.assertEqual(len(ran), 2)
        self.assertEqual([payload for payload, _context in self.tried], numbers)
        self.assertEqual(set(messages.mapped("state")), {"done"})
        self.assertFalse(self.failures)

    def test_what_fails_again(self):
        messages = self.fail("a", "b")
        self.tried.clear()
        self.requeue()
        self.mqtt_run_jobs()
        self.assertEqual(len(self.tried), 3)  # until one fails, then one by one
        self.assertEqual(self.failures.message_count, 2)
        self.assertEqual(len(self.jobs(state="failed")), 2)
        self.assertEqual(set(messages.mapped("state")), {"failed"})

    def test_its_job_is_not_what_waits(self):
        """Cancelled, set done or deleted, it loses nothing and doubles nothing."""
        manager = new_test_user(
            self.env, "mqtt_boss", groups="mqtt_listener.group_manager"
        )
        for end in ("button_cancelled", "button_done", "unlink"):
            with self.subTest(end):
                self.broken.append(True)
                messages = self.fail(end)
                self.broken.clear()
                self.tried.clear()
                self.requeue()
                job = self.jobs(method_name="_job_dispatch", state="pending")
                self.assertEqual(len(job), 1)
                getattr(job if end == "unlink" else job.with_user(manager), end)()
                self.assertEqual(messages.state, "queued")
                self.env["mqtt.handler"]._look_after()
                self.mqtt_run_jobs()
                self.assertEqual(messages.state, "done")
                self.assertEqual(len(self.tried), 1)

    def test_whatever_the_pattern_is_now(self):
        """What was for a handler stays for it."""
        messages = self.fail("a")
        self.broken.clear()
        self.redeclare(self.many, pattern="elsewhere")
        self.requeue()
        self.tried.clear()
        self.mqtt_run_jobs()
        self.assertEqual((len(self.tried), messages.state), (1, "done"))

    def test_a_handler_that_is_off(self):
        """Left failed, and said; or failed again when it is switched off later."""
        messages = self.fail("a", "b")
        self.many.enabled = False
        self.assertEqual(self.requeue()["type"], "warning")
        self.assertEqual(self.failures.message_count, 2)
        self.many.enabled = True
        self.requeue()
        self.many.enabled = False
        self.mqtt_run_jobs()
        self.assertEqual(set(messages.mapped("state")), {"failed"})
        self.assertIn("switched off", self.failures.error)

    def test_a_handler_that_was_deleted(self):
        action = self.action("raise UserError('no')", "mqtt.signal.history")
        handler = self.env["mqtt.handler"].create(
            {
                "name": "Refuse",
                "pattern": "own/#",
                "action_server_id": action.id,
                "max_retries": 1,
            }
        )
        message = self.mqtt_receive("own/1", "x")
        handler.unlink()
        self.assertEqual(self.requeue()["type"], "warning")
        self.assertEqual(message.state, "failed")

    def test_a_suspended_handler(self):
        """They wait with the others, and the next probe is due now."""
        messages = self.fail("a", "b", "c")
        self.many._suspend()
        self.many.next_probe = self.env.cr.now() + timedelta(hours=1)
        self.requeue()
        self.assertEqual(set(messages.mapped("state")), {"queued"})
        self.assertEqual(self.many.suspended_count, 3)
        self.tried.clear()
        self.mqtt_run_jobs()
        self.assertFalse(self.tried)
        self.broken.clear()
        self.env["mqtt.handler"]._look_after()
        self.mqtt_run_jobs()
        self.assertFalse(self.many.suspended_since)
        self.assertEqual([payload for payload, _context in self.tried], list("abc"))

    def test_of_a_replay(self):
        """Handlers can still tell that it is one."""
        self.broken.clear()
        self.fail("a", "b")
        self.broken.append(True)
        replay = self.env["mqtt.replay"].create({"topic_filter": "plant/#"})
        replay.action_start()
        self.mqtt_run_jobs()
        self.assertEqual(self.failures.message_count, 2)
        self.broken.clear()
        self.tried.clear()
        self.requeue()
        self.mqtt_run_jobs()
        self.assertEqual(self.tried, [("a", replay.id), ("b", replay.id)])

    def test_an_ordered_handler(self):
        """What it held back follows, in order."""
        tried, broken = [], [True]

        def in_order(self, message):
            tried.append(message.payload)
            if broken:
                raise ValueError("no")

        self.many.enabled = False
        ordered = self.declare(
            "plant/+", in_order, name="_in_order", ordered=True, max_retries=1
        )
        messages = self.receive(*(self.message("plant/1", b"%d" % n) for n in range(4)))
        self.assertEqual(len(self.jobs(mqtt_handler_id=ordered.id, state="failed")), 1)
        broken.clear()
        tried.clear()
        self.requeue()
        self.assertEqual(set(messages.mapped("state")), {"queued"})
        self.mqtt_run_jobs()
        self.assertEqual(tried, list("0123"))
        self.assertEqual(set(messages.mapped("state")), {"done"})

    def test_corrections_that_fail(self):
        """They were not received, so they have no sequence."""
        messages = self.fail("a", "b")
        failure = self.failures
        dialog = self.dialog_of(failure.action_correct(), self.operator)
        dialog.search_text = "a"
        dialog.replace_text = "c"
        self.assertEqual(dialog.message_count, 2)
        dialog.save().action_process()
        self.assertEqual(messages.mapped("state"), ["cancelled", "failed"])
        self.mqtt_run_jobs()
        self.assertEqual(self.failures.message_count, 2)
        corrected = messages.search([("corrected_from_id", "=", messages[0].id)])
        self.assertEqual((corrected.payload, corrected.state), ("c", "failed"))
        self.broken.clear()
        self.tried.clear()
        self.requeue()
        self.assertEqual(corrected.state, "queued")
        self.assertEqual(
            messages.search([("state", "=", "queued")]), corrected + messages[1]
        )
        self.assertEqual(corrected.job_count, 1)
        self.mqtt_run_jobs()
        self.assertEqual(sorted(self.tried), [("b", None), ("c", None)])
        self.assertEqual(corrected.state, "done")

    def test_a_worker_that_dies(self):
        """Split to find the message, each still for its handler and no other."""
        self.fail("a", "b")
        self.broken.clear()
        self.requeue()
        self.tried.clear()
        job = self.jobs(method_name="_job_dispatch", state="pending")
        job.retry = 1
        self.mqtt_run_jobs()
        self.assertEqual(sorted(self.tried), [("a", None), ("b", None)])

    def test_in_one_job_of_each_service_to_publish(self):
        first = self.service.mqtt_publish("plant/1", "1")
        second = self.service.mqtt_publish("plant/2", "2")
        waiting = self.env["mqtt.outbox"].search([])
        for one in waiting:
            self.service._enqueue_publish(one)
        jobs = self.jobs(method_name="_job_publish")
        for job in jobs:
            job.write({"state": "failed", "exc_message": "The broker is away."})
        self.assertEqual(self.failures.cause, "The broker is away.")
        self.requeue()
        job = self.jobs(method_name="_job_publish")
        self.assertEqual((len(job), job.state), (1, "pending"))
        self.assertEqual(set(waiting.mapped("job_uuid")), {job.uuid})
        self.assertEqual({first.state, second.state}, {"queued"})


@tagged("post_install", "-at_install")
class TestCancelMany(FailureCase):
    def test_cancel(self):
        """By cause; why is left on each message."""
        messages = self.fail(*map(str, range(50)))
        dialog = self.dialog_of(self.failures.action_cancel(), self.operator)
        dialog.reason = "of no use"
        self.assertEqual(dialog.message_count, 50)
        dialog.save().action_cancel_jobs()
        self.assertFalse(self.failures)
        self.assertEqual(set(messages.mapped("state")), {"cancelled"})
        self.assertEqual(len(set(messages.mapped("cancel_reason"))), 1)
        self.assertIn("of no use", messages[0].cancel_reason)
        self.assertIn(self.operator.name, messages[0].cancel_reason)

    def test_others_stay(self):
        """A selection is what it is about, and nothing else."""
        messages = self.fail("a", "b", "c")
        action = messages[:2].job_ids.with_user(self.operator).action_mqtt_cancel()
        dialog = self.dialog_of(action, self.operator)
        dialog.reason = "of no use"
        dialog.save().action_cancel_jobs()
        self.assertEqual(messages.mapped("state"), ["cancelled", "cancelled", "failed"])


@tagged("post_install", "-at_install")
class TestBackground(FailureCase):
    """More than a request has time for."""

    def setUp(self):
        super().setUp()
        self.patch(mqtt_failure, "BULK", 3)
        self.patch(decide, "PART", 2)

    def test_requeue(self):
        """Also what fails again meanwhile is done once; what is off stays."""
        messages = self.fail(*"abcdefgh")
        self.tried.clear()
        said = self.failures.action_requeue()["params"]["message"]
        self.assertIn("in the background", said)
        states = messages.mapped("state")
        self.assertEqual((states.count("queued"), states.count("failed")), (3, 5))
        (job,) = self.jobs(method_name="_job_decide")
        self.assertEqual(job.user_id, self.operator)
        self.mqtt_run_jobs()
        self.assertEqual(self.failures.message_count, 8)
        self.assertEqual({payload for payload, _context in self.tried}, set("abcdefgh"))
        self.assertEqual(len(self.jobs(method_name="_job_decide")), 3)

    def test_cancel(self):
        messages = self.fail(*"abcdefgh")
        dialog = self.env["mqtt.cancellation"].with_user(self.operator)
        dialog = dialog.create({"failure_ids": self.failures.ids, "reason": "none"})
        dialog.action_cancel_jobs()
        self.jobs(method_name="_job_decide").button_cancelled()
        self.mqtt_run_jobs()
        states = messages.mapped("state")
        self.assertEqual((states.count("cancelled"), states.count("failed")), (3, 5))
        dialog.action_cancel_jobs()
        self.mqtt_run_jobs()
        self.assertEqual(set(messages.mapped("state")), {"cancelled"})
        jobs = self.jobs(method_name="_job_decide")
        self.assertEqual(set(jobs.mapped("state")), {"cancelled", "done"})
        self.assertIn(self.operator.name, messages[-1].cancel_reason)

    def test_correct(self):
        """Text that is not there leaves the message failed, and ends the jobs."""
        messages = self.fail(*"abcdefga")
        self.broken.clear()
        self.env["mqtt.replacement"].with_user(self.operator).create(
            {"failure_ids": self.failures.ids, "search_text": "a", "replace_text": "z"}
        ).action_process()
        self.mqtt_run_jobs()
        states = messages.mapped("state")
        self.assertEqual((states[0], states[-1]), ("cancelled", "cancelled"))
        self.assertEqual(set(states[1:-1]), {"failed"})
        corrected = messages.search([("corrected_from_id", "in", messages.ids)])
        self.assertEqual(corrected.mapped("payload"), ["z", "z"])
        self.assertEqual(set(corrected.mapped("state")), {"done"})


@tagged("post_install", "-at_install")
class TestFailingPath(FailureCase):
    def queries(self, count):
        """SQL statements of the job that handles so many messages that fail."""
        self.limit(storing_job_seconds=0)
        self.enqueue(*(self.message(f"plant/{n}", b"x") for n in range(count)))
        self._run_job(self.jobs(method_name="_job_ingest", state="pending"))
        before = self.env.cr.sql_log_count
        self._run_job(self.jobs(method_name="_job_dispatch", state="pending"))
        spent = self.env.cr.sql_log_count - before
        self.assertEqual(len(self.jobs(state="failed")), count)
        self.jobs(state="failed").write({"state": "cancelled"})
        return spent

    def test_a_message_that_fails_takes_few_statements(self):
        """A savepoint and the message's row; its job is created with the others."""
        few = self.queries(20)
        self.assertLess(self.queries(120) - few, 100 * 6)

    def test_no_note_in_the_chatter_for_each_run(self):
        notes = self.env["mail.message"]
        before = notes.search_count([("model", "=", "queue.job")])
        self.redeclare(self.many, max_retries=2)
        self.fail("a", "b")
        self.mqtt_run_jobs(later=True)
        self.assertEqual(len(self.jobs(state="failed")), 2)
        self.assertEqual(notes.search_count([("model", "=", "queue.job")]), before)
