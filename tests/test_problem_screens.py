# Copyright 2026 mqtt_listener contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""What the screens of handlers, failed messages and jobs show."""

from datetime import timedelta

from odoo import fields
from odoo.exceptions import UserError
from odoo.tests import Form, mute_logger, tagged

from .test_handler import HandlerCase


@tagged("post_install", "-at_install")
class TestProblemScreens(HandlerCase):
    def setUp(self):
        super().setUp()

        def refuses(self, message):
            """State of a machine.

            And more of it.
            """
            raise ValueError("unknown machine")

        self.handler = self.declare("plant/+", refuses, max_retries=1)
        with mute_logger("odoo.addons.mqtt_listener"):
            self.failed = self.receive(
                self.message("plant/1", b'{"state": "on"}'),
                self.message("plant/2", b"on"),
            )

    def test_a_handler_is_named_by_what_it_does(self):
        self.assertEqual(self.handler.summary, "State of a machine")

    def test_the_last_error_leads_to_its_message(self):
        jobs = self.failed.job_ids.sorted("id")
        jobs[0].sudo().date_started = fields.Datetime.now() + timedelta(seconds=1)
        action = self.handler.action_open_last_failed()
        self.assertEqual(action["res_id"], jobs[0].mqtt_message_id.id)
        jobs.sudo().unlink()
        with self.assertRaisesRegex(UserError, "handled meanwhile"):
            self.handler.action_open_last_failed()

    def test_what_waits_for_a_handler(self):
        self.assertFalse(self.handler.waiting_count)
        job = self.failed.job_ids[0].sudo()
        created = fields.Datetime.now() - timedelta(seconds=90)
        job.write({"state": "pending", "eta": False, "date_created": created})
        self.handler.invalidate_recordset()
        self.assertEqual(self.handler.waiting_count, 1)
        self.assertEqual(self.handler.waiting_since, created)
        self.assertGreaterEqual(self.handler.waiting_seconds, 90)
        # a retry that is not due does not mean that the handler is behind
        job.eta = fields.Datetime.now() + timedelta(hours=1)
        self.handler.invalidate_recordset()
        self.assertEqual(self.handler.waiting_count, 1)
        self.assertFalse(self.handler.waiting_since)

    def test_payload_and_error_on_one_screen(self):
        job = self.failed.job_ids.sorted("id")[0]
        form = Form(job, "mqtt_listener.mqtt_dead_letter_view_form")
        self.assertEqual(form.mqtt_payload_view, '{\n  "state": "on"\n}')
        self.assertIn("unknown machine", form.exc_message)

    def test_a_correction_that_is_not_json_is_named_while_typing(self):
        as_json, as_text = self.failed.job_ids.sorted("id")
        form = Form(self.env["mqtt.correction"].with_context(default_job_id=as_json.id))
        self.assertFalse(form.payload_warning)
        form.payload = '{"state": }'
        self.assertIn("column 11", form.payload_warning)
        form.payload = '{"state": "off"}'
        self.assertFalse(form.payload_warning)
        form = Form(self.env["mqtt.correction"].with_context(default_job_id=as_text.id))
        form.payload = "off"
        self.assertFalse(form.payload_warning)

    def test_the_button_counts_jobs_that_have_not_ended(self):
        message = self.failed[0]
        self.assertEqual(message.job_count, 1)
        message.job_ids.sudo().state = "done"
        message.invalidate_recordset()
        self.assertEqual(message.job_count, 0)

    def test_a_job_of_messages_cannot_be_set_to_done_on_its_form(self):
        arch = self.env["queue.job"].get_view(
            self.env.ref("queue_job.view_queue_job_form").id
        )["arch"]
        button = arch.split('name="button_done"')[1].split("/>")[0]
        self.assertIn('invisible="mqtt_service_id or state not in', button)
