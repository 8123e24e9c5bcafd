# Copyright 2026 mqtt_listener contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""The connection on which batches are made durable: one round trip and one commit each.

Odoo's cursors cost several round trips a transaction, and its ORM as much again. At ten
messages a second there are ten batches a second, and that is what a message costs.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from typing import Any

import psycopg2

from odoo.sql_db import connection_info_for

from ..mqtt.log import get_logger
from .batch_copy import copy_batch

_logger = get_logger(__name__)

TIMEOUT = 10_000  # milliseconds until a silent server is given up
KEEPALIVE = {"keepalives_idle": 2, "keepalives_interval": 2, "keepalives_count": 4}


class Prepared:
    """A statement that a connection plans once.

    :param name: by which it is called.
    :param types: of its parameters, in their order.
    """

    def __init__(self, name: str, types: dict[str, str]):
        self.name = name
        self._types = types
        arguments = ", ".join(f"%({one})s::{kind}" for one, kind in types.items())
        self.execute = f"EXECUTE {name}({arguments})"

    def prepare(self, statement: str) -> str:
        """:param statement: with ``%(name)s`` for a parameter."""
        numbers = {one: f"${number}" for number, one in enumerate(self._types, 1)}
        prepared = re.sub(r"%\((\w+)\)s", lambda match: numbers[match[1]], statement)
        return f"PREPARE {self.name}({', '.join(self._types.values())}) AS {prepared}"


Row = tuple[Any, ...]
ENQUEUE = Prepared(
    "mqtt_enqueue",
    {
        "service_id": "int",
        "thread_identifier": "text",
        "after_sequence": "bigint",
        "total": "int",
        "to_store": "int",
        "receipts": "bytea",
        "prune_through": "bigint",
        "content": "bytea",
        "size": "int",
        "received": "bigint",
        "dropped": "bigint",
        "last_activity": "timestamp",
        "subscription_ids": "int[]",
        "message_counts": "bigint[]",
        "last_messages": "timestamp[]",
    },
)
MAKE_JOB = Prepared(
    "mqtt_make_job",
    {
        "service_ids": "int[]",
        "company_id": "int",
        "written": "timestamp",
        "row": "jsonb",
    },
)


def is_broken(error: Exception) -> bool:
    """Whether the connection broke under a statement, without a word of the server: it
    says when it is shut down, and what fails to connect has no cursor.
    """
    if not isinstance(error, psycopg2.OperationalError):
        return False
    return not error.pgcode and error.cursor is not None


class Enqueuing:
    """Makes batches durable, for all services of a database.

    :param dbname: the database.
    :param read_statement: gives the statement, with ``%(name)s`` for a parameter.
    """

    def __init__(self, dbname: str, read_statement: Callable[[], str]):
        self._dbname = dbname
        self._read_statement = read_statement
        self._connection: psycopg2.extensions.connection | None = None
        self._making = ""  # the statement that it has prepared to make jobs
        self._lock = threading.Lock()  # a thread for each service comes here

    def execute(self, **parameters: object) -> Row:
        """Execute and commit; the row that the statement gives.

        :raise psycopg2.Error: when that failed, or nobody knows whether it did.
        """
        with self._cursor() as cursor:
            cursor.execute(ENQUEUE.execute, parameters)
            row: Row = cursor.fetchone()
        return row

    def make_job(self, statement: str, **parameters: object) -> Row | None:
        """Make a job, where one is needed.

        :return: the row that the statement gives; ``None`` when it is refused.
        :raise psycopg2.Error: when the database is away; then nobody knows.
        """
        try:
            with self._cursor() as cursor:
                if statement != self._making:
                    self._prepare_making(cursor, statement)
                cursor.execute(MAKE_JOB.execute, parameters)
                row: Row = cursor.fetchone()
        except (psycopg2.OperationalError, psycopg2.InterfaceError):
            raise
        except psycopg2.Error as error:
            _logger.info("jobs are not made with a template: %s", error)
            self.close()  # what it has prepared may be at fault
            return None
        return row

    def _prepare_making(
        self, cursor: psycopg2.extensions.cursor, statement: str
    ) -> None:
        if self._making:
            cursor.execute(f"DEALLOCATE {MAKE_JOB.name}")
        self._making = ""
        cursor.execute(MAKE_JOB.prepare(statement))
        self._making = statement

    @contextmanager
    def _cursor(self) -> Iterator[psycopg2.extensions.cursor]:
        """Of the connection, for this thread alone; each statement is committed."""
        with self._lock:
            try:
                if self._connection is None:
                    self._connection = self._open()
                with self._connection.cursor() as cursor:
                    yield cursor
            except (psycopg2.OperationalError, psycopg2.InterfaceError):
                self._close()
                raise

    def execute_large(
        self, pieces: list[bytes | memoryview], size: int, **parameters: Any
    ) -> Row:
        """The same for a batch with a large message, on a connection of its own.

        Its content goes as it is, a piece at a time: in a statement it would be there
        several times, quoted. Others need not wait for it.

        :param pieces: the content.
        :param size: bytes of the messages.
        """
        connection = self._open(autocommit=False)
        with closing(connection), connection, connection.cursor() as cursor:
            nothing = psycopg2.Binary(b"")  # the content follows by itself
            cursor.execute(
                ENQUEUE.execute, {**parameters, "size": size, "content": nothing}
            )
            is_written, was_written = cursor.fetchone() or (False, False)
            if is_written:
                copy_batch(cursor, pieces, size=size, **parameters)
        return is_written, was_written

    def close(self) -> None:
        """Close the connection; another is opened when it is needed."""
        with self._lock:
            self._close()

    def _close(self) -> None:
        connection, self._connection, self._making = self._connection, None, ""
        if connection is not None:
            connection.close()

    def _open(self, *, autocommit: bool = True) -> psycopg2.extensions.connection:
        statement = self._read_statement()
        _name, info = connection_info_for(self._dbname)
        connection = psycopg2.connect(
            **{
                **info,
                "application_name": "mqtt_listener-enqueuing",
                "connect_timeout": 5,
                "tcp_user_timeout": TIMEOUT,
                **KEEPALIVE,
            }
        )
        connection.autocommit = True
        with connection.cursor() as cursor:
            cursor.execute(ENQUEUE.prepare(statement))
        connection.autocommit = autocommit
        return connection
