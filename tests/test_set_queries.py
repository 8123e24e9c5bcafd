# Copyright 2026 mqtt_listener contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""What is done for thousands of messages takes as many queries as for a few."""

from odoo.tests import mute_logger, tagged

from ..jobs.gone import GONE
from .test_dispatch import DispatchCase

FEW, MANY = 2, 60


@tagged("post_install", "-at_install")
class TestSetQueries(DispatchCase):
    def setUp(self):
        super().setUp()
        self.limit(storing_job_seconds=0)

    def received(self, count):
        """So many messages more, each for the handler."""
        first = len(self.messages)
        self.store(*(str(first + number) for number in range(count)))
        return self.messages[first:]

    def queries(self, prepare, action):
        """How many queries an action takes for few, and for many."""
        counts = []
        for count in (FEW, FEW, MANY):  # the first fills caches
            subject = prepare(count)
            self.env.flush_all()
            self.env.invalidate_all()
            before = self.cr.sql_log_count
            action(subject)
            self.env.flush_all()
            counts.append(self.cr.sql_log_count - before)
        return counts[1:]

    def assert_constant(self, prepare, action):
        few, many = self.queries(prepare, action)
        self.assertLessEqual(many, few + 2, "queries grow with the messages")

    def failed(self, count):
        """Failed messages of the handler, because it was not there."""
        messages = self.received(count)
        self.env["mqtt.dispatch"].search([]).unlink()
        messages._enqueue_failed([(self.handler, one, None) for one in messages])
        jobs = messages.job_ids
        with mute_logger("odoo.addons.mqtt_listener"):
            jobs.write({"state": "failed", "exc_name": GONE, "exc_message": "gone"})
        return jobs

    def test_resume(self):
        def suspended(count):
            self.handler._suspend()
            for _batch in range(count):  # a row for each
                self.store("x")

        self.assert_constant(suspended, lambda _none: self.handler.action_resume())

    def test_a_handler_that_is_there_again(self):
        self.assert_constant(self.failed, lambda _jobs: self.handler._requeue_gone())

    def test_a_handler_that_is_deleted(self):
        self.assert_constant(self.failed, lambda _jobs: self.handler._cancel_jobs())

    def test_a_replay_of_selected_messages(self):
        def start(messages):
            messages.action_replay()
            self.env["mqtt.replay"].search([], limit=1).action_start()

        self.assert_constant(self.received, start)
