# Copyright 2026 mqtt_listener contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
from odoo.tests import tagged

from odoo.addons.queue_job.exception import FailedJobError

from .test_handler import HandlerCase


@tagged("post_install", "-at_install")
class TestMessageState(HandlerCase):
    """The state of a message, of many, and the messages of a state are one thing."""

    def messages(self):
        """One or more of each way to be in a state, received and sent."""
        self.limit(storing_job_seconds=0)

        def on_failed(self, message):
            raise FailedJobError("never")

        def on_retried(self, message):
            raise ValueError("not now")

        def on_done(self, message):
            pass

        self.declare("plant/failed", on_failed, name="_on_failed")
        self.declare("plant/retried", on_retried, name="_on_retried")
        handler = self.declare("plant/done", on_done, name="_on_done")
        for topic in ("failed", "failed", "retried", "done", "done", "other"):
            self.mqtt_receive(f"plant/{topic}")
        received = self.env["mqtt.signal.history"].search(
            [("service_id", "=", self.service.id)], order="sequence"
        )
        received[0].job_ids.button_cancelled()
        gaps = received[3:].filtered("has_handlers").mapped("sequence")
        self.env["mqtt.dispatch"]._put(self.service, handler, gaps[:1], "root", 10)
        sent = [self.service.mqtt_publish("plant/out", text) for text in "abc"]
        jobs = [self.job_of(message) for message in sent]
        jobs[0].state = "failed"
        jobs[1].button_cancelled()

    def job_of(self, message):
        outgoing = self.env["mqtt.outbox"].search([("message_id", "=", message.id)])
        return self.env["queue.job"].search([("uuid", "=", outgoing.job_uuid)])

    def test_alike(self):
        self.messages()
        history = self.env["mqtt.signal.history"]
        of_service = [("service_id", "=", self.service.id)]
        everything = history.search(of_service)
        by_state = everything.grouped("state")
        self.assertEqual(set(by_state), set(dict(history._fields["state"].selection)))
        for state, messages in by_state.items():
            with self.subTest(state):
                asked = [*of_service, ("state", "=", state)]
                self.assertEqual(history.search(asked), messages)
                others = [*of_service, ("state", "!=", state)]
                self.assertEqual(history.search(others), everything - messages)
        open_ = [*of_service, ("state", "in", ["failed", "retrying", "queued"])]
        self.assertEqual(
            history.search(open_),
            everything.filtered(
                lambda message: message.state in ("failed", "retrying", "queued")
            ),
        )
        groups = history._read_group(of_service, ["state"], ["__count"])
        self.assertEqual(
            dict(groups), {state: len(found) for state, found in by_state.items()}
        )
