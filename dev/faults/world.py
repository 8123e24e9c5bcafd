# Copyright 2026 mqtt_listener contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""The servers that a fault breaks, and what is counted afterwards."""

import contextlib
import os
import random
import re
import shutil
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg2

from .. import odoo_server
from ..console import Problem
from ..postgres import Databases
from ..process import wait_until
from ..servers import Mosquitto, Odoo, Postgres
from .counts import COUNTS, DISORDER, UP_TO, VERDICT
from .link import Link
from .publisher import Publisher
from .steps import STEPS

DATABASE = "faults"
RATE = 2500  # messages a second
KEEPALIVE = 5  # seconds
LOAD, LOAD_RATE = 50, 500  # messages at once, and a second, while a fault lasts
TRICKLE = 1.0  # seconds between two messages while all is waited for
CRON = 10.0  # seconds between two runs of cron, where a fault needs it
STALLED = 180.0  # seconds without progress after which what is missing is lost


class Behind(Databases):
    """A PostgreSQL behind a link."""

    def __init__(self, databases: Databases, link: Link) -> None:
        self._databases = databases
        self._link = link

    def parameters(self) -> "dict[str, str]":
        return {**self._databases.parameters(), "port": str(self._link.port)}


def prepare(folder: Path) -> Path:
    """A PostgreSQL with the addon installed, stopped, for each world to copy."""
    template = folder / "template"
    shutil.rmtree(template, ignore_errors=True)
    with Postgres(template, port=27432) as postgres:
        postgres.create(DATABASE)
        Odoo(folder / "install", postgres, DATABASE, workers=0).install(
            "mqtt_listener", "mqtt_faults"
        )
    return template


class World:
    """A broker behind a link, a PostgreSQL, one or two Odoo servers, a publisher.

    :param folder: of these servers.
    :param template: what :func:`prepare` made.
    :param nodes: how many Odoo servers; two are behind links to PostgreSQL.
    """

    def __init__(self, folder: Path, template: Path, nodes: int = 1) -> None:
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        self.traps = folder / "traps"
        self.traps.mkdir()
        os.environ["MQTT_FAULTS_TRAPS"] = str(self.traps)
        os.environ["MQTT_FAULTS_STEPS"] = " ".join(STEPS)
        shutil.copytree(template, folder / "postgresql", symlinks=True)
        self.postgres = Postgres(folder / "postgresql", port=27432)
        self.broker = Mosquitto(folder / "mosquitto", port=12883, autosave=1_000_000)
        self._folder = folder
        self._nodes = nodes
        self.chance = random.Random()
        self.needs_cron = False  # its workers do not run, see _node
        self.is_short = False  # whether faults last for seconds only
        self.events: list[str] = []  # what is not as promised
        self.slowest_takeover = 0.0  # seconds

    def __enter__(self) -> "World":
        self.postgres.start().wait_ready()
        self.broker.start().wait_ready()
        self.link = Link(self.broker.host, self.broker.port)
        self.db_links = []
        self.nodes = [self._node(number) for number in range(self._nodes)]
        for node in self.nodes:
            node.start()
        for node in self.nodes:
            node.wait_ready()
        self.service = self._start_service()
        self.publisher = Publisher(self.broker.host, self.broker.port, RATE)
        return self

    def __exit__(self, *error: object) -> None:
        self.publisher.close()
        for server in (*self.nodes, self.broker, self.postgres):
            server.stop()
        for link in (self.link, *self.db_links):
            link.close()

    def _node(self, number: int) -> Odoo:
        databases: Databases = self.postgres
        if self._nodes > 1:
            link = Link("127.0.0.1", self.postgres.port)
            self.db_links.append(link)
            databases = Behind(self.postgres, link)
        return Odoo(
            self._folder / f"odoo-{number}",
            databases,
            DATABASE,
            workers=2,
            port=8469,
            # Odoo's master process ends itself when a cron worker dies, and they die
            # when PostgreSQL does.
            options={
                "max_cron_threads": 0,
                "server_wide_modules": f"{odoo_server.SERVER_WIDE},mqtt_faults",
            },
        )

    def _start_service(self) -> int:
        odoo = self.nodes[0]
        service = odoo.call(
            "mqtt.service",
            "create",
            {
                "name": "Faults",
                "host": self.link.host,
                "port": self.link.port,
                "keepalive": KEEPALIVE,
                "inactivity_timeout": KEEPALIVE,
                "reconnect_min_delay": 0.5,
                "reconnect_max_delay": 2.0,
                "subscription_ids": [(0, 0, {"topic_filter": "faults/#"})],
            },
        )
        odoo.call("mqtt.service", "start_mqtt_service", [service])
        self.wait_connected()
        return service

    # Looking at it

    def ask(self, sql: str, *values: object) -> tuple:
        """The first row of a query."""
        return self.postgres.query(DATABASE, sql, *values)[0]

    @property
    def connection(self) -> tuple[str, str]:
        """State and host information of the listener."""
        return self.ask("SELECT state, host_info FROM mqtt_connection")

    @property
    def listener_pid(self) -> int:
        """Process id of the listener, as the form shows it."""
        return int(re.search(r"process (\d+)", self.connection[1])[1])

    def wait_connected(self, unless: "int | None" = None, timeout: float = 60) -> None:
        """Wait until a listener is connected, another than that process."""

        def connected() -> bool:
            return self.connection[0] == "connected" and self.listener_pid != unless

        wait_until(connected, timeout, "the listener does not connect", step=0.02)

    def node_of(self, pid: int) -> int:
        """The number of the server that a process belongs to."""
        return next(n for n, node in enumerate(self.nodes) if pid in node.processes())

    def workers(self, mark: str = r"Worker WorkerHTTP \((\d+)\) alive") -> list[int]:
        """Process ids of the HTTP workers, which run the jobs.

        :param mark: pattern by which the log names those of another kind.
        """
        pids = {
            int(pid) for node in self.nodes for pid in re.findall(mark, node.log_text())
        }
        return [pid for pid in pids if Path(f"/proc/{pid}").exists()]

    # Breaking it

    def set_trap(self, name: str, what: str = "") -> Path:
        """Set a trap that ``mqtt_faults`` springs once."""
        trap = self.traps / name
        draft = self.traps / f"{name}.draft"
        draft.write_text(what)
        return draft.rename(trap)

    def spring(
        self, name: str, what: str = "", provoke: "Callable | None" = None
    ) -> None:
        """Set a trap, and provoke until it went off."""
        trap = self.set_trap(name, what)
        for _ in range(20):
            if provoke:
                provoke()
            with contextlib.suppress(Problem):
                wait_until(lambda: not trap.exists(), 3, "not reached")
                return
        raise Problem(f"{name} is never reached")

    @contextlib.contextmanager
    def stopped(self, pids: "list[int]") -> Iterator[None]:
        """Processes that do nothing, and of which nobody is told."""
        for pid in pids:
            os.kill(pid, signal.SIGSTOP)
        try:
            yield
        finally:
            for pid in pids:
                os.kill(pid, signal.SIGCONT)

    def dispatch_apart(self) -> None:
        """Have handlers run in jobs of their own, however quick they are."""
        self.nodes[0].call(
            "ir.config_parameter", "set_param", "mqtt_listener.storing_job_seconds", "0"
        )

    def run_cron(self) -> None:
        """Have the addon's upkeep done, as cron does each minute."""
        node = self.nodes[0]
        name = [["cron_name", "=", "MQTT: look after handlers"]]
        cron = node.call("ir.cron", "search", name)
        node.call("ir.cron", "method_direct_trigger", cron)

    # Rounds

    def keep_publishing(
        self, until: Callable[[], object], timeout: float = 120
    ) -> None:
        """Wait for something; messages go on coming meanwhile, beyond the round too."""

        def seen() -> bool:
            if self.publisher.left <= 0:
                self.publisher.publish(LOAD)
            return bool(until())

        wait_until(seen, timeout, "it does not come", step=LOAD / LOAD_RATE)

    def keep_publishing_for(self, seconds: float) -> None:
        """The same for so many seconds."""
        end = time.monotonic() + seconds
        self.keep_publishing(lambda: time.monotonic() >= end, seconds + 120)

    def wait_recovered(self) -> None:
        """Wait until all numbers that were sent up to now are stored and handled."""
        number = self.publisher.numbers

        def recovered(now: "tuple | None") -> bool:
            if now is None or min(now[:2]) < number:
                return False
            return min(self.ask(UP_TO, number, number)) >= number

        self._wait(recovered)

    def wait_settled(self) -> None:
        """Wait until all that was published is stored and handled."""
        self._wait(
            lambda now: (
                now
                and now[0] >= self.publisher.sent
                and now[1] >= self.publisher.sent
                and not now[2]
                and not now[3]
            )
        )

    def _wait(self, done: Callable) -> None:
        """Until done or without progress; a message now and then wakes the runner,
        which looks for dead jobs when something happens, and else once a minute.
        """
        seen, since = None, time.monotonic()
        trickled = cron_ran = time.monotonic()
        while not done(now := self._counts()):
            moment = time.monotonic()
            if now and now != seen and now[0] != (seen or [None])[0]:
                seen, since = now, moment
            if moment - since > STALLED:
                self.events.append(f"stands at {now} of {self.publisher.sent}")
                return
            if self.needs_cron and moment > cron_ran + CRON:
                cron_ran = moment
                self.run_cron()
            if moment > trickled + TRICKLE and self.publisher.left <= 0:
                trickled = moment
                self.publisher.publish(1)
            time.sleep(0.05)

    def _counts(self) -> "tuple | None":
        try:
            return self.ask(COUNTS)
        except psycopg2.OperationalError:
            return None  # it is what is broken just now

    def verdict(self) -> tuple[int, int, int]:
        """What is lost, what is doubled, and what is out of order."""
        numbers, different, equal, *of_handlers = self.ask(VERDICT)
        stored = numbers + equal
        expected = self.publisher
        lost = expected.numbers - different + max(0, expected.equal - equal)
        doubled = numbers - different + max(0, equal - expected.equal)
        for handled, once in zip(of_handlers[::2], of_handlers[1::2], strict=True):
            lost += max(0, stored - once)
            doubled += handled - once
        return lost, doubled, self.ask(DISORDER)[0]
