# Copyright 2026 mqtt_listener contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""Messages of one transaction and topic reach the broker in their order, whatever
becomes of some of them.
"""

from odoo.exceptions import UserError
from odoo.tests import new_test_user, tagged

from ..jobs import publish
from .common import MqttCase
from .fake_broker import PUBLISH
from .listening import Recorder

QUOTA_EXCEEDED = 0x97


class Picky(Recorder):
    """Takes most messages.

    :ivar refuses: payloads of those that it refuses.
    :ivar ends_at: of those at which it ends the connection.
    :ivar taken: of those that it took, in this order.
    """

    def __init__(self):
        super().__init__()
        self.refuses, self.ends_at, self.taken = set(), set(), []

    def _answer(self, kind, body, connection):
        answer = super()._answer(kind, body, connection)
        if kind != PUBLISH:
            return answer
        payload = self.published[-1]
        if payload in self.ends_at:
            self.cut()
            raise ConnectionError
        if payload in self.refuses:
            return self._puback(body, QUOTA_EXCEEDED)
        self.taken.append(payload)
        return answer


@tagged("post_install", "-at_install")
class TestPublishOrder(MqttCase):
    def setUp(self):
        super().setUp()
        self.broker = self.enterContext(Picky())
        self.service.write({"host": self.broker.host, "port": self.broker.port})

    def publish(self, *pairs):
        """Publish pairs of topic and payload in one transaction."""
        messages = self.env["mqtt.signal.history"]
        for topic, payload in pairs:
            messages += self.service.mqtt_publish(topic, payload)
        self.env.cr.precommit.run()
        return messages

    def test_what_the_next_job_has_does_not_overtake(self):
        """The broker refuses one of the first part: what follows it waits with it."""
        self.patch(publish, "PART", 2)
        self.broker.refuses = {b"a2"}
        messages = self.publish(
            ("a", "a1"), ("a", "a2"), ("a", "a3"), ("b", "b1"), ("a", "a4")
        )
        self.mqtt_run_jobs()
        self.assertEqual(self.broker.taken, [b"a1", b"b1"])
        self.broker.refuses = set()
        self.mqtt_run_jobs(later=True)
        self.assertEqual(self.broker.taken, [b"a1", b"b1", b"a2", b"a3", b"a4"])
        self.assertEqual(set(messages.mapped("state")), {"done"})

    def test_a_job_ends_before_it_would_be_killed(self):
        """What it has not begun when its time is up is left to the next, in order."""
        self.patch(publish, "SECONDS", 0)
        payloads = [b"1", b"2", b"3"]
        messages = self.publish(*(("a", one) for one in payloads))
        jobs = self.mqtt_run_jobs()
        self.assertEqual(len(jobs), 3)
        self.assertEqual(self.broker.taken, payloads)
        self.assertEqual(set(messages.mapped("state")), {"done"})

    def test_other_topics_do_not_wait_for_one_that_is_refused(self):
        """Though nothing of the first part could be published."""
        self.patch(publish, "PART", 2)
        self.broker.refuses = {b"a1"}
        messages = self.publish(("a", "a1"), ("a", "a2"), ("b", "b1"), ("a", "a3"))
        self.mqtt_run_jobs()
        self.assertEqual(self.broker.taken, [b"b1"])
        self.assertEqual(messages[0].state, "retrying")
        self.broker.refuses = set()
        self.mqtt_run_jobs(later=True)
        self.assertEqual(self.broker.taken, [b"b1", b"a1", b"a2", b"a3"])

    def test_a_request_does_not_wait_for_what_is_refused(self):
        """It has a job of its own while the broker is to grant its subscription."""
        self.service.start_mqtt_service()
        self.broker.refuses = {b"a1"}
        asked = self.service.mqtt_request("press", "?").message_id
        self.publish(("a", "a1"))
        self.mqtt_run_jobs()
        self.assertEqual(asked.state, "queued")
        self.service._answer_subscriptions().grant_ids.sudo().state = "granted"
        self.mqtt_run_jobs(later=True)
        self.assertEqual(asked.state, "done")

    def test_the_one_that_ends_connections(self):
        """Others leave it alone, but for those of its topic."""
        self.broker.ends_at = {b"a1"}
        messages = self.publish(("a", "a1"), ("b", "b1"), ("a", "a2"))
        self.mqtt_run_jobs()
        self.assertFalse(self.broker.taken)
        for _ in range(2):  # which one it is; the others
            self.mqtt_run_jobs(later=True)
        self.assertEqual(self.broker.taken, [b"b1"])
        self.broker.ends_at = set()
        self.mqtt_run_jobs(later=True)
        self.assertEqual(self.broker.taken, [b"b1", b"a1", b"a2"])
        self.assertEqual(set(messages.mapped("state")), {"done"})

    def test_a_request_that_nobody_would_hear_holds_up_no_other_topic(self):
        """Until the broker has granted the subscription that brings its answer."""
        self.service.start_mqtt_service()
        with self.env.cr.savepoint():
            asked = self.service.mqtt_request("press", "?").message_id
            behind = self.service.mqtt_publish("press", "after it")
            other = self.service.mqtt_publish("lamp", "on")
        self.env.cr.precommit.run()
        self.mqtt_run_jobs()
        self.assertEqual(self.broker.taken, [b"on"])
        messages = asked + behind + other
        self.assertEqual(messages.mapped("state"), ["queued", "queued", "done"])
        self.service._answer_subscriptions().grant_ids.sudo().state = "granted"
        self.mqtt_run_jobs(later=True)
        self.assertEqual((asked + behind).mapped("state"), ["done", "done"])

    # What an operator does about those that failed

    def failed_job(self):
        """A job that has given up three messages, and these."""
        self.broker.refuses = {b"a1"}
        messages = self.publish(("a", "a1"), ("a", "a2"), ("a", "a3"))
        self.mqtt_run_jobs()
        for _ in range(publish.TRIES):
            self.mqtt_run_jobs(later=True)
        self.assertEqual(messages.mapped("state"), ["failed"] * 3)
        return messages, messages.job_ids.filtered(lambda job: job.state == "failed")

    def test_one_is_corrected(self):
        """It is published in its place, and the others after it."""
        messages, job = self.failed_job()
        operator = new_test_user(
            self.env, "operator", groups="mqtt_listener.group_operator"
        )
        action = job.with_user(operator).action_mqtt_correct()
        correction = self.dialog_of(action, operator)
        self.assertEqual(correction.message_count, 3)
        correction.payload = "better"
        correction = correction.save()
        correction.action_process()
        self.mqtt_run_jobs()
        self.assertEqual(self.broker.taken, [b"better", b"a2", b"a3"])
        self.assertEqual(messages.mapped("state"), ["cancelled", "done", "done"])
        self.assertIn("corrected as message", messages[0].cancel_reason)
        self.assertFalse(messages[1:].mapped("cancel_reason")[0])
        with self.assertRaises(UserError):
            correction.action_process()

    def test_they_are_cancelled(self):
        """Whoever does it is told how many they are."""
        messages, job = self.failed_job()
        action = job.action_mqtt_cancel()
        wizard = self.dialog_of(action)
        self.assertEqual(wizard.message_count, 3)
        wizard.reason = "of no use"
        wizard.save().action_cancel_jobs()
        self.assertEqual(messages.mapped("state"), ["cancelled"] * 3)
        self.assertFalse(self.mqtt_run_jobs(later=True))
        self.assertFalse(self.broker.taken)
