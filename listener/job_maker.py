# Copyright 2026 mqtt_listener contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""The thread of a database that makes jobs for what waits to be stored.

Batches are durable before it learns of them, and a job takes all that waits when it
runs. So a job is made after the batches that it is for, never with them: one that waits
already may have begun, one made later has not.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Collection
from dataclasses import dataclass

from ..broker.problem import Problem
from ..mqtt.log import get_logger
from ..mqtt.wording import name_error, short_line
from .blame import is_away
from .bridge import Bridge
from .loss import Loss
from .pacer import Pacer

_logger = get_logger(__name__)

FULL_MESSAGES = 1_000  # for which a job is made whatever jobs cost
BUSY_SECONDS = 0.25  # until it is asked again whether jobs that waited have begun
BUSY_AT_ONCE_SECONDS = 0.02  # at first, for messages that must not wait for others
RETRY_SECONDS = 1.0  # between two tries at a database that is away


@dataclass
class Waiting:
    """What waits of a service.

    :param since: when the first of it came, on the monotonic clock.
    """

    since: float
    messages: int = 0
    at_once: bool = False

    def add(self, other: Waiting) -> None:
        """More waits."""
        self.since = min(self.since, other.since)
        self.messages += other.messages
        self.at_once |= other.at_once


class JobMaker(threading.Thread):
    """Makes jobs at the pace that the node allows, until it is stopped.

    :param bridge: to the database.
    :param pacer: when a job may be made.
    """

    def __init__(self, bridge: Bridge, pacer: Pacer):
        super().__init__(name=f"mqtt-jobs-{bridge.dbname}", daemon=True)
        self.dbname = bridge.dbname  # for Odoo's log
        self._bridge = bridge
        self._pacer = pacer
        self._waiting: dict[int, Waiting] = {}  # by service id
        self._not_before = 0.0
        self._busy = 0.0  # seconds, see _seconds_busy
        self._loss = Loss(_logger, "no jobs are made", "jobs are made again")
        self._stopping = False
        self._changed = threading.Condition()

    def add(self, service_id: int, messages: int = 0, *, at_once: bool = False) -> None:
        """Messages of a service are durable, or may be from an earlier process.

        :param at_once: whether one of them must not wait for others.
        """
        new = Waiting(time.monotonic(), messages, at_once)
        with self._changed:
            is_first = not self._waiting
            waiting = self._put(service_id, new)
            if is_first or _is_due(waiting):
                self._changed.notify()

    def stop(self) -> None:
        """Make jobs for what waits, then end. Returns at once."""
        with self._changed:
            self._stopping = True
            self._changed.notify()

    @property
    def problem(self) -> tuple[Problem, float] | None:
        """Why no jobs are made, and since when (seconds since 1970); nothing while the
        database is away, which says so itself.
        """
        error = self._loss.error
        if error is None or is_away(error):
            return None
        return Problem("jobs", short_line(name_error(error))), self._loss.since

    def run(self) -> None:
        is_last = False
        while not is_last:
            is_last = self._stopping  # what waits after it, the next listener takes
            try:
                self._turn()
            except Exception as error:  # noqa: BLE001
                # A guard: nothing is stored for as long as no jobs are made.
                self._loss.begin(error)
                with self._changed:
                    self._changed.wait_for(lambda: self._stopping, RETRY_SECONDS)

    def _turn(self) -> None:
        """Make the jobs that are due next.

        :raise Exception: when that failed; then all waits that did before.
        """
        taken = self._take()
        left = taken
        try:
            if taken:
                left = self._make_jobs(taken)
                self._loss.end()
        finally:
            self._put_back(left)

    def _put(self, service_id: int, waiting: Waiting) -> Waiting:
        known = self._waiting.setdefault(service_id, waiting)
        if known is not waiting:
            known.add(waiting)
        return known

    def _take(self) -> dict[int, Waiting]:
        """What a job is due for, waiting for it; nothing at the end."""
        with self._changed:
            while not self._stopping:
                left = self._seconds_left() if self._waiting else None
                if left is not None and left <= 0:
                    break
                self._changed.wait(left)
            taken, self._waiting = self._waiting, {}
        return taken

    def _seconds_left(self) -> float:
        now, waiting = time.monotonic(), self._waiting.values()
        left = self._pacer.delay(now, min(one.since for one in waiting))
        if any(map(_is_due, waiting)):
            left = 0.0
        return max(left, self._not_before - now)

    def _make_jobs(self, taken: dict[int, Waiting]) -> dict[int, Waiting]:
        """Make a job; what is left to others that wait already is asked for again."""
        now = time.monotonic()
        done = self._bridge.enqueue_jobs(list(taken))
        left = {one: taken[one] for one in done["waiting"]}
        if len(left) < len(taken):
            self._pacer.spend(now)
        self._pacer.measured(done["seconds"] or 0.0)
        self._busy = _seconds_busy(left.values(), self._busy)
        self._not_before = now + self._busy
        return left

    def _put_back(self, taken: dict[int, Waiting]) -> None:
        with self._changed:
            for service_id, waiting in taken.items():
                self._put(service_id, waiting)


def _seconds_busy(left: Collection[Waiting], before: float) -> float:
    """Seconds until it is asked again about what is left to jobs that wait already.

    :param before: the same of the last time: jobs may be stuck, so that it grows.
    """
    if any(waiting.at_once for waiting in left):
        return min(2 * before or BUSY_AT_ONCE_SECONDS, BUSY_SECONDS)
    return BUSY_SECONDS if left else 0.0


def _is_due(waiting: Waiting) -> bool:
    """Whether a job is made for it whatever jobs cost."""
    return waiting.at_once or waiting.messages >= FULL_MESSAGES
