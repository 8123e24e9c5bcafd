# Copyright 2026 mqtt_listener contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""How often jobs are made: what they cost is bounded, and so is the delay.

No clock of its own: who asks says what time it is, in seconds of any clock.
"""

from __future__ import annotations

from dataclasses import dataclass

BURST = 4  # jobs that may follow each other at once when all was quiet
OVERHEAD_SECONDS = 0.02  # of a processor for a job: runner, HTTP and transactions


@dataclass
class Pacer:
    """A few jobs at once, then so many a second (a token bucket).

    :param share: of one processor that jobs may take, whatever is in them.
    :param max_delay: seconds that a message waits for its job, at most.
    """

    share: float
    max_delay: float

    def __post_init__(self) -> None:
        self._due = float("-inf")  # when the bucket is full again
        self.measured(0.0)

    def measured(self, seconds: float) -> None:
        """So many seconds does a job take, besides what queue_job needs for it."""
        self._interval = (OVERHEAD_SECONDS + seconds) / self.share

    def delay(self, now: float, since: float) -> float:
        """Seconds until a job may be made for what waits since then."""
        allowed = self._due - (BURST - 1) * self._interval
        return max(0.0, min(allowed, since + self.max_delay) - now)

    def spend(self, now: float) -> None:
        """A job is made."""
        self._due = max(self._due, now) + self._interval
