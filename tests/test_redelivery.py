# Copyright 2026 mqtt_listener contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
import logging
import os
import random
from types import SimpleNamespace

from odoo.tests import BaseCase

from ..listener.observed import Observed
from ..listener.reception import Reception
from ..mqtt.message import Message
from .redelivery import ANY_FAULT, CELLS, FAULTS, World

_logger = logging.getLogger(__name__)

RUNS = int(os.environ.get("MQTT_REDELIVERY_RUNS") or 0)  # of each cell, other ones


class TestReception(BaseCase):
    """What is neither lost nor left without an acknowledgement."""

    def setUp(self):
        super().setUp()
        self.inbox, self.acks, self.sequence = [], [], 0
        self.reception = Reception(
            SimpleNamespace(put=lambda one: self.inbox.append(one) or True),
            SimpleNamespace(),
            Observed(),
        )
        self.connect()

    def connect(self):
        self.reception.connected(self.acks.extend, session_present=True)

    def receive(self, *messages, dup=False):
        """(packet id, payload) of each."""
        for packet_id, payload in messages:
            message = Message("t", payload, qos=1, dup=dup, packet_id=packet_id)
            self.reception.receive(message, is_copy=False)

    def commit(self):
        """Commit what waits; how many messages that were."""
        batch = self.inbox.copy()
        self.inbox.clear()
        self.sequence += len(batch)
        for one in batch:
            one.sequence = self.sequence
        self.reception.committed(batch, 0)
        return len(batch)

    def test_dup_behind_an_acknowledgement(self):
        """With its acknowledgement sent, what comes is new for all that is known."""
        self.receive((1, b"ON"), (2, b"x"))
        self.commit()
        self.assertEqual(self.acks, [(1, 1)])
        self.receive((1, b"ON"), (3, b"y"), dup=True)
        self.assertEqual(self.commit(), 2)
        self.assertEqual(self.acks, [(1, 1), (2, 1), (1, 1)])

    def test_dup_of_an_earlier_connection(self):
        """A receipt that nothing repeated says nothing when redelivery is over."""
        self.receive((1, b"ON"), (2, b"x"), (3, b"ON"))
        self.commit()
        self.reception.disconnected()
        self.acks.clear()
        self.connect()
        self.receive((1, b"ON"), (2, b"y"), (3, b"ON"), (4, b"z"), dup=True)
        self.assertEqual(self.commit(), 4)
        self.assertEqual(self.acks, [(1, 1), (2, 1), (3, 1)])

    def test_dup_before_the_acknowledgement(self):
        """The broker that waits for it gets one, behind the commit."""
        self.receive((1, b"ON"), (2, b"x"))
        self.receive((1, b"ON"), (2, b"x"), dup=True)
        self.assertEqual(self.commit(), 2)
        self.receive((2, b"x"), dup=True)
        self.receive((3, b"y"))
        self.assertEqual(self.commit(), 1)
        self.assertEqual(self.acks, [(1, 1), (2, 1)])

    def test_dup_after_a_redelivery(self):
        """What came again is waited for on this connection, too."""
        self.receive((1, b"ON"), (2, b"x"))
        self.commit()
        self.reception.disconnected()
        self.acks.clear()
        self.connect()
        self.receive((1, b"ON"), (2, b"x"), dup=True)
        self.assertEqual(self.acks, [(1, 1)])
        self.receive((2, b"x"), dup=True)
        self.receive((3, b"y"))
        self.assertEqual(self.commit(), 1)
        self.assertEqual(self.acks, [(1, 1), (2, 1)])


class TestRedelivery(BaseCase):
    """Whatever breaks with whatever broker, simulated.

    One case nobody can decide: a single message is under way, its acknowledgement was
    sent, the connection broke, and the broker had given its identifier to an equal one.
    Then, and only then, the new one is taken for the old one.
    """

    def setUp(self):
        super().setUp()
        self.first = random.randrange(10**9)

    def worlds(self, cell, count):
        """Worlds in which it happened, with seeds that no run had before."""
        for seed in range(self.first, self.first + count):
            yield World(seed, cell).run()

    def test_conformant_brokers(self):
        """Each message is stored, once and in order, whatever the contents."""
        undecidable = 0
        for cell in CELLS:
            if not cell.is_conformant:
                continue
            if cell.fault == FAULTS[0]:
                cell = cell._replace(fault=ANY_FAULT)
            for world in self.worlds(cell, max(RUNS, 100)):
                self.assertEqual(world.broker.in_flight, [], world)
                self.assertEqual(world.stored, sorted(set(world.stored)), world)
                self.assertLessEqual(world.missing, world.undecidable, world)
                undecidable += world.undecidable
        self.assertTrue(undecidable, "the one case did not happen: is it tried?")

    def test_other_brokers(self):
        """Nothing is lost, but for equal messages, see ``Cell.is_lossless``."""
        sizes = {}
        for cell in CELLS:
            doubled = breaks = 0
            for world in self.worlds(cell, RUNS or 2):
                lost, again = world.difference()
                if cell.is_lossless:
                    self.assertEqual(world.broker.in_flight, [], world)
                    self.assertLessEqual(lost, world.undecidable, world)
                # What is doubled was in flight when something broke.
                most = world.breaks * world.broker.WINDOW
                self.assertLessEqual(again, most, world)
                doubled += again
                breaks += world.breaks
            sizes[cell] = round(100 * doubled / max(breaks, 1))
        if RUNS:
            _show(sizes)


def _show(sizes):
    """Log how many messages are doubled for 100 breaks, by broker and content."""
    rows = {}
    for cell, size in sizes.items():
        rows.setdefault(cell[:-2], {}).setdefault(cell.content, []).append(str(size))
    _logger.info("doubled for 100 times: %s", ", ".join(FAULTS))
    for broker, contents in rows.items():
        cells = [" / ".join(values) for values in contents.values()]
        _logger.info("| %s |", " | ".join([*broker, *cells]))
