# Copyright 2026 mqtt_listener contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
import threading
from types import SimpleNamespace
from unittest.mock import patch

from odoo.tests import BaseCase

from ..listener import inbox as inbox_module
from ..listener.inbox import Delivery, Inbox
from ..listener.observed import Observed
from ..listener.reception import Reception
from ..mqtt.message import Message


class TestInbox(BaseCase):
    def setUp(self):
        super().setUp()
        self.patch(inbox_module, "OVERHEAD", 0)  # bytes are easier to count so

    def inbox(self, **bounds):
        values = {
            "batch_size": 100,
            "batch_bytes": 10_000,
            "linger": 0,
            "max_messages": 1000,
            "max_bytes": 100_000,
        }
        return Inbox(**{**values, **bounds})

    @staticmethod
    def delivery(size=1, qos=1, **values):
        return Delivery(Message("t", b"x" * size, qos), 1, 1, **values)

    def fill(self, inbox, count, **values):
        deliveries = [self.delivery(**values) for _ in range(count)]
        return [one for one in deliveries if inbox.put(one)]

    def test_batches_are_bounded_by_count(self):
        """A batch has so many messages at most, oldest first."""
        inbox = self.inbox(batch_size=3)
        put = self.fill(inbox, 7)
        taken = [inbox.take(0), inbox.take(0), inbox.take(0), inbox.take(0)]
        self.assertEqual([len(batch) for batch in taken], [3, 3, 1, 0])
        self.assertEqual([one for batch in taken for one in batch], put)

    def test_batches_are_bounded_by_bytes(self):
        """A batch has so many bytes at most; a larger message goes alone."""
        inbox = self.inbox(batch_bytes=102)
        for size in (60, 40, 1, 500, 1):
            inbox.put(self.delivery(size))
        sizes = []
        while batch := inbox.take(0):
            sizes.append([one.size for one in batch])
        self.assertEqual(sizes, [[61, 41], [2], [501], [2]], "with the topic")

    def test_qos_0_is_refused_when_full_and_qos_1_never(self):
        """Beyond the bound best effort is dropped; the rest is kept whatever comes."""
        inbox = self.inbox(max_messages=5)
        self.assertEqual(len(self.fill(inbox, 9, qos=0)), 5)
        self.assertEqual(len(self.fill(inbox, 9, qos=1)), 9)
        self.assertEqual(len(self.fill(inbox, 1, qos=0)), 0)

    def test_full_until_done(self):
        """What was taken counts until it is committed: memory is what is bounded."""
        inbox = self.inbox(max_bytes=100)
        self.fill(inbox, 1, size=100)
        self.assertTrue(inbox.is_full)
        batch = inbox.take(0)
        self.assertTrue(inbox.is_full)
        self.assertEqual(inbox.unfinished, 1)
        inbox.done(batch)
        self.assertFalse(inbox.is_full)
        self.assertEqual(inbox.unfinished, 0)

    def test_copies_weigh_too(self):
        """Another subscription's copy waits for its acknowledgement, in memory."""
        inbox = self.inbox(max_bytes=100)
        inbox.put(self.delivery(500, is_copy=True))
        self.assertTrue(inbox.is_full)
        self.assertEqual(inbox.unfinished, 1)

    def test_what_is_committed_lets_its_message_go(self):
        """The receipt needs no payload."""
        delivery = self.delivery(500)
        delivery.let_go()
        self.assertIsNone(delivery.message)
        self.assertEqual((delivery.qos, delivery.size), (1, 501))

    def test_a_lone_message_leaves_at_once(self):
        """The linger is for what follows a batch, not for the first message."""
        inbox = self.inbox(linger=3600)
        self.fill(inbox, 1)
        self.assertEqual(len(inbox.take(3600)), 1)

    def test_a_full_batch_does_not_linger(self):
        """Under load a batch leaves when it is full."""
        inbox = self.inbox(linger=3600, batch_size=5)
        self.fill(inbox, 1)
        inbox.take(0)
        self.fill(inbox, 5)
        self.assertEqual(len(inbox.take(0)), 5)

    def test_flushing_ends_the_linger(self):
        """A stop waits for nothing more to come."""
        inbox = self.inbox(linger=3600)
        self.fill(inbox, 1)
        inbox.take(0)
        self.fill(inbox, 1)
        taken = []
        thread = threading.Thread(target=lambda: taken.extend(inbox.take(3600)))
        thread.start()
        inbox.flush()
        thread.join(10)
        self.assertEqual(len(taken), 1)

    def test_a_poke_wakes_who_waits(self):
        """Something else to do ends the wait for messages."""
        inbox = self.inbox()
        taken = []
        thread = threading.Thread(target=lambda: taken.append(inbox.take(3600)))
        thread.start()
        inbox.poke()
        thread.join(10)
        self.assertEqual(taken, [[]])

    def test_announced_once_all_is_put(self):
        """The first message, the tenth, a full batch and an urgent one are a reason."""
        inbox = self.inbox(batch_size=20)
        told = []
        with patch.object(inbox._changed, "notify", lambda: told.append(put)):
            for put in range(1, 25):
                urgent = put == 23
                inbox.put(Delivery(Message("t", b"x", 1, at_once=urgent), 1, 1))
                inbox.announce()
                inbox.announce()
        self.assertEqual(told, [1, 10, 20, 21, 22, 23, 24])

    def test_abandoning_leaves_nothing_to_wait_for(self):
        """Who lost the service does not wait for what it cannot commit."""
        inbox = self.inbox()
        self.fill(inbox, 5)
        inbox.abandon()
        self.assertEqual((inbox.unfinished, inbox.take(0)), (0, []))


class TestReception(BaseCase):
    def test_a_message_is_counted_that_is_committed_at_once(self):
        """The writer may let go of a message before the network thread goes on."""
        observed = Observed()
        inbox = SimpleNamespace(put=lambda delivery: delivery.let_go() or True)
        reception = Reception(inbox, SimpleNamespace(), observed)
        reception.receive(Message("t", b"", timestamp=2_000_000), is_copy=False)
        self.assertEqual((observed.received, observed.last_activity), (1, 2.0))
