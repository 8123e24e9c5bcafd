# Copyright 2026 mqtt_listener contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""The thread of a database: compares what should run with what runs."""

from __future__ import annotations

import os
import platform
import secrets
import socket
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from ..broker.settings import ServiceSettings
from ..mqtt.log import get_logger
from .bridge import Bridge
from .connection import MqttConnection
from .guarded import guarded
from .inbox import Inbox
from .job_maker import JobMaker
from .loss import Loss
from .node_settings import NodeSettings
from .pacer import Pacer
from .writer import Writer

_logger = get_logger(__name__)

ROUND = 1.0  # seconds between two rounds: how soon a free service is taken over
READ_INTERVAL = 5.0  # seconds between two readings of the services without a wake-up
RECOVERY_DELAY = 1.0  # seconds before the next try at a database that is away
STOP_TIMEOUT = 8.0  # seconds for the threads of all services to end
LAST_DRAIN = 6.0  # of these, for what was received: a server's stop has no hurry


@dataclass
class Running:
    """The threads of a service."""

    settings: ServiceSettings
    connection: MqttConnection
    writer: Writer

    @property
    def is_alive(self) -> bool:
        return self.connection.is_alive() or self.writer.is_alive()


class Supervisor(threading.Thread):
    """Keeps the wanted services of one database running, as far as they are free.

    :param dbname: the database.
    :param node: settings of this node.
    """

    def __init__(self, dbname: str, node: NodeSettings):
        super().__init__(name=f"mqtt-supervisor-{dbname}", daemon=True)
        self._bridge = Bridge(dbname)
        self._node = node
        self._running: dict[int, Running] = {}
        self._wanted: dict[int, ServiceSettings] = {}
        self._read_at = 0.0
        self._loss = Loss(_logger, "lost the database")
        self._jobs = JobMaker(self._bridge, Pacer(node.job_share, node.max_delay))
        self._losses: dict[int | None, Loss] = {}  # by service; None: reading them
        self._start_at: dict[int, float] = {}  # of services that failed to
        self._stopping = threading.Event()
        self._wake_r, self._wake_w = os.pipe()

    def stop(self) -> None:
        """End all services in order, then this thread. Returns at once."""
        self._stopping.set()
        self._wake()

    def _wake(self) -> None:
        os.write(self._wake_w, b"\0")

    @guarded
    def run(self) -> None:
        thread = threading.current_thread()
        thread.dbname = self._bridge.dbname  # type: ignore[attr-defined]  # for Odoo's log
        self._jobs.start()
        try:
            while not self._stopping.is_set():
                try:
                    self._supervise()
                    break
                except Exception as error:  # noqa: BLE001
                    # A guard: this thread lives as long as its database has the addon.
                    self._loss.begin(error)
                    self._bridge.close()
                    for running in self._running.values():
                        running.connection.hold_service(False)
                    self._stopping.wait(RECOVERY_DELAY)
        finally:
            self._stop_all()
            self._bridge.end()

    def _supervise(self) -> None:
        """Rounds on one control connection, until stopped or uninstalled."""
        self._bridge.open()
        self._reclaim()
        self._read_at = 0.0
        while not self._stopping.is_set():
            if time.monotonic() >= self._read_at:
                if not self._bridge.is_installed():
                    return
                self._isolated(None, self._read)
                self._read_at = time.monotonic() + READ_INTERVAL
            self._round()
            self._loss.end()
            if self._bridge.wait(self._wake_r, ROUND):
                self._read_at = 0.0

    def _read(self) -> None:
        """Read the services; those of before go on running when that fails."""
        self._wanted = self._bridge.wanted()

    def _isolated(
        self, service_id: int | None, action: Callable[..., None], *args: object
    ) -> bool:
        """Call what concerns one service: its failure ends nothing of the others.

        The locks of all are the control connection's. Calls that use it are not to be
        isolated: when they fail, it is gone.

        :return: whether the call succeeded; a failure is logged once.
        """
        try:
            action(*args)
        except Exception as error:  # noqa: BLE001
            what = "the services" if service_id is None else f"service {service_id}"
            loss = Loss(_logger, f"{what} cannot be supervised")
            self._losses.setdefault(service_id, loss).begin(error)
            return False
        self._losses.pop(service_id, None)
        return True

    def _reclaim(self) -> None:
        """Take the locks again that went with the last control connection.

        Who finds one taken has been replaced: it ends, and its writes are fenced off.
        """
        for service_id, running in self._running.items():
            if self._bridge.try_lock(service_id):
                running.connection.hold_service(True)
            else:
                running.writer.lease_lost.set()
                running.connection.stop(drain=0)

    def _round(self) -> None:
        for service_id, running in list(self._running.items()):
            wanted = self._wanted.get(service_id)
            running.writer.warn(self._jobs.problem)
            if not running.is_alive:
                del self._running[service_id]
                self._bridge.unlock(service_id)
                self._read_at = 0.0  # it may have given up
            elif (
                wanted is None
                or wanted.start_generation != running.settings.start_generation
            ):
                self._isolated(service_id, running.connection.stop)
            else:
                self._isolated(service_id, running.connection.want, wanted)
        self._start_free()

    def _start_free(self) -> None:
        """Start the services that run nowhere, except those that just failed to."""
        now = time.monotonic()
        for service_id, settings in self._wanted.items():
            if (
                service_id not in self._running
                and now >= self._start_at.get(service_id, now)
                and self._bridge.try_lock(service_id)
                and not self._isolated(service_id, self._start, settings)
            ):
                self._bridge.unlock(service_id)  # another node may succeed
                self._start_at[service_id] = now + READ_INTERVAL

    def _start(self, settings: ServiceSettings) -> None:
        """Start the threads of a service whose lock is held.

        :raise psycopg2.Error: when the database is away or refuses it.
        """
        identifier = f"{socket.gethostname()}-{os.getpid()}-{secrets.token_hex(6)}"
        known = self._bridge.claim(settings.id, identifier, _host_info())
        inbox = Inbox(
            batch_size=min(
                self._node.batch_size, max(1, settings.receive_maximum // 2)
            ),
            batch_bytes=self._node.batch_bytes,
            linger=self._node.linger,
            max_messages=self._node.inbox_messages,
            max_bytes=self._node.inbox_bytes,
        )
        connection = MqttConnection(
            identifier,
            settings,
            inbox,
            changed=inbox.poke,
            packet_bytes=self._node.packet_bytes,
            **known,
        )
        writer = Writer(
            self._bridge,
            connection,
            inbox,
            known["sequence"],
            self._wake,
            self._jobs.add,
        )
        self._jobs.add(settings.id)  # an earlier listener may have left batches
        connection.dbname = writer.dbname = self._bridge.dbname  # for Odoo's log
        connection.start()
        try:
            writer.start()
        except RuntimeError:  # no more threads: nothing would be acknowledged
            connection.stop(drain=0)
            connection.join(STOP_TIMEOUT)
            raise
        self._running[settings.id] = Running(settings, connection, writer)

    def _stop_all(self) -> None:
        deadline = time.monotonic() + STOP_TIMEOUT
        for running in self._running.values():
            running.connection.stop(drain=LAST_DRAIN)
        for running in self._running.values():
            running.connection.join(max(0, deadline - time.monotonic()))
            running.writer.join(max(0, deadline - time.monotonic()))
            running.writer.must_end.set()
        self._jobs.stop()
        self._jobs.join(max(0, deadline - time.monotonic()))
        self._running.clear()


def _host_info() -> str:
    return (
        f"{socket.gethostname()}, process {os.getpid()}, "
        f"{platform.system()}, Python {platform.python_version()}"
    )
