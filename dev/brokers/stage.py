# Copyright 2026 mqtt_listener contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""Odoo with the addon, and a service of it that is connected to a broker."""

import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from .. import paths
from ..certificates import Identity
from ..process import wait_until
from ..servers import Odoo, Postgres

DATABASE = "brokers"
CONNECT_SECONDS = 60
# Short, so that what a broker does with a broken connection is soon seen.
VALUES = {"reconnect_min_delay": 0.5, "reconnect_max_delay": 2.0, "keepalive": 5}


class Stage:
    """PostgreSQL and a prefork Odoo with two workers, for all brokers."""

    def __init__(self, postgres: Postgres, odoo: Odoo) -> None:
        self.odoo = odoo
        self.authority = Identity("Brokers CA", is_authority=True)
        self._cursor = postgres.connect(DATABASE).cursor()

    def one(self, sql: str, *values: object) -> "tuple | None":
        """The first row of a query."""
        self._cursor.execute(sql, values or None)
        return self._cursor.fetchone()

    def rows(self, sql: str, *values: object) -> "list[tuple]":
        """All rows of a query."""
        self._cursor.execute(sql, values or None)
        return self._cursor.fetchall()


@contextmanager
def stage(folder: Path) -> "Iterator[Stage]":
    """Real servers with a fresh database, in a fresh folder."""
    shutil.rmtree(folder, ignore_errors=True)
    with (
        Postgres(folder / "postgresql", port=29432) as postgres,
        postgres.fresh(DATABASE),
    ):
        odoo = Odoo(folder / "odoo", postgres, DATABASE, port=8769)
        odoo.install(paths.ADDON)
        with odoo:
            yield Stage(postgres, odoo)


class Service:
    """One ``mqtt.service``, as an administrator and as PostgreSQL see it.

    :param filters: its topic filters.
    :param values: of its fields.
    """

    def __init__(self, stage: Stage, filters: "list[str]", **values: object) -> None:
        self.stage = stage
        lines = [(0, 0, {"topic_filter": one}) for one in filters]
        values = {"name": "Brokers", "subscription_ids": lines, **VALUES, **values}
        self.id = stage.odoo.call("mqtt.service", "create", values)

    def call(self, method: str, *arguments: object) -> object:
        """Call a method over XML-RPC."""
        return self.stage.odoo.call("mqtt.service", method, [self.id], *arguments)

    def read(self, name: str) -> object:
        """The value of a field."""
        return self.call("read", [name])[0][name]

    def start(self) -> None:
        """Start it, and wait until it is connected and subscribed."""
        self.ask_start()
        self.wait_connected()

    def ask_start(self) -> None:
        """Start it, and wait for nothing."""
        self.call("start_mqtt_service")

    def stop(self) -> None:
        """Stop it, and wait until its connection has ended."""
        self.call("stop_mqtt_service")
        wait_until(
            lambda: not self._connection()[2], CONNECT_SECONDS, "the listener goes on"
        )

    def _connection(self) -> tuple:
        """State, host information and thread of its listener."""
        columns = "state, host_info, thread_identifier"
        where = "WHERE service_id = %s"
        found = self.stage.one(
            f"SELECT {columns} FROM mqtt_connection {where}", self.id
        )
        return found or (None, None, None)

    @property
    def listener_pid(self) -> "int | None":
        """Process id of its listener, as the form shows it."""
        found = re.search(r"process (\d+)", self._connection()[1] or "")
        return int(found[1]) if found else None

    def wait_connected(self, unless: "int | None" = None) -> None:
        """Wait until a listener is connected, another than that process."""
        wait_until(
            lambda: (
                self._connection()[0] == "connected" and self.listener_pid != unless
            ),
            CONNECT_SECONDS,
            f"the service does not connect ({self.read('last_error')})",
        )

    @property
    def subscriptions(self) -> "list[tuple]":
        """What the form says of each subscription: state and reason."""
        found = self.stage.odoo.call(
            "mqtt.subscription",
            "search_read",
            [("service_id", "=", self.id)],
            ["state", "refusal"],
        )
        return [(one["state"], one["refusal"]) for one in found]
