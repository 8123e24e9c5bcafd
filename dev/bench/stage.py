# Copyright 2026 mqtt_listener contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""The servers that all designs run on, and what is read of them."""

import os
import re
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from .. import paths
from ..console import say
from ..publisher import Publisher
from ..servers import Mosquitto, Odoo, Postgres
from .database import ITEMS, Database
from .payloads import PAYLOADS

EMPTY, FULL, MANY = "bench", "bench_full", "bench_many"
WORKERS = 3  # as many as jobs run at a time
CHANNELS = "root:4,root.mqtt:3,root.mqtt.ingest:2,root.mqtt.dispatch:1"
SETTINGS = {"track_commit_timestamp": "on"}  # says when a row was committed
TICKS = 100  # a second, in /proc/<pid>/stat


class Stage:
    """PostgreSQL, Mosquitto, prefork Odoo, and databases:
    one whose history is empty, one whose history is full, one with many handlers.
    """

    def __init__(self, postgres: Postgres, broker: Mosquitto, odoo: Odoo) -> None:
        self.postgres, self.broker, self.odoo = postgres, broker, odoo
        self.empty, self.full, self.many = (
            Database(name, odoo, postgres) for name in (EMPTY, FULL, MANY)
        )
        self.publisher = Publisher(broker.host, broker.port, lambda _: (b"", b""))

    def publish(self, topic: str, size: int, count: int) -> "Publishing":
        """Publish in the background to ``topic/<key>``; begun when this returns."""
        payload = PAYLOADS[size]

        def message(number: int) -> tuple[bytes, bytes]:
            return b"%s/%d" % (topic.encode(), number % ITEMS), payload(number)

        self.publisher.message = message
        return Publishing(self.publisher, count)

    @contextmanager
    def without_workers(self) -> Iterator[None]:
        """Freeze the workers that run jobs: alive, and not answering."""
        workers = self.processes_of("WorkerHTTP")
        for pid in workers:
            os.kill(pid, signal.SIGSTOP)
        try:
            yield
        finally:
            for pid in workers:
                os.kill(pid, signal.SIGCONT)

    def processes_of(self, kind: str) -> list[int]:
        """Living processes of Odoo, by the name of their class."""
        started = re.findall(rf"{kind} \((\d+)\) alive", self.odoo.log_text())
        return [pid for pid in map(int, started) if pid in self.odoo.processes()]


class Publishing(threading.Thread):
    """Messages on their way to the broker."""

    def __init__(self, publisher: Publisher, count: int) -> None:
        super().__init__(daemon=True)
        self._publisher, self._count = publisher, count
        self.begin = time.monotonic()
        self.start()

    def run(self) -> None:
        self._publisher.publish(self._count)


def cpu_seconds(pid: int, *, of_ended_children: bool = False) -> float:
    """What a process has used of the processors."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return sum(map(int, fields[11 : 15 if of_ended_children else 13])) / TICKS


def memory(pid: int) -> float:
    """Resident memory of a process, in MiB."""
    rollup = Path(f"/proc/{pid}/smaps_rollup").read_text()
    return int(re.search(r"Rss:\s+(\d+) kB", rollup)[1]) / 1024


@contextmanager
def stage() -> Iterator[Stage]:
    """Real servers, fresh databases."""
    folder = paths.OWN / "bench"
    # Of an earlier run: sessions for which the broker would queue each message.
    (folder / "mosquitto" / "mosquitto.db").unlink(missing_ok=True)
    with (
        Postgres(folder / "postgresql", port=26432, settings=SETTINGS) as postgres,
        Mosquitto(folder / "mosquitto", port=14883, autosave=10_000_000) as broker,
        postgres.fresh(EMPTY),
    ):
        odoo = Odoo(
            folder / "odoo",
            postgres,
            EMPTY,
            port=8369,
            workers=WORKERS,
            channels=CHANNELS,
            options={"limit_time_real": 1200, "limit_time_cpu": 1200},
        )
        say("bench", "installing the addon")
        odoo.install("mqtt_listener", "mqtt_bench")
        with postgres.fresh(FULL, EMPTY), postgres.fresh(MANY, EMPTY):
            odoo.database = ",".join((EMPTY, FULL, MANY))
            with odoo:
                on = Stage(postgres, broker, odoo)
                for database in (on.empty, on.full, on.many):
                    database.set_up(broker)
                yield on
                on.publisher.close()
