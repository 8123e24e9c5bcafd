# Copyright 2026 mqtt_listener contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""A database of the server, and the services in it that the benchmark uses."""

import copy
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from ..console import Problem, say
from ..process import wait_until
from ..servers import Mosquitto, Odoo, Postgres

ITEMS = 1000  # that devices write to, by their keys
STEP = 0.005  # seconds between two looks
PATIENCE = 300  # seconds
STOP_SECONDS = 10  # in which services have stopped
OPEN = "SELECT count(*) FROM queue_job WHERE state NOT IN ('done', 'failed')"
BATCHES = "SELECT count(*) FROM mqtt_batch"  # a batch goes as its messages are stored
FAILED = "SELECT count(*) FROM queue_job WHERE state = 'failed'"
ENQUEUED = "SELECT enqueued FROM mqtt_connection WHERE service_id = %s"
GRANTED = """
    SELECT count(*) FROM mqtt_grant JOIN mqtt_subscription AS subscription
        ON subscription.id = subscription_id
     WHERE service_id = ANY(%s) AND mqtt_grant.state = 'granted'
"""
LISTENING = """
    SELECT count(*) FROM mqtt_connection
     WHERE service_id = ANY(%s) AND thread_identifier IS NOT NULL
"""
HOST_INFO = "SELECT host_info FROM mqtt_connection WHERE service_id = %s"


class Database:
    """One database of the server, and a service of it.

    :param name: of the database.
    :ivar service: id of the service.
    :ivar prefix: the first level of the topics that it subscribes to.
    """

    def __init__(self, name: str, odoo: Odoo, postgres: Postgres) -> None:
        self.name = self.prefix = name
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

    def wait(self, sql: str, goal: int, *values: object, step: float = STEP) -> float:
        """Wait until a query's number has come so far; when, on the monotonic clock.

        :param step: seconds between two looks.
        :raise Problem: when it never has.
        """
        wait_until(
            lambda: self.one(sql, *values) >= goal, PATIENCE, f"{sql}: {goal}", step
        )
        return time.monotonic()

    def wait_none(self, sql: str, *values: object, step: float = STEP) -> float:
        """Wait until a query's number is 0; when, on the monotonic clock.

        :param step: seconds between two looks.
        :raise Problem: when it never is.
        """
        wait_until(lambda: not self.one(sql, *values), PATIENCE, f"{sql}: not 0", step)
        return time.monotonic()

    @property
    def enqueued(self) -> int:
        """How many messages of the service are durable; also the last sequence."""
        return self.one(ENQUEUED, self.service)

    def wait_enqueued(self, goal: int, step: float = STEP) -> float:
        """Wait until so many messages are durable; when, on the monotonic clock."""
        return self.wait(ENQUEUED, goal, self.service, step=step)

    def set_up(self, broker: Mosquitto) -> None:
        """Items, and a service that listens to its own topics."""
        self.call("mqtt.bench.item", "set_up", ITEMS)
        (self.service,) = self._start_services(broker, [self.prefix])

    @contextmanager
    def another_service(
        self, broker: Mosquitto, prefix: str, *, at_once: bool = False, **values: object
    ) -> "Iterator[Database]":
        """The same database with a service of its own, which is stopped in the end.

        :param prefix: the first level of its topics.
        :param at_once: *Deliver at Once*, see its subscription.
        :param values: of fields of the service.
        """
        other = copy.copy(self)
        other.prefix = prefix
        with self.services(broker, [prefix], at_once=at_once, **values) as ids:
            (other.service,) = ids
            yield other

    @contextmanager
    def services(
        self, broker: Mosquitto, prefixes: list[str], **values: object
    ) -> Iterator[list[int]]:
        """Services more, each with topics of its own; stopped in the end."""
        ids = self._start_services(broker, prefixes, **values)
        try:
            yield ids
        finally:
            self.call("mqtt.service", "stop_mqtt_service", ids)
            self._wait_stopped(ids)

    def _wait_stopped(self, ids: list[int]) -> None:
        """Say it of services that do not say that they have stopped, and go on."""
        with suppress(Problem):
            wait_until(
                lambda: not self.one(LISTENING, ids), STOP_SECONDS, "not stopped", STEP
            )
        if listening := self.one(LISTENING, ids):
            say("bench", f"not stopped after {STOP_SECONDS} s: {listening} services")

    def _start_services(
        self,
        broker: Mosquitto,
        prefixes: list[str],
        *,
        at_once: bool = False,
        **values: object,
    ) -> list[int]:
        ids = self.call(
            "mqtt.service",
            "create",
            [
                {
                    "name": f"Benchmark {prefix}",
                    "host": broker.host,
                    "port": broker.port,
                    "reconnect_min_delay": 0.5,
                    "subscription_ids": [
                        (
                            0,
                            0,
                            {"topic_filter": f"{prefix}/#", "deliver_at_once": at_once},
                        )
                    ],
                    **values,
                }
                for prefix in prefixes
            ],
        )
        self.call("mqtt.service", "start_mqtt_service", ids)
        self.wait(GRANTED, len(ids), ids)
        return ids

    @property
    def user_id(self) -> int:
        """The administrator's."""
        return self._odoo._user_id("admin", "admin")

    @property
    def listener_pid(self) -> int:
        """Process id of the listener, as the form shows it."""
        host_info = self.one(HOST_INFO, self.service)
        return int(re.search(r"process (\d+)", host_info)[1])
