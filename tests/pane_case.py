# Copyright 2026 mqtt_listener contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""Messages of one topic, and what its pane reads of them."""

import json

from .common import MqttCase

MICROSECOND = 1
SECOND = 1_000_000
NOW = 1_767_268_800 * SECOND  # 2026-01-01 12:00:00


def as_sent(data):
    """What a browser makes of an answer; it knows no NaN."""
    return json.loads(json.dumps(data, allow_nan=False))


class Receiving:
    def receive_all(self, *payloads, topic="plant/1", step=SECOND, **values):
        """Messages with these payloads, a step apart."""
        return self.receive(
            *(
                self.message(topic, payload, timestamp=NOW + at * step, **values)
                for at, payload in enumerate(payloads)
            )
        )


class PaneCase(Receiving, MqttCase):
    def service_of(self, user=None):
        self.env.flush_all()
        self.env.invalidate_all()
        return self.service.with_env(self.env(user=user or self.env.user))

    def value(self, message=None, topic="plant/1", user=None):
        return as_sent(self.service_of(user).topic_value(topic, message and message.id))

    def lines(self, **options):
        return self.value(**options)["message"]["lines"]
