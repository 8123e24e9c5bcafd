# Copyright 2026 mqtt_listener contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""Whether a connection lives, and what the broker has processed."""

from __future__ import annotations

import math
from collections.abc import Callable

from ..broker.client import Client
from ..broker.problem import ConnectionEnded, Problem
from ..broker.settings import ServiceSettings
from .inbox import Delivery, Inbox
from .reception import Reception
from .subscriber import PROBE_FILTER
from .window import Window

BEAT_SECONDS = 0.5  # between two looks at the clock
IDLE_BEAT_SECONDS = 5.0  # the same, at most, while nothing is awaited
PROBE_INTERVAL_SECONDS = 1.0  # between two that confirm acknowledgements
PROBE_TIMEOUT_SECONDS = 10.0  # of silence after which a probed connection is dead
HELD_TIMEOUT_SECONDS = 2.0  # that a redelivered sequence waits for its rest


class Heartbeat:
    """Sends probes on one connection: round trips that change nothing.

    A probe unsubscribes a filter that is not subscribed. Its answer proves that the
    connection lives, and that the broker has processed all that was sent before it,
    acknowledgements included.

    Times are seconds of a monotonic clock.

    :param client: of the connection.
    :param settings: of the service.
    :param inbox: is not read into while it is full.
    :param reception: whose acknowledgements are confirmed.
    :param window: says how long an acknowledgement is held back.
    :param now: when the connection was opened.
    :param check: called with return codes of the client; raises when they say that the
        connection is over.
    :param changed: called when an acknowledgement was confirmed and the next is held.
    :ivar read_at: when the socket was last read.
    """

    def __init__(
        self,
        client: Client,
        settings: ServiceSettings,
        inbox: Inbox,
        reception: Reception,
        window: Window,
        now: float,
        *,
        check: Callable[[int], None],
        changed: Callable[[], None],
    ):
        self.read_at = now
        self._client = client
        self._settings = settings
        self._inbox = inbox
        self._reception = reception
        self._window = window
        self._check = check
        self._changed = changed
        self._probed_at: float | None = None  # while an answer is awaited
        self._last_probe = -math.inf
        self._probes: dict[int, tuple[int, Delivery] | None] = {}  # by packet id

    @property
    def is_probing(self) -> bool:
        """Whether the answer to a probe is awaited."""
        return self._probed_at is not None

    def patience(self, *, is_awaiting: bool) -> float:
        """Seconds until the clock has to be looked at.

        :param is_awaiting: whether something else depends on the time.
        """
        if self._reception.holds_ack:
            return self._window.hold_seconds
        if (
            is_awaiting
            or self.is_probing
            or self._reception.is_holding
            or self._reception.has_to_confirm
            or self._inbox.is_full
        ):
            return BEAT_SECONDS
        # Keep-alives may be late by a fourth; a broker waits half as long again.
        keepalive = self._client.keepalive or math.inf
        shortest = min(keepalive, self._settings.inactivity_timeout)
        return min(IDLE_BEAT_SECONDS, max(BEAT_SECONDS, shortest / 4))

    def beat(self, now: float) -> None:
        """Do what depends on time alone.

        :raise ConnectionEnded: when the connection is over.
        """
        if self._inbox.is_full:
            self.read_at = now  # what is not read says nothing of the connection
            self._keep_alive(now)
            return
        self._check(self._client.loop_misc())
        silent = now - self.read_at
        if (
            self._probed_at is not None
            and min(silent, now - self._probed_at) > PROBE_TIMEOUT_SECONDS
        ):
            raise ConnectionEnded(Problem("silent"))
        if self._reception.is_holding and silent > HELD_TIMEOUT_SECONDS:
            self._reception.release_held()
        if not self.is_probing and silent >= self._settings.inactivity_timeout:
            self._probe(now)

    def confirm(self, now: float, *, is_stopping: bool) -> None:
        """Ask what the broker has processed, when traffic does not tell.

        :raise ConnectionEnded: when the connection is over.
        """
        if (
            self.is_probing
            or self._inbox.unfinished
            or not self._reception.has_to_confirm
        ):
            return
        is_quiet = is_stopping or now >= self.read_at + self._window.hold_seconds
        if now >= self._last_probe + PROBE_INTERVAL_SECONDS or (
            is_quiet and self._reception.holds_ack
        ):
            self._probe(now)

    def answered(self, packet_id: int) -> bool:
        """Whether this UNSUBACK answers a probe, which then is no longer awaited."""
        if packet_id not in self._probes:
            return False
        self._probed_at = None
        self._reception.confirmed(self._probes.pop(packet_id))
        if self._reception.holds_ack:
            self._changed()
        return True

    def _keep_alive(self, now: float) -> None:
        """Be heard, while the answers wait unread and paho would miss its PINGRESP."""
        keepalive = self._client.keepalive  # the broker may have asked for its own
        if keepalive and now >= self._last_probe + keepalive / 2:
            self._probe(now)

    def _probe(self, now: float) -> None:
        acked, self._reception.last_acked = self._reception.last_acked, None
        self._probed_at = self._last_probe = now
        code, packet_id = self._client.unsubscribe(PROBE_FILTER)
        self._check(code)
        if packet_id is not None:
            self._probes[packet_id] = acked
