# Copyright 2026 mqtt_listener contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
from types import SimpleNamespace

from odoo.tests import BaseCase

from ..listener.observed import Observed
from ..listener.reception import Reception
from ..listener.window import LONGEST_SECONDS, SHORTEST_SECONDS, Window
from ..mqtt.message import Message


class TestWindow(BaseCase):
    def test_a_broker_that_sends_on_may_wait(self):
        window = Window(SHORTEST_SECONDS)
        for now in range(10):
            window.received(now, 1, is_held=True)
        self.assertEqual(window.hold_seconds, LONGEST_SECONDS)

    def test_a_broker_whose_window_is_used_up_may_not(self):
        """What comes right after an acknowledgement had waited for it."""
        window = Window()
        for now in range(10):
            window.released(now)
            window.received(now + 0.001, 1, is_held=False)
        self.assertEqual(window.hold_seconds, SHORTEST_SECONDS)

    def test_what_comes_later_says_nothing(self):
        window = Window()
        window.released(1.0)
        window.received(2.0, 1, is_held=False)
        self.assertEqual(window.hold_seconds, LONGEST_SECONDS)

    def test_what_fills_the_window_need_not_linger(self):
        """Once it is seen that messages come with acknowledgements, not by time."""
        window = Window()
        for now in range(20):
            window.received(now, 10 if not now else 9, is_held=False)
            window.acknowledged(now + 0.9995, 9)
        self.assertFalse(window.is_used_up, "one acknowledgement is held back")
        window.received(20, 5, is_held=True)
        self.assertFalse(window.is_used_up)
        window.received(20.001, 4, is_held=True)
        self.assertTrue(window.is_used_up)

    def test_a_steady_stream_fills_no_window(self):
        window = Window()
        for now in range(100):
            window.received(now, 1, is_held=False)
            window.acknowledged(now + 0.05, 1)
            self.assertFalse(window.is_used_up)


class TestSmallWindow(BaseCase):
    """A broker that may send only a few messages proves with each what it knows."""

    def setUp(self):
        super().setUp()
        self.inbox, self.acknowledged, self.sequence = [], [], 0
        self.observed = Observed()
        self.reception = Reception(
            SimpleNamespace(put=lambda one: self.inbox.append(one) or True),
            SimpleNamespace(),
            self.observed,
        )

    def connect(self, window):
        self.reception.connected(
            self.acknowledged.extend, session_present=True, window=window
        )

    def receive(self, packet_id):
        message = Message("t", b"%d" % packet_id, qos=1, packet_id=packet_id)
        self.reception.receive(message, is_copy=False)

    def commit(self):
        batch, self.inbox[:] = list(self.inbox), []
        pruned = self.observed.prunable.through
        self.sequence += len(batch)
        for one in batch:
            one.sequence = self.sequence
        self.reception.committed(batch, pruned)

    def test_one_at_a_time_is_acknowledged_with_its_commit(self):
        """No round trip, though each message has a packet identifier of its own."""
        self.connect(window=1)
        for packet_id in range(1, 6):
            self.receive(packet_id)
            self.commit()
            self.assertEqual(self.acknowledged[-1], (packet_id, 1))
        self.assertEqual(len(self.acknowledged), 5)

    def test_a_window_that_is_not_known_proves_nothing(self):
        self.connect(window=None)
        for packet_id in range(1, 4):
            self.receive(packet_id)
            self.commit()
        self.assertEqual(self.acknowledged, [(1, 1), (2, 1)], "the third is held back")

    def test_a_broker_that_sends_more_than_it_may_proves_nothing(self):
        self.connect(window=1)
        self.receive(1)
        self.receive(2)
        self.commit()
        self.assertEqual(self.acknowledged, [(1, 1)])
        self.receive(3)
        self.commit()
        self.assertEqual(self.acknowledged, [(1, 1), (2, 1)])
        self.assertLess(self.observed.prunable.through, 2)
