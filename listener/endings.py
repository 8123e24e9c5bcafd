# Copyright 2026 mqtt_listener contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""What connections that end soon, one after the other, say together."""

from __future__ import annotations

import time

from ..broker.problem import Problem

LASTING = 60.0  # seconds after which a connection was good, and the next need not wait
SHORT_LIVED = 3  # in a row, each after a good login, until another client is suspected


class Endings:
    """Counts how often connections ended.

    :ivar failures: in a row, for the wait before the next; a login that is followed by
        the end is no success.
    """

    def __init__(self) -> None:
        self.failures = 0
        self._connected_at: float | None = None
        self._short_lived = 0

    def connected(self) -> None:
        """The broker has accepted the login."""
        self._connected_at = time.monotonic()

    def ended(self, problem: Problem | None, *, is_clue: bool) -> Problem | None:
        """The connection is over, or there was none.

        :param is_clue: whether this end helps to find what it is that ends them: the
            next connection is to be soon, then.
        :return: the problem, or what its repetition says.
        """
        since, self._connected_at = self._connected_at, None
        if since is not None and time.monotonic() - since >= LASTING:
            self.failures = self._short_lived = 0
        elif since is not None and problem and problem.code == "lost":
            self._short_lived += 1
        else:
            self._short_lived = 0
        self.failures = 1 if is_clue else self.failures + 1
        if self._short_lived >= SHORT_LIVED and not is_clue:
            return Problem("short_lived", str(self._short_lived))
        return problem
