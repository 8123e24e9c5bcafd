# Copyright 2026 mqtt_listener contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""When the loop of a connection probes, and what an answer proves."""

import math
from types import SimpleNamespace

from odoo.tests import BaseCase, tagged

from ..broker.problem import ConnectionEnded
from ..listener import heartbeat
from ..listener.heartbeat import BEAT_SECONDS, IDLE_BEAT_SECONDS, Heartbeat
from ..listener.window import Window


class _Client:
    """Notes what was sent; packet identifiers count from 1."""

    keepalive = 60

    def __init__(self):
        self.probes = 0

    def unsubscribe(self, _filter):
        self.probes += 1
        return 0, self.probes

    def loop_misc(self):
        return 0


@tagged("post_install", "-at_install")
class TestHeartbeat(BaseCase):
    def setUp(self):
        super().setUp()
        self.client = _Client()
        self.inbox = SimpleNamespace(is_full=False, unfinished=0)
        self.confirmed = []
        self.reception = SimpleNamespace(
            holds_ack=False,
            is_holding=False,
            has_to_confirm=False,
            last_acked=None,
            confirmed=self.confirmed.append,
            release_held=lambda: setattr(self.reception, "is_holding", False),
        )
        self.changes = 0
        self.codes = []
        self.window = Window()
        self.heartbeat = Heartbeat(
            self.client,
            SimpleNamespace(inactivity_timeout=30),
            self.inbox,
            self.reception,
            self.window,
            0.0,
            check=self.codes.append,
            changed=self._changed,
        )

    def _changed(self):
        self.changes += 1

    def test_a_silent_connection_is_probed(self):
        """Not before the inactivity timeout; once, until the answer is there."""
        self.heartbeat.beat(29.0)
        self.assertEqual(self.client.probes, 0)
        self.heartbeat.beat(30.0)
        self.heartbeat.beat(31.0)
        self.assertEqual(self.client.probes, 1)
        self.assertTrue(self.heartbeat.is_probing)
        self.assertTrue(self.heartbeat.answered(1))
        self.assertFalse(self.heartbeat.is_probing)

    def test_a_probe_without_an_answer(self):
        """Ends the connection, unless something else is received meanwhile."""
        self.heartbeat.beat(30.0)
        late = 30.0 + heartbeat.PROBE_TIMEOUT_SECONDS + 0.1
        self.heartbeat.read_at = late - 1
        self.heartbeat.beat(late)  # slow, and alive
        self.heartbeat.read_at = 30.0
        with self.assertRaises(ConnectionEnded) as ended:
            self.heartbeat.beat(late)
        self.assertEqual(ended.exception.problem.code, "silent")

    def test_a_full_inbox(self):
        """Says nothing of the connection; the broker hears of us all the same."""
        self.inbox.is_full = True
        for now in range(0, 601, 10):
            self.heartbeat.beat(float(now))
        self.assertEqual(self.client.probes, 600 // 30 + 1)
        self.assertEqual(self.heartbeat.read_at, 600.0)
        self.client.keepalive = 0
        self.heartbeat.beat(700.0)
        self.assertEqual(self.client.probes, 600 // 30 + 1)

    def test_several_probes_under_way(self):
        """Each answer confirms what was acknowledged before its own probe."""
        self.inbox.is_full = True
        for now, acked in ((0.0, (1, "a")), (40.0, (2, "b"))):
            self.reception.last_acked = acked
            self.heartbeat.beat(now)
            self.assertIsNone(self.reception.last_acked)
        self.assertTrue(self.heartbeat.answered(1))
        self.assertTrue(self.heartbeat.answered(2))
        self.assertEqual(self.confirmed, [(1, "a"), (2, "b")])
        self.assertFalse(self.heartbeat.answered(2))
        self.assertFalse(self.heartbeat.answered(7), "it answers a subscription")

    def test_confirming(self):
        """Acknowledgements are confirmed once a second; what is held back at once when
        it is quiet, and when the service stops.
        """
        confirm = self.heartbeat.confirm
        confirm(10.0, is_stopping=False)
        self.assertEqual(self.client.probes, 0, "there is nothing to confirm")
        self.reception.has_to_confirm = True
        self.inbox.unfinished = 1
        confirm(10.0, is_stopping=False)
        self.assertEqual(self.client.probes, 0, "more is on its way")
        self.inbox.unfinished = 0
        confirm(10.0, is_stopping=False)
        self.assertEqual(self.client.probes, 1)
        self.heartbeat.answered(1)
        self.heartbeat.read_at = 10.4
        confirm(10.5, is_stopping=False)
        self.assertEqual(self.client.probes, 1, "a second has not passed")
        self.reception.holds_ack = True
        confirm(10.4 + self.window.hold_seconds / 2, is_stopping=False)
        self.assertEqual(self.client.probes, 1, "the broker may send the next")
        confirm(10.4 + self.window.hold_seconds, is_stopping=False)
        self.assertEqual(self.client.probes, 2)
        self.heartbeat.answered(2)
        self.assertEqual(self.changes, 1)
        confirm(10.4 + self.window.hold_seconds, is_stopping=True)
        self.assertEqual(self.client.probes, 3)

    def test_a_held_sequence(self):
        """What may be a redelivery waits for its rest, and not for ever."""
        self.reception.is_holding = True
        self.heartbeat.beat(heartbeat.HELD_TIMEOUT_SECONDS)
        self.assertTrue(self.reception.is_holding)
        self.heartbeat.beat(heartbeat.HELD_TIMEOUT_SECONDS + 0.1)
        self.assertFalse(self.reception.is_holding)

    def test_patience(self):
        """As long as nothing depends on the time, and no longer than keep-alives may
        be late.
        """
        patience = self.heartbeat.patience
        self.assertEqual(patience(is_awaiting=False), IDLE_BEAT_SECONDS)
        self.assertEqual(patience(is_awaiting=True), BEAT_SECONDS)
        self.client.keepalive = 8
        self.assertEqual(patience(is_awaiting=False), 2.0)
        self.client.keepalive = 1
        self.assertEqual(patience(is_awaiting=False), BEAT_SECONDS)
        self.client.keepalive = 0  # none
        self.assertEqual(patience(is_awaiting=False), IDLE_BEAT_SECONDS)
        self.reception.holds_ack = True
        self.assertEqual(patience(is_awaiting=False), self.window.hold_seconds)
        self.reception.holds_ack = False
        for name in ("is_holding", "has_to_confirm"):
            setattr(self.reception, name, True)
            self.assertEqual(patience(is_awaiting=False), BEAT_SECONDS)
            setattr(self.reception, name, False)
        self.inbox.is_full = True
        self.assertEqual(patience(is_awaiting=False), BEAT_SECONDS)

    def test_return_codes(self):
        """Each is checked: the check of the connection knows what a callback said."""
        self.client.unsubscribe = lambda _filter: (4, 1)
        self.heartbeat.beat(30.0)
        self.assertEqual(self.codes, [0, 4])
        self.assertNotEqual(self.heartbeat.patience(is_awaiting=False), math.inf)
