# Copyright 2026 mqtt_listener contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""Who hears what is published."""

from dev.servers import wait_until
from dev.subscriber import TIMEOUT, Subscriber


class Watcher(Subscriber):
    """Hears what is published to a topic while it is used as a context."""

    def __init__(self, broker, topic):
        super().__init__(broker, topic, qos=2)
        self.heard = []

    def on_message(self, _client, message):
        self.heard.append(message.payload.decode())

    def wait(self, *payloads):
        wait_until(
            lambda: self.heard == list(payloads), TIMEOUT, f"not {payloads}: {self}"
        )

    def __str__(self):
        return f"heard {self.heard}"
