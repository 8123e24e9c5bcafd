import logging
import os
from types import SimpleNamespace

from odoo.tests import BaseCase

from ..listener.observed import Observed
from ..listener.reception import Reception
from ..mqtt.message import Message

_logger = logging.getLogger(__name__)

RUNS = int(os.environ.get("MQTT_REDELIVERY_RUNS") or 0)  # of each cell, other ones


class TestReception(BaseCase):
    """What is neither lost nor left without an acknowledgement."""

    def setUp(self):
        super().setUp()
        self.inbox, self.acks = [], []
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
        batch, self.inbox[:] = list(self.inbox), []
        for number, one in enumerate(batch, 1):
            one.sequence = (self.reception._committed_through or 0) + number
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
