# Copyright 2026 mqtt_listener contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""Topics that are noted in the test's own transaction."""

from contextlib import contextmanager
from unittest.mock import patch

from odoo import SUPERUSER_ID

from .common import MqttCase

MODELS = "odoo.addons.mqtt_listener.models."
OWN_TRANSACTIONS = (
    "service.live",
    "topic.mqtt_live",
    "topic.noting",
    "topic.retention",
)


@contextmanager
def _no_own_transaction(env, _failure=None):
    env.flush_all()
    yield env(user=SUPERUSER_ID, su=True)


class TopicCase(MqttCase):
    def setUp(self):
        super().setUp()
        for name in OWN_TRANSACTIONS:
            patcher = patch(f"{MODELS}{name}.own_transaction", _no_own_transaction)
            patcher.start()
            self.addCleanup(patcher.stop)

    def note(self, *topics, service=None, **values):
        """Receive a message on each topic, and note them."""
        messages = [self.message(topic, **values) for topic in topics]
        self.note_messages(*messages, service=service)

    def note_messages(self, *messages, service=None):
        service = service or self.service
        self.receive(*messages, service=service)
        self.env["mqtt.topic"]._note(service)

    def topics(self, service=None):
        return self.env["mqtt.topic"].search(
            [("service_id", "=", (service or self.service).id)], order="topic"
        )
