# Copyright 2026 mqtt_listener contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""Everything on one processor: PostgreSQL, broker, listener, runner, workers."""

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from . import steady
from .database import OPEN, Database
from .found import Found, Scale, quantile
from .processor import tree
from .stage import Stage

RATE = 100  # messages a second
LOOK_SECONDS = 0.5  # between two looks at the jobs that wait
NOTED = "SELECT count(*) FROM mqtt_bench_note"
WAITING = "SELECT count(*) FROM queue_job WHERE state IN ('pending', 'enqueued')"


def run(stage: Stage, scale: Scale) -> Found:
    """Delay from publishing until the handler has committed; jobs that waited."""
    on, count = stage.empty, int(RATE * scale.long_seconds)
    topic = steady.topics_below(f"{on.prefix}/noted")
    with _on_one_core(stage):
        warm_up = RATE * 2
        for count_ in (warm_up, count):
            on.do("TRUNCATE mqtt_bench_note")
            with JobsWaiting(stage, on) as jobs:
                sent = steady.publish(stage, topic, count_, RATE)
                on.wait(NOTED, count_, step=LOOK_SECONDS)
        on.wait_none(OPEN)
    delays = steady.delays_noted(on, sent)
    ratios = {
        "one_core_delay_p99": quantile(delays, 0.99),
        "one_core_jobs": jobs.most,
    }
    details = {"delay p50 s": round(quantile(delays, 0.5), 3), "messages": count}
    return Found(ratios, {"one core": details})


class JobsWaiting(threading.Thread):
    """Looks at the jobs that wait for a worker, for as long as a block lasts.

    :ivar most: the most that waited at a time.
    """

    def __init__(self, stage: Stage, on: Database) -> None:
        super().__init__(daemon=True)
        self._connection = stage.postgres.connect(on.name)
        self._ended = threading.Event()
        self.most = 0

    def __enter__(self) -> "JobsWaiting":
        self.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self._ended.set()
        self.join()
        self._connection.close()

    def run(self) -> None:
        cursor = self._connection.cursor()
        while not self._ended.wait(LOOK_SECONDS):
            cursor.execute(WAITING)
            self.most = max(self.most, cursor.fetchone()[0])


@contextmanager
def _on_one_core(stage: Stage) -> Iterator[None]:
    """All servers on the first processor, this process on the others if there are."""
    everywhere = os.sched_getaffinity(0)
    one = {min(everywhere)}
    _pin(stage, one)
    os.sched_setaffinity(0, everywhere - one or one)
    try:
        yield
    finally:
        os.sched_setaffinity(0, everywhere)
        _pin(stage, everywhere)


def _pin(stage: Stage, cores: set[int]) -> None:
    """Until nothing new turns up: a thread that starts has its starter's processors."""
    pinned: set[int] = set()
    while new := _threads(stage) - pinned:
        for thread in new:
            with suppress(ProcessLookupError):
                os.sched_setaffinity(thread, cores)
        pinned |= new


def _threads(stage: Stage) -> set[int]:
    roots = stage.odoo.pid, stage.postgres.pid, stage.broker.pid
    return {
        int(task.name)
        for root in roots
        for pid in tree(root)
        for task in Path(f"/proc/{pid}/task").glob("[0-9]*")
    }
