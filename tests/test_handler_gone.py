# Copyright 2026 mqtt_listener contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""Handlers that go: with their module, archived, deleted."""

from unittest.mock import patch

from odoo.tests import tagged

from .test_job_ends import JobEndCase


@tagged("post_install", "-at_install")
class TestHandlerGone(JobEndCase):
    """A module that goes takes no message with it, and brings none back by hand."""

    def setUp(self):
        super().setUp()
        self.broken = broken = [True]
        self.handled = handled = []

        def on_bad(self, message):
            if broken:
                raise ValueError("no")
            handled.append(message.payload)

        self.handler.enabled = False
        self.function = on_bad

    def test_messages_wait_for_it(self):
        """Those of jobs of their own too: none fails because the handler is gone."""
        for ordered in (False, True):
            with self.subTest(ordered=ordered):
                self.broken.append(True)
                self.handled.clear()
                handler = self.declare(
                    "plant/+", self.function, name="_on_bad", ordered=ordered
                )
                for number in range(4):
                    self.enqueue(self.message(f"plant/{number % 2}", b"%d" % number))
                    self.mqtt_run_jobs()
                self.assertTrue(self.open_jobs("_job_handle"))
                with patch.object(self.registry["res.partner"], "_on_bad", None):
                    handler._sync_declared()
                    self.mqtt_run_jobs(later=True)
                    self.look_after(2)
                    self.mqtt_run_jobs(later=True)
                    states = {job.state for job in self.open_jobs("_job_handle")}
                    self.assertFalse(states, "no message has failed")
                    self.assertEqual(handler.suspended_count, 4)
                    waiting = self.messages.filtered(lambda one: one.state == "queued")
                    self.assertEqual(len(waiting), 4)
                    self.assertFalse(self.jobs("_job_in_order"))
                    self.assertFalse(self.jobs("_job_dispatch"))
                self.broken.clear()
                handler._sync_declared()
                self.mqtt_run_jobs()
                self.assertEqual(sorted(self.handled), list("0123"))
                for topic in (("0", "2"), ("1", "3")):
                    got = [one for one in self.handled if one in topic]
                    self.assertEqual(got, list(topic))
                self.messages.unlink()

    def test_a_replay_that_met_it_gone_goes_on_by_itself(self):
        """Its jobs fail in words, since a handler is told that it is a replay."""
        handler = self.declare("plant/+", self.function, name="_on_bad")
        handler.enabled = False
        self.store("1")
        handler.enabled = True
        self.env["mqtt.replay"].create(
            {"selected_ids": self.messages.ids}
        ).action_start()
        self.mqtt_run_jobs()
        with patch.object(self.registry["res.partner"], "_on_bad", None):
            handler._sync_declared()
            self.mqtt_run_jobs(later=True)
            self.assertEqual(self.messages.state, "failed")
        self.broken.clear()
        handler._sync_declared()
        self.mqtt_run_jobs()
        self.assertEqual(self.handled, ["1"])

    def test_archived(self):
        """An archived handler's messages wait for it as well."""
        handler = self.declare("plant/+", self.function, name="_on_bad")
        self.store("1")
        self.assertEqual(self.messages.state, "retrying")
        self.env.cr.execute(
            "UPDATE mqtt_handler SET active = FALSE WHERE id = %s", [handler.id]
        )
        self.env.invalidate_all()
        self.env.registry.clear_cache()
        self.mqtt_run_jobs(later=True)
        self.assertEqual(self.messages.state, "queued")

    def test_a_deleted_handler_says_why(self):
        """What it had still to do is cancelled, with who deleted it."""
        action = self.action("raise UserError('no')", "mqtt.signal.history")
        handler = self.env["mqtt.handler"].create(
            {"name": "Own", "pattern": "plant/+", "action_server_id": action.id}
        )
        self.store("1")
        self.assertEqual(self.messages.state, "retrying")
        handler.unlink()
        self.env.invalidate_all()
        self.assertEqual(self.messages.state, "cancelled")
        self.assertIn(self.env.user.name, self.messages.cancel_reason)
        self.assertFalse(self.open_jobs("_job_handle"))
