# Copyright 2026 mqtt_listener contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""Whether the broker waits for acknowledgements before it sends on.

How many messages it sends without an acknowledgement is known only where MQTT 5 tells
it (Receive Maximum, section 4.9), and many brokers have a smaller bound of their own.
A broker whose window is used up shows itself: what it sends next follows an
acknowledgement at once.
"""

from __future__ import annotations

from dataclasses import dataclass

LONGEST_SECONDS = 0.5
SHORTEST_SECONDS = 0.001
SOON_SECONDS = 0.02  # after the last acknowledgement: the broker had waited for it
AT_ONCE_SECONDS = 0.002  # after some: the broker had waited for one of them
WEIGHT = 0.2  # of one observation
MOSTLY = 0.8  # of acknowledgements that are followed at once


@dataclass
class Window:
    """Learns from when messages come and acknowledgements go, for one connection.

    Times are seconds of any clock.

    :ivar hold_seconds: of quiet, after which a round trip lets the acknowledgement go
        that is held back. Where the broker sends on meanwhile, the next message lets it
        go, and waiting for that costs nothing. Where it does not, each wait costs a
        message its time.
    """

    hold_seconds: float = LONGEST_SECONDS
    _in_flight: int = 0
    _most: int = 0  # that were in flight
    _followed: float = 0.0  # share of acknowledgements that messages followed at once
    _acknowledged_at: float | None = None  # until a message follows
    _released_at: float = float("-inf")

    @property
    def is_used_up(self) -> bool:
        """Whether nothing more is to be expected before an acknowledgement."""
        return self._in_flight >= self._most and self._followed > MOSTLY

    def received(self, now: float, count: int, *, is_held: bool) -> None:
        """Messages came, one or more.

        :param is_held: whether an acknowledgement was held back then.
        """
        self._in_flight += count
        self._most = max(self._most, self._in_flight)
        if self._acknowledged_at is not None:
            is_at_once = now - self._acknowledged_at <= AT_ONCE_SECONDS
            self._followed += WEIGHT * (is_at_once - self._followed)
            self._acknowledged_at = None
        if is_held:
            self.hold_seconds = min(LONGEST_SECONDS, self.hold_seconds * 2)
        elif now - self._released_at <= SOON_SECONDS:
            self.hold_seconds = max(SHORTEST_SECONDS, self.hold_seconds / 2)

    def acknowledged(self, now: float, count: int) -> None:
        """Acknowledgements were sent."""
        self._in_flight -= count
        self._acknowledged_at = now

    def released(self, now: float) -> None:
        """What was held back was let go, and nothing was committed that let it go."""
        self._released_at = now
