"""The servers that all designs run on, and what is read of them."""

import copy
import re
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from .. import paths
from ..console import say
from ..process import wait_until
from ..publisher import Publisher
from ..servers import Mosquitto, Odoo, Postgres
from .payloads import PAYLOADS

ITEMS = 1000
EMPTY, FULL, MANY = "bench", "bench_full", "bench_many"
WORKERS = 3  # as many as jobs run at a time
CHANNELS = "root:4,root.mqtt:3,root.mqtt.ingest:2,root.mqtt.dispatch:1"
SETTINGS = {"track_commit_timestamp": "on"}  # says when a row was committed
STEP = 0.005  # seconds between two looks
PATIENCE = 300  # seconds
OPEN = "SELECT count(*) FROM queue_job WHERE state NOT IN ('done', 'failed')"
FAILED = "SELECT count(*) FROM queue_job WHERE state = 'failed'"
TICKS = 100  # a second, in /proc/<pid>/stat


class Database:
    """One database of the server, and its service.

    :param name: of the database.
    """

    def __init__(self, name: str, odoo: Odoo, postgres: Postgres) -> None:
        self.name = name
        self._odoo = copy.copy(odoo)
        self._odoo.database, self._odoo._users = name, {}
        self._cursor = postgres.connect(name).cursor()
        self.service = 0

    def call(self, model: str, method: str, *arguments: object, **named: object):
        """Call a method as another system does."""
        return self._odoo.call(model, method, *arguments, **named)

    def one(self, sql: str, *values: object):
        """The one value of a query."""
        self._cursor.execute(sql, values or None)
        return self._cursor.fetchone()[0]

    def row(self, sql: str, *values: object) -> tuple:
        """The first row of a query."""
        self._cursor.execute(sql, values or None)
        return self._cursor.fetchone()

    def rows(self, sql: str, *values: object) -> list[tuple]:
        """All rows of a query."""
        self._cursor.execute(sql, values or None)
        return self._cursor.fetchall()

    def do(self, sql: str, **values: object) -> None:
        """Run a statement that has no rows."""
        self._cursor.execute(sql, values or None)

    def wait(self, sql: str, goal: int) -> float:
        """Wait until a query's number has come so far; when, on the monotonic clock."""
        wait_until(lambda: self.one(sql) >= goal, PATIENCE, f"{sql}: {goal}", STEP)
        return time.monotonic()

    def wait_none(self, sql: str) -> float:
        """Wait until a query's number is 0; when, on the monotonic clock.

        :raise Problem: when it never is.
        """
        wait_until(lambda: not self.one(sql), PATIENCE, f"{sql}: not 0", STEP)
        return time.monotonic()

    def set_up(self, broker: Mosquitto) -> None:
        """Items, and a service that listens to its own topics."""
        self.call("mqtt.bench.item", "set_up", ITEMS)
        self.service = self.call(
            "mqtt.service",
            "create",
            {
                "name": f"Benchmark {self.name}",
                "host": broker.host,
                "port": broker.port,
                "reconnect_min_delay": 0.5,
                "subscription_ids": [(0, 0, {"topic_filter": f"{self.name}/#"})],
            },
        )
        self.call("mqtt.service", "start_mqtt_service", [self.service])
        self.wait("SELECT count(*) FROM mqtt_grant WHERE state = 'granted'", 1)

    @property
    def user_id(self) -> int:
        """The administrator's."""
        return self._odoo._user_id("admin", "admin")

    @property
    def listener_pid(self) -> int:
        """Process id of the listener, as the form shows it."""
        host_info = self.one("SELECT host_info FROM mqtt_connection")
        return int(re.search(r"process (\d+)", host_info)[1])


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
