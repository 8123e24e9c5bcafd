# Copyright 2026 mqtt_listener contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""Between the listener and a database: only it and ``enqueuing.py`` open cursors.

Three kinds of connections: one that listens for notifications and holds the advisory
locks for as long as it lives; one that makes batches durable (``enqueuing.py``), both
outside Odoo's pool; and Odoo's cursors, one short transaction for each other call.
What crosses is settings one way, batches and observations the other, all plain values
(``models/service/listener.py``).
"""

from __future__ import annotations

import os
import selectors
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg2

from odoo import SUPERUSER_ID, api
from odoo.modules.registry import Registry
from odoo.sql_db import BaseCursor, connection_info_for

from ..broker.settings import ServiceSettings
from ..mqtt.interface import LISTENER_LOCK_CLASS, MODULE, NOTIFY_CHANNEL, Claimed
from ..mqtt.log import get_logger
from ..mqtt.message import LARGE, encode_batch, encode_pieces
from ..mqtt.receipts import pack_receipts, unpack_receipts
from .enqueuing import Enqueuing, Row
from .inbox import Delivery
from .observed import Counted, Prunable, utc
from .templates import JobsMade, Templates

_logger = get_logger(__name__)

# PostgreSQL drops the locks of a vanished host after 3 s: keepalives detect an idle
# connection, `tcp_user_timeout` one with data in flight.
KEEPALIVE = {"keepalives_idle": 1, "keepalives_interval": 1, "keepalives_count": 2}
VANISHED = 3000  # milliseconds
SERVER_OPTIONS = " ".join(
    [
        *(f"-c tcp_{name}={value}" for name, value in KEEPALIVE.items()),
        f"-c tcp_user_timeout={VANISHED}",
    ]
)
CURSOR_TIMEOUT = 10_000  # milliseconds until a silent server is given up by a cursor

CURSORS = 4  # at a time: those of Odoo's pool are for its users, too
CLAIM_TIMEOUT = 5_000  # milliseconds that a claim waits for a row that another has

DATABASE_AWAY = (psycopg2.OperationalError, psycopg2.InterfaceError)
# A database that is there, and cannot take what it got (PostgreSQL, appendix A).
TOO_MUCH = (
    MemoryError,
    psycopg2.errors.OutOfMemory,
    psycopg2.errors.ProgramLimitExceeded,
)


class LeaseLost(Exception):
    """Another listener has claimed the service; this one has to end without a word."""


class Bridge:
    """All that the listener does with one database.

    :param dbname: the database.
    """

    def __init__(self, dbname: str):
        self.dbname = dbname
        self._control: psycopg2.extensions.connection | None = None
        self._enqueuing = Enqueuing(dbname, self._enqueue_statement)
        self._templates = Templates(self._enqueuing)
        self._cursors = threading.BoundedSemaphore(CURSORS)

    # The connection of its own

    def open(self) -> None:
        """Open the control connection.

        :raise psycopg2.Error: when the database cannot be reached or is a standby.
        """
        _name, info = connection_info_for(self.dbname)
        control = psycopg2.connect(
            **{
                **info,
                "application_name": f"{MODULE}-listener",
                "options": SERVER_OPTIONS,
                "connect_timeout": 5,
                "tcp_user_timeout": VANISHED,
                **KEEPALIVE,
            }
        )
        control.autocommit = True
        self._control = control
        with control.cursor() as cursor:
            cursor.execute("SELECT pg_is_in_recovery()")
            if cursor.fetchone()[0]:
                self.close()
                raise psycopg2.OperationalError("the database is a read-only standby")
            cursor.execute(f"LISTEN {NOTIFY_CHANNEL}")

    def close(self) -> None:
        """Close the control connection, and let go of all locks with it."""
        control, self._control = self._control, None
        if control is not None:
            control.close()

    def end(self) -> None:
        """Close all connections of its own."""
        self.close()
        self._enqueuing.close()

    def is_installed(self) -> bool:
        """Whether the addon is installed in the database."""
        rows = self._query(
            "SELECT 1 FROM information_schema.tables"
            " WHERE table_schema = current_schema AND table_name = 'ir_module_module'"
        )
        return bool(
            rows
            and self._query(
                "SELECT 1 FROM ir_module_module WHERE name = %s"
                " AND state IN ('installed', 'to upgrade')",
                MODULE,
            )
        )

    def try_lock(self, service_id: int) -> bool:
        """Become the one listener of a service in the cluster, if there is none."""
        ((is_held,),) = self._query(
            "SELECT pg_try_advisory_lock(%s, %s)", LISTENER_LOCK_CLASS, service_id
        )
        return bool(is_held)

    def unlock(self, service_id: int) -> None:
        self._query(
            "SELECT pg_advisory_unlock(%s, %s)", LISTENER_LOCK_CLASS, service_id
        )

    def wait(self, wake: int, timeout: float) -> bool:
        """Wait for a notification, for the descriptor ``wake``, or so many seconds.

        :return: whether there was a notification.
        :raise psycopg2.Error: when the connection is gone.
        """
        control = self._opened
        if control.notifies:  # it came with the answer to a query
            timeout = 0
        # Not select.select, which refuses descriptors from 1,024 on: services, Odoo and
        # job workers of one process have more.
        with selectors.DefaultSelector() as selector:
            selector.register(control, selectors.EVENT_READ)
            selector.register(wake, selectors.EVENT_READ)
            ready = {key.fileobj for key, _ in selector.select(timeout)}
        if wake in ready:
            os.read(wake, 4096)
        if control in ready:
            control.poll()
        notified = bool(control.notifies)
        control.notifies.clear()
        return notified

    @property
    def _opened(self) -> psycopg2.extensions.connection:
        if self._control is None:
            raise psycopg2.InterfaceError("the control connection is not open")
        return self._control

    def _query(self, query: str, *parameters: object) -> list[Row]:
        with self._opened.cursor() as cursor:
            cursor.execute(query, parameters)
            return list(cursor.fetchall())

    # Transactions

    @contextmanager
    def _environment(self) -> Iterator[api.Environment]:
        """A superuser's environment on an up-to-date registry, in one transaction."""
        thread = threading.current_thread()
        thread.dbname = self.dbname  # type: ignore[attr-defined]  # for Odoo's log
        registry = Registry(self.dbname)
        with self._cursors, registry.cursor() as cr:
            _watch(cr)
            registry.check_signaling(cr)
            yield api.Environment(cr, SUPERUSER_ID, {})

    @contextmanager
    def _service(self, service_id: int) -> Iterator[Any]:
        with self._environment() as env:
            yield env["mqtt.service"].browse(service_id)

    def _enqueue_statement(self) -> str:
        with self._environment() as env:
            return str(env["mqtt.service"]._listener_enqueue_statement())

    def wanted(self) -> dict[int, ServiceSettings]:
        """Settings of the services that should run, by id."""
        with self._environment() as env:
            wanted = env["mqtt.service"]._listener_wanted()
        services = {}
        for values in wanted:
            try:
                services[values["id"]] = ServiceSettings.from_values(values)
            except ValueError as error:
                # Start refuses such a service: somebody went past the model.
                _logger.error("%s cannot be started: %s", values["name"], error)
        return services

    def claim(self, service_id: int, thread_identifier: str, host_info: str) -> Claimed:
        """Fence off earlier listeners of the service."""
        with self._service(service_id) as service:
            # The supervisor claims for all services: it must not wait for one for ever.
            service.env.cr.execute("SET LOCAL lock_timeout = %s", [CLAIM_TIMEOUT])
            known = service._listener_claim(thread_identifier, host_info)
        packed = known["receipts"]
        return {
            "sequence": known["sequence"],
            "receipts": [(last, list(unpack_receipts(one))) for last, one in packed],
            "session_filters": known["session_filters"],
            "session_renumbers": known["session_renumbers"],
        }

    def enqueue(
        self,
        service_id: int,
        thread_identifier: str,
        batch: list[Delivery],
        *,
        after_sequence: int,
        session: int,
        prune_through: int,
        counted: Counted,
    ) -> int:
        """Make a batch and its receipts durable, in one transaction.

        :param after_sequence: sequence of the last message before the batch.
        :param session: the current one; receipts of earlier ones are worth nothing.
        :param counted: the same at each try of a batch, since one that seemed to fail
            may have been committed.
        :return: sequence of the last message.
        :raise LeaseLost: when another listener has claimed the service.
        """
        messages = [one.message for one in batch if one.message and not one.is_copy]
        receipts = pack_receipts(
            (one.message.packet_id, one.message.digest)
            for one in batch
            if one.message and one.message.qos and one.session == session
        )
        is_large = any(len(message.payload) >= LARGE for message in messages)
        self._enqueue(
            service_id=service_id,
            thread_identifier=thread_identifier,
            after_sequence=after_sequence,
            total=len(messages),
            to_store=sum(message.store for message in messages),
            receipts=receipts,
            prune_through=prune_through,
            content=encode_pieces(messages) if is_large else encode_batch(messages),
            size=sum(message.size for message in messages),
            counted=counted,
        )
        return after_sequence + len(messages)

    def prune(
        self, service_id: int, thread_identifier: str, receipts: tuple[int, bytes]
    ) -> None:
        """Have these receipts stand for all up to the last message.

        :param receipts: sequence of the last message, and packed receipts.
        :raise LeaseLost: when another listener has claimed the service.
        """
        sequence, packed = receipts
        self._enqueue(
            service_id=service_id,
            thread_identifier=thread_identifier,
            after_sequence=sequence,
            total=0,
            to_store=0,
            receipts=packed,
            prune_through=sequence,
            content=b"",
            size=0,
            counted=Counted(),
        )

    def _enqueue(
        self,
        *,
        receipts: bytes,
        content: bytes | list[bytes | memoryview],
        counted: Counted,
        **parameters: Any,
    ) -> None:
        """:param content: in pieces, where it is large."""
        of_subscriptions = counted.subscriptions.values()
        parameters |= {
            "receipts": psycopg2.Binary(receipts),
            "received": counted.received,
            "dropped": counted.dropped,
            "last_activity": utc(counted.last_activity)
            if counted.last_activity
            else None,
            "subscription_ids": list(counted.subscriptions),
            "message_counts": [count for count, _last in of_subscriptions],
            "last_messages": [utc(last) for _count, last in of_subscriptions],
        }
        if isinstance(content, list):
            written = self._enqueuing.execute_large(content, **parameters)
        else:
            content = psycopg2.Binary(content)
            written = self._enqueuing.execute(content=content, **parameters)
        if not any(written):
            raise LeaseLost

    def enqueue_jobs(self, service_ids: list[int]) -> JobsMade:
        """Have jobs store what waits in batches of these services."""
        ids = tuple(sorted(service_ids))
        done = self._templates.make_job(self._version(), ids)
        if done is not None:
            return done
        with_template = self._templates.is_wanted(ids)
        with self._environment() as env:
            services = env["mqtt.service"]
            made = services._listener_enqueue_jobs(list(ids), with_template)
        if with_template:
            self._templates.put(ids, made["template"])
        return {"waiting": made["waiting"], "seconds": made["seconds"]}

    def _version(self) -> tuple[object, ...]:
        """Of the registry that this process has, which each environment brings up to
        date: of its models, and of what is cached of the database.
        """
        registry = Registry(self.dbname)
        return registry.registry_sequence, *registry.cache_sequences.values()

    def report(
        self,
        service_id: int,
        thread_identifier: str,
        connection: dict[str, Any],
        subscriptions: dict[int, dict[str, Any]],
        prunable: Prunable,
        paused: dict[str, tuple[int, int]] | None,
    ) -> None:
        """:raise LeaseLost: when another listener has claimed the service."""
        with self._service(service_id) as service:
            held = service._listener_report(
                thread_identifier,
                connection,
                subscriptions,
                prune_through=prunable.through,
                receipts_left=prunable.rest,
                paused=paused,
            )
        if not held:
            raise LeaseLost

    def give_up(self, service_id: int, thread_identifier: str) -> None:
        with self._service(service_id) as service:
            service._listener_give_up(thread_identifier)

    def release(self, service_id: int, thread_identifier: str) -> None:
        with self._service(service_id) as service:
            service._listener_release(thread_identifier)


def _watch(cr: BaseCursor) -> None:
    """Have a cursor's connection end when the server's host vanishes.

    Odoo's pool sets no keepalive, and the system's finds out after two hours: so long a
    thread would wait for an answer.
    """
    with socket.socket(fileno=os.dup(cr._cnx.fileno())) as sock:
        if sock.family != socket.AF_UNIX:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
            for option, value in (
                ("TCP_KEEPIDLE", 2),
                ("TCP_KEEPINTVL", 2),
                ("TCP_KEEPCNT", 4),
                ("TCP_USER_TIMEOUT", CURSOR_TIMEOUT),
            ):
                if hasattr(socket, option):  # not on every system
                    sock.setsockopt(socket.IPPROTO_TCP, getattr(socket, option), value)


def has_addon(dbname: str) -> bool:
    """Whether a database can be reached and has the addon installed."""
    bridge = Bridge(dbname)
    try:
        bridge.open()
        return bridge.is_installed()
    except psycopg2.Error as error:
        _logger.debug("database %s not looked at: %s", dbname, error)
        return False
    finally:
        bridge.close()
