"""How long the last acknowledgement is held back for the next message."""

from __future__ import annotations

from dataclasses import dataclass

LONGEST_SECONDS = 0.5
SHORTEST_SECONDS = 0.05
SOON_SECONDS = 0.02  # after an acknowledgement: the broker had waited for it


@dataclass
class AckHold:
    """Learns whether the broker sends on while it waits for an acknowledgement.

    Where it does, the next message lets the acknowledgement go, and nothing is lost by
    waiting for it. Where its window is used up, each wait costs a message its time: one
    that follows an acknowledgement at once shows that.

    :ivar seconds: of quiet, after which a round trip lets the acknowledgement go.
    """

    seconds: float = LONGEST_SECONDS
    _released_at: float = float("-inf")

    def received(self, now: float, is_held: bool) -> None:
        """Messages came.

        :param now: seconds of any clock.
        :param is_held: whether an acknowledgement was held back then.
        """
        if is_held:
            self.seconds = min(LONGEST_SECONDS, self.seconds * 2)
        elif now - self._released_at <= SOON_SECONDS:
            self.seconds = max(SHORTEST_SECONDS, self.seconds / 2)

    def released(self, now: float) -> None:
        """It was let go, and nothing was committed that would have done so."""
        self._released_at = now
