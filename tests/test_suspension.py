# Copyright 2026 mqtt_listener contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""A handler that keeps failing: suspended, probed, and well again."""

from datetime import timedelta
from unittest.mock import patch

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

    def pass_minutes(self, handler, minutes):
        """As if it were later: a test is one transaction, so of one time."""
        earlier = timedelta(minutes=minutes)
        handler.resumed_on -= earlier
        for row in handler.statistics_ids.filtered("error_date"):
            row.error_date -= earlier + timedelta(minutes=1)

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
        self.pass_minutes(self.bad, 1)
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

    def test_half_of_the_messages_fail(self):
        """It is suspended and resumed again and again, and people are told once."""
        count = [0]

        def on_some(self, message):
            count[0] += 1
            if count[0] % 2:
                raise ValueError("no")

        self.bad.enabled = False
        some = self.declare(
            "plant/+", on_some, name="_on_some", max_retries=3, retry_pattern={1: 10}
        )
        some.suspend_after, some.suspend_waiting = 0, 5
        suspended = 0
        resume = type(some)._resume
        with patch.object(
            self.registry["mqtt.handler"], "_resume", autospec=True
        ) as resumed:
            resumed.side_effect = resume
            for _minute in range(6):
                self.store(*self.numbers[:20])
                suspended += bool(some.suspended_since)
                self.mqtt_run_jobs(later=True)
                some._look_after()
        self.assertGreater(suspended, 2)
        self.assertGreater(resumed.call_count, 2)
        bodies = some.message_ids.mapped("body")
        self.assertEqual(len([one for one in bodies if "is suspended" in one]), 1)
        self.assertFalse([one for one in bodies if "works again" in one])
        some._resume()
        some.resumed_on -= timedelta(hours=1)
        some._look_after()
        bodies = some.message_ids.mapped("body")
        self.assertEqual(len([one for one in bodies if "works again" in one]), 1)

    def test_probes_go_on_growing(self):
        """Also where it was well for a short while in between."""
        self.bad._suspend()
        self.bad.failing_since = self.env.cr.now() - timedelta(minutes=40)
        self.bad._resume()
        self.bad._suspend()
        self.assertEqual(self.bad._probe_seconds(), 20 * 60)
        self.bad.action_resume()
        self.bad._suspend()
        self.assertEqual(self.bad._probe_seconds(), 60)

    def test_a_replay_suspends(self):
        """What it does not come to waits, and is a replay still."""
        self.bad.enabled = False
        self.store(*self.numbers)
        self.tried.clear()
        seen = []

        def on_replay(self, message):
            seen.append((message.payload, self.env.context.get("mqtt_replay")))
            if broken:
                raise ValueError("no")

        broken = self.broken
        handler = self.declare("plant/+", on_replay, name="_on_replay")
        handler.suspend_after = 5
        replay = self.env["mqtt.replay"].create(
            {"topic_filter": "plant/+", "handler_id": handler.id}
        )
        replay.action_start()
        self.mqtt_run_jobs()
        self.assertTrue(handler.suspended_since)
        self.assertEqual(handler.suspended_count, 35)
        self.assertEqual(self.messages[-1].state, "queued")
        again = replay.copy()
        again.action_start()
        self.mqtt_run_jobs()
        self.assertEqual(handler.suspended_count, 75)
        broken.clear()
        seen.clear()
        handler.action_resume()
        self.mqtt_run_jobs()
        self.assertEqual(
            sorted(seen),
            sorted(
                [(number, replay.id) for number in self.numbers[5:]]
                + [(number, again.id) for number in self.numbers]
            ),
        )

    def test_shown(self):
        """On the service, and when the next try is."""
        self.assertFalse(self.service.suspended_handlers)
        self.store(*self.numbers)
        self.service.invalidate_recordset()
        self.assertEqual(self.service.suspended_handlers, self.bad.name)
        self.assertIn(self.bad.name, self.service.check_mqtt_status()["message"])
        action = self.service.action_open_suspended_handlers()
        self.assertEqual(self.env["mqtt.handler"].search(action["domain"]), self.bad)
        own = self.own_jobs.sorted("eta")[0]
        self.assertEqual(self.bad.next_try, own.eta)
        self.own_jobs.write({"state": "cancelled"})
        self.bad.invalidate_recordset()
        self.assertEqual(self.bad.next_try, self.bad.next_probe)
