"""A handler that keeps failing: suspended, probed, and well again."""

from datetime import timedelta

from odoo.exceptions import AccessError
from odoo.tests import new_test_user, tagged

from .test_dispatch import DispatchCase


@tagged("post_install", "-at_install")
class TestSuspension(DispatchCase):
    def setUp(self):
        super().setUp()
        self.broken = broken = [True]
        self.tried = tried = []

        def on_bad(self, message):
            tried.append(message.payload)
            if broken:
                raise ValueError("no")

        self.bad = self.declare(
            "plant/+", on_bad, name="_on_bad", max_retries=2, retry_pattern={1: 10}
        )
        self.bad.suspend_after = 5
        self.numbers = [str(number) for number in range(40)]

    @property
    def own_jobs(self):
        return self.env["queue.job"].search(
            [("mqtt_handler_id", "=", self.bad.id), ("mqtt_message_id", "!=", False)]
        )

    def test_within_one_run(self):
        """Where messages are stored, or in a job of its own; others get on."""
        for seconds in (1, 0):
            with self.subTest(storing_job_seconds=seconds):
                self.limit(storing_job_seconds=seconds)
                before = len(self.own_jobs)
                self.seen.clear()
                self.bad._resume()
                self.env["mqtt.dispatch"].search([]).unlink()
                self.store(*self.numbers)
                self.jobs("_job_dispatch") and self.mqtt_run_jobs()
                self.assertTrue(self.bad.suspended_since)
                self.assertEqual(len(self.own_jobs) - before, 5)
                self.assertEqual(self.bad.suspended_count, 35)
                self.assertEqual(set(self.seen), set(self.numbers))
        self.assertEqual(self.messages[-1].state, "queued")

    def test_over_many_jobs(self):
        """One message each: failures in a row are counted over jobs."""
        for number in self.numbers:
            self.store(number)
        self.assertEqual(len(self.own_jobs), 5)
        self.assertEqual(set(self.seen), set(self.numbers))
        self.assertFalse(self.jobs("_job_dispatch"))

    def test_a_success_between_begins_anew(self):
        def on_some(self, message):
            if int(message.payload) % 4:
                raise ValueError("no")

        some = self.declare("plant/+", on_some, name="_on_some")
        some.suspend_after = 5
        some.suspend_waiting = 0
        self.store(*self.numbers)
        self.assertFalse(some.suspended_since)

    def test_too_many_wait_to_be_retried(self):
        self.bad.suspend_after = 0
        self.bad.suspend_waiting = 7
        self.store(*self.numbers)
        self.assertTrue(self.bad.suspended_since)
        self.assertLessEqual(len(self.own_jobs), 8)

    def test_resume(self):
        """By an operator: in order, in full batches, and only once."""
        operator = new_test_user(
            self.env, login="operator", groups="mqtt_listener.group_operator"
        )
        user = new_test_user(self.env, login="user", groups="mqtt_listener.group_user")
        self.store(*self.numbers)
        with self.assertRaises(AccessError):
            self.bad.with_user(user).action_resume()
        self.broken.clear()
        self.tried.clear()
        self.bad.with_user(operator).action_resume()
        self.assertFalse(self.bad.suspended_since)
        self.assertIn(operator.name, self.bad.message_ids[0].body)
        self.assertEqual(len(self.jobs("_job_dispatch")), 1)
        self.mqtt_run_jobs()
        self.assertEqual(self.tried, self.numbers[5:])
        self.assertEqual(len(self.jobs("_job_dispatch", "done")), 1)
        self.mqtt_run_jobs(later=True)
        self.assertMqttHandled(self.messages, self.bad.name, times=40)

    def test_a_probe_that_succeeds_resumes(self):
        """People are told once that it is suspended, and once that it is well."""
        self.store(*self.numbers)
        handlers = self.env["mqtt.handler"]

        def told(words):
            return self.env["mail.message"].search_count(
                [
                    ("model", "=", "mqtt.handler"),
                    ("res_id", "=", self.bad.id),
                    ("body", "like", words),
                ]
            )

        for _minute in range(3):
            handlers._look_after()
            self.store("more")
        self.assertEqual((told("is suspended"), told("works again")), (1, 0))
        self.assertEqual(len(self.own_jobs), 5)
        for _try in range(2):
            self.mqtt_run_jobs(later=True)
        self.assertEqual(set(self.own_jobs.mapped("state")), {"failed"})
        self.broken.clear()
        self.bad.next_probe = self.env.cr.now() - timedelta(seconds=1)
        handlers._look_after()
        self.assertEqual(len(self.own_jobs), 6)
        handlers._look_after()
        self.assertEqual(len(self.own_jobs), 6, "one at a time")
        self.mqtt_run_jobs()
        self.assertFalse(self.bad.suspended_since)
        self.assertEqual(self.tried[-38:], [*self.numbers[5:], *["more"] * 3])
        for _minute in range(2):
            handlers._look_after()
        self.assertEqual((told("is suspended"), told("works again")), (1, 1))

    def test_ordered(self):
        """Its messages wait as ever, each topic in order."""
        tried = []
        broken = self.broken

        def in_order(self, message):
            tried.append((message.topic, message.payload))
            if broken:
                raise ValueError("no")

        self.bad.enabled = False
        ordered = self.declare(
            "plant/+", in_order, name="_in_order", ordered=True, max_retries=2
        )
        ordered.suspend_after = 3
        self.enqueue(
            *(self.message(f"plant/{n}", b"%d" % k) for k in range(2) for n in range(8))
        )
        self.mqtt_run_jobs()
        self.assertTrue(ordered.suspended_since)
        self.assertEqual(len(tried), 3 + 1)  # the first twice: with others, then alone
        self.assertFalse(self.jobs("_job_in_order"))
        self.broken.clear()
        tried.clear()
        ordered._resume()
        self.mqtt_run_jobs()
        self.mqtt_run_jobs(later=True)
        self.assertMqttHandled(self.messages, ordered.name, times=16)
        for number in range(8):
            of_topic = [one for topic, one in tried if topic == f"plant/{number}"]
            self.assertEqual(of_topic, ["0", "1"])
