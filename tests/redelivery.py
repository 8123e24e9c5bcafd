# Copyright 2026 mqtt_listener contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""Brokers as they are, a real reception, a database, and what breaks them.

A simulation: everything that happens is drawn from a seed, and time does not exist.
"""

import random
from collections import Counter, deque
from itertools import product
from types import SimpleNamespace
from typing import NamedTuple

from ..listener.observed import Observed
from ..listener.reception import Reception
from ..mqtt.message import Message
from ..mqtt.receipts import unpack_receipts

CONTENTS = {
    "all different": str,
    "one in five equal": lambda number: "ON" if number % 5 == 0 else str(number),
    "all equal": lambda _number: "ON",
}
LISTENER_KILLED = "listener killed"
BROKER_KILLED = "broker killed"
FAULTS = (LISTENER_KILLED, BROKER_KILLED, "connection cut")
ANY_FAULT = "any of them"


class Cell(NamedTuple):
    """What a broker does, what publishers send, and what breaks."""

    ids: str
    dup: str
    present: str
    order: str
    content: str
    fault: str

    @property
    def is_conformant(self):
        """Whether the broker does what MQTT demands (3.2.2, 3.3.1, 4.4, 4.6)."""
        return self.ids != "renumbered" and (self.dup, self.present, self.order) == (
            "right",
            "right",
            "in order",
        )

    @property
    def is_lossless(self):
        """Whether what the broker does never takes a new message for an old one.

        Equal messages under identifiers that are used again do, where the broker has
        not been seen to number anew, or sends with DUP what it never sent before.
        """
        reuses = self.ids == "renumbered" or (
            self.ids == "kept, lowest free"
            and (self.dup, self.order) == ("always", "behind newer")
        )
        is_told = self.dup == "never" or self.present == "always 0"
        return is_told or not reuses or self.content != "all equal"


CELLS = [
    Cell(*values)
    for values in product(
        ("kept, lowest free", "kept, counted", "renumbered"),
        ("right", "never", "always"),
        ("right", "always 0", "always 1"),
        ("in order", "behind newer"),
        CONTENTS,
        FAULTS,
    )
]


class SimulatedBroker:
    """One session.

    :param cell: how it numbers, flags and orders what it sends.
    """

    WINDOW = 6

    def __init__(self, cell):
        self.cell = cell
        self.published = 0
        self.in_flight = []  # [packet id, number], in order: the session
        self.last_id = 0
        self.has_session = False
        self.wire, self.acks = deque(), deque()
        self.later = deque()  # what is sent again when its timeout is over

    def publish(self):
        if len(self.in_flight) < self.WINDOW:
            one = [self._next_id(), self.published]
            self.in_flight.append(one)
            self.wire.append((*one, self.cell.dup == "always"))
            self.published += 1

    def _next_id(self):
        if self.cell.ids == "kept, lowest free":
            used = {packet_id for packet_id, _number in self.in_flight}
            return min(set(range(1, self.WINDOW + 1)) - used)
        self.last_id += 1
        return self.last_id

    def acknowledge(self):
        """Process the first acknowledgement on the wire."""
        if self.acks:
            packet_id = self.acks.popleft()
            self.in_flight = [one for one in self.in_flight if one[0] != packet_id]

    def connect(self):
        """A new connection; whether the session is present, as it says."""
        self.acks.clear()
        self.wire.clear()
        if self.cell.ids == "renumbered":
            for packet_id, one in enumerate(self.in_flight, 1):
                one[0] = packet_id
            self.last_id = len(self.in_flight)
        again = [(*one, self.cell.dup != "never") for one in self.in_flight]
        is_late = self.cell.order == "behind newer"
        self.later = deque(again if is_late else ())
        self.wire.extend(() if is_late else again)
        had_session, self.has_session = self.has_session, True
        return {"right": had_session, "always 0": False}.get(self.cell.present, True)

    def send_late(self):
        """The timeout of what was not acknowledged is over."""
        self.wire.extend(self.later)
        self.later.clear()


class World:
    """A broker, a listener and its database.

    :param seed: of everything that happens.
    :ivar breaks: how often something broke.
    :ivar lone: how often a message came first while there was one receipt, which
        nobody can tell from a new one with its content under its identifier.
    """

    def __init__(self, seed, cell):
        self.random = random.Random(seed)
        self.seed = seed
        self.cell = cell
        self.content = CONTENTS[cell.content]
        self.broker = SimulatedBroker(cell)
        self.stored, self.receipts, self.sequence = [], [], 0  # the database
        self.renumbers = False  # in the database
        self.breaks = self.lone = 0
        self.is_calm = False
        self.start()

    def __repr__(self):
        return f"World({self.seed}, {self.cell})"

    def start(self):
        """A new process, with what the database knows."""
        self.inbox = []
        self.observed = Observed()
        self.reception = Reception(
            SimpleNamespace(put=lambda one: self.inbox.append(one) or True),
            SimpleNamespace(),
            self.observed,
            list(self.receipts),
            self.sequence,
            renumbers=self.renumbers,
        )
        self.connect()

    def connect(self):
        present = self.broker.connect()
        self.is_lone = len(self.reception._log) == 1  # receipts
        self.reception.connected(
            lambda received: self.broker.acks.extend(one for one, _qos in received),
            session_present=present,
        )

    def run(self, steps=300):
        """Let things happen, then let all that is under way arrive."""
        actions = [
            *[self.broker.publish] * 3,
            *[self.deliver] * 3,
            self.commit,
            self.broker.acknowledge,
            self.probe,
            self.forget,
            self.wait,
        ]
        for _ in range(steps):
            if self.happens(0.03):
                self.crash()
            else:
                self.random.choice(actions)()
        self.is_calm = True
        for _ in range(40):
            self.broker.send_late()
            for action in (self.deliver, self.commit, self.broker.acknowledge):
                action()
            if not self.broker.wire:
                self.wait()
                self.probe()
                self.forget()
        return self

    @property
    def undecidable(self):
        """How many messages may have been taken for another, which nobody can tell."""
        may_reuse = self.cell.ids == "kept, lowest free" and self.cell.dup != "never"
        return self.lone if may_reuse and self.cell.content != "all different" else 0

    @property
    def missing(self):
        """How many messages are not stored themselves, though an equal one may be."""
        return len(set(range(self.broker.published)) - set(self.stored))

    def difference(self):
        """How many messages are lost and how many doubled, by content."""
        sent = Counter(map(self.content, range(self.broker.published)))
        stored = Counter(map(self.content, self.stored))
        return (sent - stored).total(), (stored - sent).total()

    def happens(self, probability):
        """Whether something that goes wrong at times does so now."""
        return not self.is_calm and self.random.random() < probability

    def wait(self):
        """Time passes: what comes late comes, and what does not never will."""
        if self.broker.later:
            if self.random.random() < 0.3:
                self.broker.send_late()
        elif not self.broker.wire and self.random.random() < 0.3:
            self.reception.release_held()

    def deliver(self):
        if self.broker.wire:
            packet_id, number, dup = self.broker.wire.popleft()
            payload = self.content(number).encode()
            message = Message(  # its number is where a digest does not look
                "t", payload, qos=1, dup=dup, packet_id=packet_id, timestamp=number
            )
            self.lone += self.is_lone
            self.is_lone = False
            self.reception.receive(message, is_copy=False)

    def commit(self):
        least = len(self.inbox) if self.is_calm else 0
        batch = self.inbox[: self.random.randint(least, len(self.inbox))]
        if not batch:
            return
        del self.inbox[: len(batch)]
        pruned = self.observed.prunable.through
        self.sequence += len(batch)
        self.stored += [one.message.timestamp for one in batch]
        self.receipts = [one for one in self.receipts if one[0] > pruned]
        packed = [
            (one.message.packet_id, one.message.digest)
            for one in batch
            if one.session == self.reception.session
        ]
        if packed:
            self.receipts.append((self.sequence, packed))
        for one in batch:
            one.sequence = self.sequence
        if self.may_be_killed and self.happens(0.1):
            self.crash(LISTENER_KILLED)  # committed, and nobody was told
        else:
            self.reception.committed(batch, pruned)

    def probe(self):
        """A round trip: the broker has processed all that was sent before."""
        if self.happens(0.5):
            return
        acked, self.reception.last_acked = self.reception.last_acked, None
        while self.broker.acks:
            self.broker.acknowledge()
        while self.broker.wire:
            self.deliver()
        self.reception.confirmed(acked)

    def forget(self):
        """What a report does."""
        self.renumbers = self.observed.renumbers
        prunable = self.observed.prunable
        self.receipts = [one for one in self.receipts if one[0] > prunable.through]
        if prunable.rest:
            sequence, packed = prunable.rest
            self.receipts = [one for one in self.receipts if one[0] > sequence]
            self.receipts.insert(0, (sequence, list(unpack_receipts(packed))))
        if self.may_be_killed and self.happens(0.1):
            self.crash(LISTENER_KILLED)
        else:
            self.reception.pruned(prunable)

    @property
    def may_be_killed(self):
        """Whether the listener may be."""
        return self.cell.fault in (LISTENER_KILLED, ANY_FAULT)

    def crash(self, fault=None):
        """Some acknowledgements arrive, the rest and all on the wire is gone."""
        self.breaks += 1
        fault = fault or self.cell.fault
        if fault == ANY_FAULT:
            fault = self.random.choice(FAULTS)
        if fault != BROKER_KILLED:
            for _ in range(self.random.randint(0, len(self.broker.acks))):
                self.broker.acknowledge()
            # Published behind an acknowledgement and on the wire when it breaks.
            for _ in range(self.random.randint(0, 3)):
                self.broker.publish()
        self.reception.disconnected()
        if fault == LISTENER_KILLED:
            self.start()
        else:
            self.connect()
