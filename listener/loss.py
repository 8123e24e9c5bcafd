# Copyright 2026 mqtt_listener contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""Something that fails again and again: the log says so once, until it is over."""

from __future__ import annotations

import logging
import time

from .blame import is_away


class Loss:
    """What is tried again until it succeeds.

    :param logger: of the module that tries.
    :param what: begins the line about a failure: ``…: no jobs are made``.
    :param over: the line that says that it succeeds again; empty for none.
    :ivar error: of the first try that failed, ``None`` when the last succeeded.
    :ivar since: when that was, in seconds since 1970.
    """

    def __init__(self, logger: logging.Logger, what: str, over: str = ""):
        self._logger = logger
        self._what = what
        self._over = over
        self.error: Exception | None = None
        self.since = 0.0

    @property
    def is_on(self) -> bool:
        """Whether the last try failed."""
        return self.error is not None

    def begin(self, error: Exception) -> None:
        """A try failed. A traceback is logged unless the database is away."""
        if self.is_on:
            return
        self._logger.warning(
            "%s, trying again: %s",
            self._what,
            str(error).strip() or type(error).__name__,
            exc_info=None if is_away(error) else error,
        )
        # Without its frames, which would keep what they hold.
        self.error, self.since = error.with_traceback(None), time.time()

    def end(self) -> None:
        """A try succeeded."""
        if self.is_on:
            self.error = None
            if self._over:
                self._logger.info("%s", self._over)
