# Copyright 2026 mqtt_listener contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""Publishing from the pane of a topic, and what came of a message."""

from datetime import timedelta

from odoo import fields
from odoo.tests import new_test_user, tagged

from .pane_case import PaneCase
from .test_failures import FailureCase


@tagged("post_install", "-at_install")
class TestTopicHandlers(FailureCase):
    """What came of a message at each handler."""

    def outcomes(self, message, user=None):
        self.env.flush_all()
        self.env.invalidate_all()
        env = self.env(user=user or self.env.user)
        found = message.with_env(env)._handler_outcomes()
        return {one["name"]: (one["state"], one["detail"]) for one in found}

    def test_failed(self):
        """The error is for those who may read jobs."""
        self.fail("a")
        message = self.jobs().mqtt_message_id
        (name,) = self.many.mapped("name")
        state, detail = self.outcomes(message, self.operator)[name]
        self.assertEqual(state, "failed")
        self.assertIn("no device", detail)
        user = new_test_user(self.env, "pane_user", groups="mqtt_listener.group_user")
        self.assertEqual(self.outcomes(message, user)[name], ("failed", ""))


@tagged("post_install", "-at_install")
class TestTopicOutcomes(PaneCase):
    def outcome(self, message):
        self.env.flush_all()
        self.env.invalidate_all()
        return {one["name"]: one["state"] for one in message._handler_outcomes()}

    def test_done_waiting_and_new(self):
        action = self.env["ir.actions.server"].create(
            {
                "name": "Pass",
                "model_id": self.env["ir.model"]._get_id("mqtt.signal.history"),
                "state": "code",
                "code": "pass",
            }
        )
        handler = self.env["mqtt.handler"].create(
            {"name": "Pass", "pattern": "plant/1", "action_server_id": action.id}
        )
        handler.create_date = fields.Datetime.now() - timedelta(days=1)
        done = self.mqtt_receive("plant/1", "x")
        self.assertEqual(self.outcome(done), {"Pass": "done"})
        waiting = self.env["mqtt.dispatch"]
        waiting._put(self.service, handler, [done.sequence], "root", 10)
        self.assertEqual(self.outcome(done), {"Pass": "queued"})
        other = self.mqtt_receive("plant/2", "x")
        self.assertEqual(self.outcome(other), {})
        handler.copy({"name": "New", "pattern": "plant/2"})
        self.assertEqual(self.outcome(other), {"New": "none"})


@tagged("post_install", "-at_install")
class TestTopicPublish(PaneCase):
    def test_a_message(self):
        (received,) = self.receive_all(b"x")
        operator = new_test_user(
            self.env, "pane_operator", groups="mqtt_listener.group_operator"
        )
        service = self.service.with_user(operator)
        sent = service.topic_publish("plant/9", "x", 2, True)
        message = self.env["mqtt.signal.history"].browse(sent)
        self.assertEqual((message.qos, message.retain), (2, True))
        (found,) = service.topic_published([sent, received.id])
        self.assertEqual((found["id"], found["state"]), (sent, "queued"))
        self.assertFalse(found["answer_state"])

    def test_an_answer(self):
        self.service.write({"protocol": "5", "status": "start"})
        sent = self.service.topic_publish("plant/9", "x", asks=True)
        request = self.env["mqtt.request"].search([("message_id", "=", sent)])
        self.mqtt_answer(request, "<b>done</b>")
        (found,) = self.service.topic_published([sent])
        self.assertEqual(
            (found["answer_state"], found["answer_label"], found["answer"]),
            ("answered", "Answered", "<b>done</b>"),
        )
