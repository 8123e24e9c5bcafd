# Copyright 2026 mqtt_listener contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""Deleting what very many messages refer to."""

from odoo.exceptions import AccessError, ValidationError
from odoo.tests import new_test_user, tagged

from ..jobs import remove
from .test_handler import HandlerCase


@tagged("post_install", "-at_install")
class TestRemoval(HandlerCase):
    def setUp(self):
        super().setUp()
        self.patch(remove, "MANY", 3)
        self.patch(remove, "PART", 2)
        message = self.message("plant/1", subscription_id=self.subscription.id)
        self.messages = self.receive(*[message] * 5)
        self.assertEqual(self.messages.subscription_id, self.subscription)

    @property
    def jobs(self):
        return self.env["queue.job"].search([("method_name", "=", "_job_remove")])

    def test_in_the_background(self):
        """Its filter is free at once, and its messages stay."""
        manager = new_test_user(
            self.env, "mqtt_manager", groups="mqtt_listener.group_manager"
        )
        self.subscription.with_user(manager).unlink()
        self.assertFalse(self.service.subscription_ids)
        again = self.subscription.create(
            {"service_id": self.service.id, "topic_filter": "plant/#"}
        )
        with self.assertRaises(ValidationError):
            self.subscription.active = True
        self.mqtt_run_jobs()
        self.assertEqual(len(self.jobs), 3)
        self.assertFalse(self.subscription.exists())
        self.assertEqual(len(self.messages.exists()), 5)
        self.assertFalse(self.messages.subscription_id)
        self.assertEqual(self.service.subscription_ids, again)

    def test_a_job_that_is_gone(self):
        """Deleted or cancelled: the next minute has a new one."""
        self.subscription.unlink()
        self.jobs.unlink()
        for _minute in range(2):
            self.env["mqtt.handler"]._look_after()
        self.assertEqual(len(self.jobs), 1)
        self.mqtt_run_jobs()
        self.assertFalse(self.subscription.exists())

    def test_few_messages(self):
        self.patch(remove, "MANY", 5)
        self.subscription.unlink()
        self.assertFalse(self.subscription.exists())
        self.assertFalse(self.jobs)

    def test_of_a_handler(self):
        """The handler is gone at once."""
        action = self.action("pass", "mqtt.signal.history")
        handler = self.env["mqtt.handler"].create(
            {"name": "Own", "pattern": "plant/#", "action_server_id": action.id}
        )
        self.subscription.handler_id = handler
        handler.unlink()
        self.assertFalse(handler.exists())
        self.assertTrue(self.subscription.is_removed)
        self.mqtt_run_jobs()
        self.assertFalse(self.subscription.exists())

    def test_who_may(self):
        user = new_test_user(self.env, "mqtt_user", groups="mqtt_listener.group_user")
        with self.assertRaises(AccessError):
            self.subscription.with_user(user).unlink()
        self.assertFalse(self.subscription.is_removed)
