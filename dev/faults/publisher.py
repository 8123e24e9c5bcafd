# Copyright 2026 mqtt_listener contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""Publishes numbered and equal messages at QoS 1, and knows how many the broker has."""

import threading
import time
from collections.abc import Iterable

from paho.mqtt import client as paho

from ..process import wait_until

NUMBERS = "faults/numbers"  # 0, 1, 2 …
EQUAL = "faults/equal"  # a machine that says ON
EVERY = 5  # one of so many messages is an equal one
BEAT = 0.02


class Publisher:
    """A client that survives its broker.

    :param rate: messages a second.
    """

    def __init__(self, host: str, port: int, rate: float) -> None:
        self.rate = rate
        self.numbers = self.equal = 0
        self._due = 0
        self._acknowledged = 0
        self._held = threading.Event()
        self._client = paho.Client(
            paho.CallbackAPIVersion.VERSION2,
            client_id="faults-publisher",
            clean_session=False,
        )
        self._client.reconnect_delay_set(1, 1)
        self._client.on_publish = self._on_publish
        self._client.max_inflight_messages_set(200)
        self._client.connect(host, port, keepalive=120)
        self._client.loop_start()
        threading.Thread(target=self._run, daemon=True).start()

    @property
    def sent(self) -> int:
        """Messages handed to the client so far."""
        return self.numbers + self.equal

    @property
    def left(self) -> int:
        """Messages of this round that are still to be sent."""
        return self._due - self.sent

    def publish(self, count: int) -> None:
        """Publish so many more, in the background."""
        self._due = self.sent + count

    def wait_left(self, left: int) -> None:
        """Wait until no more than so many of this round are to be sent."""
        wait_until(lambda: self.left <= left, 600, "the publisher stands", step=BEAT)

    def wait_acknowledged(self) -> None:
        """Wait until the broker has all that was sent."""
        wait_until(
            lambda: self._acknowledged >= self.sent,
            300,
            "the broker does not take all messages",
            step=BEAT,
        )

    def hold(self) -> None:
        """Send nothing for now, and wait until the broker has what was sent.

        A broker that dies before its PUBACK gets a message twice, from its publisher:
        that is what QoS 1 is, and would be counted against the listener.
        """
        self._held.set()
        time.sleep(2 * BEAT)  # the thread below has seen it
        self.wait_acknowledged()

    def go_on(self) -> None:
        """Send again."""
        self._held.clear()

    def close(self) -> None:
        """Disconnect."""
        self._due = 0
        self._client.disconnect()
        self._client.loop_stop()

    def _run(self) -> None:
        while True:
            time.sleep(BEAT)
            if self._held.is_set():
                continue
            for topic, payload in self._next(min(self.left, int(self.rate * BEAT))):
                self._client.publish(topic, payload, qos=1)

    def _next(self, count: int) -> Iterable[tuple[str, str]]:
        for _ in range(count):
            if self.sent % EVERY == 0:
                self.equal += 1
                yield EQUAL, "ON"
            else:
                self.numbers += 1
                yield NUMBERS, str(self.numbers - 1)

    def _on_publish(self, *_arguments: object) -> None:
        self._acknowledged += 1
