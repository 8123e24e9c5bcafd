# Copyright 2026 mqtt_listener contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""A broker, a version of MQTT, and what is published to try a check."""

import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from ..console import Problem
from ..process import wait_until
from .broker import Broker
from .flow import STALLED_SECONDS, Flow
from .stage import Service, Stage

NOT_DONE = "not done"


@dataclass
class Outcome:
    """What became of the messages of a check."""

    published: int
    stored: int
    lost: int = 0
    doubled: int = 0
    note: str = ""


@dataclass
class Row:
    """A line of ``results.json``."""

    broker: str
    version: str
    mqtt: str
    check: str
    published: int = 0
    stored: int = 0
    lost: int = 0
    doubled: int = 0
    note: str = ""

    @property
    def is_good(self) -> bool:
        """Whether the check came to its end, and lost and doubled nothing."""
        is_done = not self.note.startswith(NOT_DONE)
        return is_done and not self.lost and not self.doubled


class Trial:
    """What a check needs.

    :param protocol: of the service: `5` or `3.1.1`.
    :param messages: how many the first check publishes; the others take part of them.
    """

    def __init__(
        self, stage: Stage, broker: Broker, protocol: str, messages: int
    ) -> None:
        self.stage, self.broker = stage, broker
        self.protocol, self.messages = protocol, messages
        self.chance = random.Random()
        self.topic = "brokers/none"  # of the check, and of no other

    @property
    def some(self) -> int:
        """A tenth of the messages, and enough for some to be on their way."""
        return max(500, self.messages // 10)

    @contextmanager
    def service(self, *filters: str, **values: object) -> "Iterator[Service]":
        """A service of its own, which is stopped in the end.

        :param filters: below the topic of the check; its topic itself without.
        """
        where = {"host": self.broker.host, "port": self.broker.port}
        chosen = [self.topic + one for one in filters] or [self.topic]
        values = {**where, "protocol": self.protocol, **values}
        service = Service(self.stage, chosen, **values)
        try:
            yield service
        finally:
            service.stop()

    def flow(self, service: Service, level: str = "") -> Flow:
        """Messages for that service, to its topic or to a level below."""
        return Flow(self.broker, service, self.topic + level)

    def run(self, number: int, name: str, check: "Callable[[Trial], Outcome]") -> Row:
        """The row of a check; one that comes to no end says why."""
        # No dots: RabbitMQ makes slashes of them.
        version = self.protocol.replace(".", "")
        self.topic = f"brokers/{self.broker.directory.name}/{version}/{number}"
        row = Row(self.broker.title, self.broker.version, f"MQTT {self.protocol}", name)
        try:
            outcome = check(self)
        except Problem as problem:
            row.note = f"{NOT_DONE}: {problem}"
            if not self.broker.is_running():
                self.broker.start().wait_ready()
        else:
            vars(row).update(vars(outcome))
        return row


def settled(flow: Flow, note: str = "") -> Outcome:
    """What became of what a flow has published."""
    stored, lost, doubled = flow.settle()
    return Outcome(flow.published, stored, lost, doubled, note)


def arrives(true: "Callable[[], object]") -> bool:
    """Whether something comes true before what is missing counts as lost."""
    try:
        wait_until(true, STALLED_SECONDS, "it does not come")
    except Problem:
        return False
    return True
