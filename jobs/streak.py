# Copyright 2026 mqtt_listener contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""How often a handler has failed in a row, in this run and before."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass
class Streak:
    """Failures of one handler since it last succeeded.

    :param handler: an ``mqtt.handler``.
    """

    handler: object

    def __post_init__(self) -> None:
        # Read once: the rollback of a message that failed empties the cache.
        self._after = self.handler.suspend_after
        self._most_waiting = self.handler.suspend_waiting
        self._before = self._count = self.handler.failures_in_row
        self._waiting: int | None = None

    def add(self) -> None:
        """A message failed, and has a job of its own."""
        self._count += 1
        if self._waiting is None:
            self._waiting = self.handler._count_own_jobs()
        else:
            self._waiting += 1

    def end(self) -> None:
        """A message was handled."""
        self._count = 0

    @property
    def is_too_long(self) -> bool:
        """Whether the handler should be suspended."""
        after, waiting = self._after, self._most_waiting
        if not self._waiting:
            return False
        return bool(after and self._count >= after) or bool(
            waiting and self._waiting >= waiting
        )

    def save(self) -> None:
        """Leave the count to later runs, or suspend the handler."""
        if self._count != self._before:
            self.handler._save_failures_in_row(self._count)
        if self.is_too_long:
            self.handler._suspend()
