# Copyright 2026 mqtt_listener contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""The servers under load, and what is read of them."""

import re
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from .. import paths
from ..process import wait_until
from ..publisher import Publisher
from ..servers import Mosquitto, Odoo, Postgres

DATABASE = "load"
TOPIC = "load/numbers"
PAGE = 80  # messages that a person looks at
MIB = 1024 * 1024
STORED = "SELECT count(*) FROM mqtt_signal_history"
DIFFERENT = "SELECT count(DISTINCT payload) FROM mqtt_signal_history"
WAITING = "SELECT count(*) FROM mqtt_batch"
JOBS = "SELECT count(*) FROM queue_job WHERE state NOT IN ('done', 'cancelled')"


class Stage:
    """PostgreSQL, Mosquitto, prefork Odoo with two workers, a service, a publisher."""

    def __init__(self, postgres: Postgres, broker: Mosquitto, odoo: Odoo) -> None:
        self.broker, self.odoo = broker, odoo
        self._cursor = postgres.connect(DATABASE).cursor()
        self.service = odoo.call(
            "mqtt.service",
            "create",
            {
                "name": "Load",
                "host": broker.host,
                "port": broker.port,
                "subscription_ids": [(0, 0, {"topic_filter": "load/#"})],
            },
        )
        self.start()
        self.publisher = Publisher(broker.host, broker.port, _message)

    def start(self) -> None:
        """Start the service and wait until it is connected."""
        self.odoo.call("mqtt.service", "start_mqtt_service", [self.service])
        wait_until(
            lambda: self.one("SELECT state FROM mqtt_connection") == "connected",
            30,
            "the listener does not connect",
        )

    def stop(self) -> None:
        """Stop the service and wait until the listener has ended."""
        self.odoo.call("mqtt.service", "stop_mqtt_service", [self.service])
        wait_until(
            lambda: not self.one("SELECT thread_identifier FROM mqtt_connection"),
            30,
            "the listener does not end",
        )

    def one(self, sql: str, *values: object) -> object:
        """The one value of a query."""
        self._cursor.execute(sql, values or None)
        return self._cursor.fetchone()[0]

    def rows(self, sql: str) -> list[tuple]:
        """All rows of a query."""
        self._cursor.execute(sql)
        return self._cursor.fetchall()

    @property
    def listener_memory(self) -> float:
        """Resident memory of the listener's process, in MiB."""
        host_info = self.one("SELECT host_info FROM mqtt_connection")
        return memory(int(re.search(r"process (\d+)", host_info)[1]))

    def wait_stored(self, count: int) -> None:
        """Wait until so many messages are stored, and their jobs done."""
        for sql, goal in ((STORED, count), (WAITING, 0), (JOBS, 0)):
            wait_until(
                lambda sql=sql, goal=goal: (
                    self.one(sql) >= goal if goal else not self.one(sql)
                ),
                1800,
                f"{sql} is not {goal}",
                step=0.2,
            )

    def missing(self) -> tuple[int, int]:
        """What is lost of what was published, and what is doubled."""
        stored, different = self.one(STORED), self.one(DIFFERENT)
        return self.publisher.sent - different, stored - different

    def watch(self) -> "Watch":
        """Look at memory and at the interface until told to stop."""
        return Watch(self)

    def look(self) -> float:
        """Seconds that the page of messages takes a person's browser to get."""
        begin = time.perf_counter()
        self.odoo.call(
            "mqtt.signal.history",
            "web_search_read",
            domain=[("topic", "=", TOPIC)],
            specification={"timestamp": {}, "topic": {}, "payload_preview": {}},
            limit=PAGE,
            count_limit=10_001,
        )
        return time.perf_counter() - begin


class Watch(threading.Thread):
    """Samples the memory and asks for a page, beside what goes on."""

    def __init__(self, stage: Stage) -> None:
        super().__init__(daemon=True)
        self.memory: list[float] = []  # MiB
        self.pages: list[float] = []  # seconds
        self._pid = int(
            re.search(
                r"process (\d+)", stage.one("SELECT host_info FROM mqtt_connection")
            )[1]
        )
        self._stage = stage
        self._ended = threading.Event()

    def __enter__(self) -> "Watch":
        self.start()
        self._looking = threading.Thread(target=self._look, daemon=True)
        self._looking.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._ended.set()
        self.join()
        self._looking.join()

    def run(self) -> None:
        while not self._ended.wait(0.1):
            self.memory.append(memory(self._pid))

    def _look(self) -> None:
        while not self._ended.wait(0.5):
            self.pages.append(self._stage.look())


def _message(number: int) -> tuple[bytes, bytes]:
    """About 100 bytes of JSON, with a number of its own."""
    return TOPIC.encode(), (
        b'{"number": %d, "machine": "press-7", "temperature": 63.2, "at": %d}'
        % (number, 1_700_000_000_000 + number)
    )


def memory(pid: int) -> float:
    """Resident memory of a process, in MiB."""
    status = Path(f"/proc/{pid}/smaps_rollup").read_text()
    return int(re.search(r"Rss:\s+(\d+) kB", status)[1]) / 1024


@contextmanager
def stage() -> Iterator[Stage]:
    """Real servers with a fresh database."""
    folder = paths.OWN / "load"
    with (
        Postgres(folder / "postgresql", port=28432) as postgres,
        Mosquitto(folder / "mosquitto", port=13883, autosave=10_000_000) as broker,
        postgres.fresh(DATABASE),
    ):
        odoo = Odoo(folder / "odoo", postgres, DATABASE, port=8569)
        odoo.install("mqtt_listener")
        with odoo:
            yield Stage(postgres, broker, odoo)
