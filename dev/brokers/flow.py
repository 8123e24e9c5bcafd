# Copyright 2026 mqtt_listener contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""Numbered and equal messages to a topic, and what became of them."""

import threading
import time

from ..process import wait_until
from ..publisher import Publisher
from .broker import Broker
from .stage import Service

EVERY = 5  # one of so many messages is an equal one
EQUAL = b"ON"
STALLED_SECONDS = 30  # without progress, after which what is missing is lost
QUIET_SECONDS = 2  # without change, after which nothing more is coming
COUNTS = """
    SELECT count(*), count(DISTINCT payload) FILTER (WHERE payload <> 'ON'),
           count(*) FILTER (WHERE payload = 'ON')
      FROM mqtt_signal_history
     WHERE service_id = %s AND topic = %s AND direction = 'receive'
"""


class Flow:
    """Messages of one topic.

    Its publisher speaks to the broker directly, and again to one that was killed:
    what the broker has acknowledged is not published twice.
    """

    def __init__(self, broker: Broker, service: Service, topic: str) -> None:
        self.broker, self.service, self.topic = broker, service, topic
        self.published = 0
        self._thread: threading.Thread | None = None

    def publish(self, count: int) -> None:
        """Publish so many more, and wait until the broker has them."""
        first = self.published
        topic = self.topic.encode()
        publisher = Publisher(
            self.broker.host, self.broker.port, lambda n: (topic, _payload(first + n))
        )
        publisher.publish(count)
        publisher.close()
        self.published += count

    def begin(self, count: int) -> None:
        """Publish so many more in the background."""
        self._thread = threading.Thread(target=self.publish, args=[count], daemon=True)
        self._thread.start()

    def wait_published(self) -> None:
        """Wait until the broker has what was begun."""
        self._thread.join()

    def counts(self) -> "tuple[int, int, int]":
        """Messages stored; numbers among them, each counted once; equal ones."""
        return self.service.stage.one(COUNTS, self.service.id, self.topic)

    def wait_stored(self, count: int) -> None:
        """Wait until so many are stored."""
        wait_until(
            lambda: self.counts()[0] >= count, 60, f"{count} messages are not stored"
        )

    def settle(self) -> "tuple[int, int, int]":
        """Wait until nothing more comes.

        :return: messages stored, lost and doubled.
        """
        quiet = QUIET_SECONDS + 2 * self.broker.resend_seconds
        seen, since = None, time.monotonic()
        while True:
            now = (*self.counts(), self._waiting())
            if now != seen:
                seen, since = now, time.monotonic()
            stored, different, equal, waiting = now
            lost, doubled = self.verdict(stored, different, equal)
            is_complete = not (lost or waiting)
            if time.monotonic() - since > (quiet if is_complete else STALLED_SECONDS):
                return stored, lost, doubled
            time.sleep(0.1)

    def verdict(self, stored: int, different: int, equal: int) -> "tuple[int, int]":
        """What is lost and doubled.

        :param stored: messages in history.
        :param different: numbers among them, each counted once.
        :param equal: equal messages among them.
        """
        expected = -(-self.published // EVERY)  # of the equal ones
        missing = self.published - expected - different, max(0, expected - equal)
        extra = stored - equal - different, max(0, equal - expected)
        return sum(missing), sum(extra)

    def _waiting(self) -> int:
        sql = "SELECT count(*) FROM mqtt_batch WHERE service_id = %s"
        return self.service.stage.one(sql, self.service.id)[0]


def _payload(number: int) -> bytes:
    return b"%d" % number if number % EVERY else EQUAL
