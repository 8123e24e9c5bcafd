# Copyright 2026 mqtt_listener contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""When to try again: a pure function, so that nobody has to wait to test it."""

from __future__ import annotations

from dataclasses import dataclass

JITTER = 0.1  # share of the delay by which it may be shorter


@dataclass(frozen=True)
class Backoff:
    """Delays that grow by a factor up to a limit.

    :param minimum: seconds before the first try.
    :param maximum: seconds, never exceeded.
    :param factor: what each failure multiplies the delay by, at least 1.
    """

    minimum: float = 5.0
    maximum: float = 300.0
    factor: float = 1.5

    def delay(self, failures: int, jitter: float = 0.0) -> float:
        """Seconds to wait after ``failures`` failures in a row.

        :param failures: how often it failed since the last success, from 1.
        :param jitter: a random number from 0 to 1: takes up to a tenth off, so that
            many services do not fall on a broker that comes back in one moment.
        """
        if failures < 1:
            return 0.0
        delay = self.minimum
        for _ in range(failures - 1):
            delay *= self.factor
            if delay >= self.maximum or self.factor <= 1:
                break
        return min(delay, self.maximum) * (1 - JITTER * jitter)
