import random
from collections import deque
from types import SimpleNamespace

from odoo.tests import BaseCase

from ..mqtt.receipts import ReceiptLog, pack_receipts, unpack_receipts

X, Y, Z = b"x" * 16, b"y" * 16, b"z" * 16


class TestReceipts(BaseCase):
    def setUp(self):
        super().setUp()
        self.log = ReceiptLog()

    def receive(self, *messages, dup=False):
        """Judge (packet id, digest) pairs; whether each decided one is new."""
        decided = []
        for packet_id, digest in messages:
            for _receipt, original in self.log.receive(packet_id, digest, dup):
                decided.append(original is None)
        return decided

    def test_equal_messages_are_new(self):
        """Without a new connection, nothing is a duplicate, whatever it looks like."""
        self.assertEqual(self.receive((1, X), (1, X), (1, X)), [True] * 3)
        self.assertEqual(self.receive((1, X), dup=True), [True])
        self.assertEqual(len(self.log), 1)

    def test_a_redelivered_suffix_is_recognised(self):
        """After a reconnect, the end of what was received comes again, then news."""
        self.receive((1, X), (2, Y), (3, Z))
        self.log.session_resumed()
        self.assertEqual(self.receive((2, Y), dup=True), [])
        self.assertTrue(self.log.is_holding)
        self.assertEqual(self.receive((3, Z), dup=True), [False, False])
        self.assertEqual(self.receive((4, X), dup=True), [True])
        self.assertEqual(self.receive((5, X)), [True])

    def test_a_sequence_that_breaks_was_none(self):
        """New messages that resemble the beginning of the log only are all stored."""
        self.receive((1, X), (2, Y))
        self.log.session_resumed()
        self.assertEqual(self.receive((1, X), (2, Z), dup=True), [True, True])

    def test_other_content_under_a_known_id_is_new(self):
        """A packet identifier alone proves nothing."""
        self.receive((1, X))
        self.log.session_resumed()
        self.assertEqual(self.receive((1, Y), dup=True), [True])

    def test_a_message_without_dup_ends_the_redelivery(self):
        """What was held then is new: the broker would have sent the rest first."""
        self.receive((1, X), (2, Y))
        self.log.session_resumed()
        self.assertEqual(self.receive((1, X), dup=True), [])
        self.assertEqual(self.receive((3, Z)), [True, True])

    def test_a_small_window(self):
        """A broker that waits for acknowledgements before it goes on gets them."""
        self.receive((1, X), (2, Y))
        self.log.session_resumed()
        self.receive((1, X), dup=True)
        ((_again, original),) = self.log.confirm_held()
        self.assertEqual(original.packet_id, 1)
        self.assertEqual(self.receive((2, Y), dup=True), [False])

    def test_a_lost_session_forgets_all(self):
        """A new session has nothing to send again."""
        self.receive((1, X))
        self.log.session_lost()
        self.log.session_resumed()
        self.assertEqual(self.receive((1, X), dup=True), [True])

    def test_a_free_identifier_confirms_all_before_it(self):
        """An id that comes without DUP was acknowledged, and all before it."""
        self.receive((1, X), (2, Y), (3, Z), (2, X))
        self.assertEqual(len(self.log), 2)
        self.assertEqual(self.log.oldest.packet_id, 3)

    def test_a_confirmation_is_for_its_message_only(self):
        """A newer message under the same id is not confirmed with the older one."""
        first, second = object(), object()
        self.log.receive(1, X, False, first)
        self.log.receive(1, X, False, second)
        self.log.acknowledged_through(1, first)
        self.assertEqual(len(self.log), 1)
        self.log.acknowledged_through(1, second)
        self.assertEqual(len(self.log), 0)

    def test_receipts_survive_the_process(self):
        """What an earlier process wrote down is matched the same way."""
        self.log.restore(unpack_receipts(pack_receipts([(1, X), (2, Y)])), "row")
        self.log.session_resumed()
        self.assertEqual(self.receive((2, Y), dup=True), [False])

    def test_a_hostile_broker_is_survived_exactly(self):
        """Random crashes of connection and process: nothing lost, nothing doubled."""
        for seed in range(300):
            world = World(seed, lambda number: number.to_bytes(16, "big"))
            world.run()
            self.assertEqual(world.stored, list(range(world.published)), seed)

    def test_equal_messages_are_lost_only_where_nobody_could_know(self):
        """With nothing but equal messages under the lowest free ids, none is doubled.

        One case is not decidable: the acknowledgement was sent, the connection broke,
        and the broker had given its id to an equal message. Then, and only then, the
        new one is taken for the old one.
        """
        for seed in range(300):
            world = World(seed, lambda number: X)
            world.run()
            self.assertEqual(len(world.stored), len(set(world.stored)), seed)
            missing = set(range(world.published)) - set(world.stored)
            self.assertLessEqual(missing, world.undecidable, seed)


class World:
    """A broker with the lowest free packet ids, a client, and what breaks them.

    :param content: the content of the message with this number.
    """

    WINDOW = 5

    def __init__(self, seed, content):
        self.random = random.Random(seed)
        self.content = content
        self.published = 0
        self.in_flight = []  # (packet id, number), in order: the broker's session
        self.wire, self.acks = deque(), deque()
        self.log = ReceiptLog()
        self.waiting, self.stored = [], []  # received; committed
        self.undecidable = set()
        self.generation = 0

    def run(self, steps=400):
        actions = [self.publish, self.deliver, self.commit, self.acknowledge]
        for _ in range(steps):
            if self.random.random() < 0.04:
                self.crash(process=self.random.random() < 0.5)
            else:
                self.random.choice(actions)()
        while self.in_flight or self.wire or self.waiting or self.acks:
            self.deliver()
            if not self.wire:
                self.judge(self.log.confirm_held())
            self.commit()
            self.acknowledge()

    def publish(self):
        if len(self.in_flight) < self.WINDOW:
            used = {packet_id for packet_id, _number in self.in_flight}
            packet_id = min(set(range(1, self.WINDOW + 1)) - used)
            self.in_flight.append((packet_id, self.published))
            self.wire.append((packet_id, self.published, False))
            self.published += 1

    def deliver(self):
        if self.wire:
            packet_id, number, dup = self.wire.popleft()
            delivery = SimpleNamespace(
                packet_id=packet_id,
                number=number,
                generation=self.generation,
                committed=False,
            )
            content = self.content(number)
            self.judge(self.log.receive(packet_id, content, dup, delivery))

    def judge(self, judged):
        for receipt, original in judged:
            if original is None:
                self.waiting.append(receipt.delivery)
                continue
            if original.delivery.number != receipt.delivery.number:
                self.undecidable.add(receipt.delivery.number)
            original.delivery.generation = self.generation
            if original.delivery.committed:
                self.acks.append(receipt.delivery.packet_id)

    def commit(self):
        for _ in range(self.random.randint(0, len(self.waiting))):
            delivery = self.waiting.pop(0)
            delivery.committed = True
            self.stored.append(delivery.number)
            if delivery.generation == self.generation:
                self.acks.append(delivery.packet_id)

    def acknowledge(self):
        if self.acks:
            packet_id = self.acks.popleft()
            self.in_flight = [one for one in self.in_flight if one[0] != packet_id]

    def crash(self, process):
        """Some acknowledgements arrive, the rest and all on the wire is gone."""
        for _ in range(self.random.randint(0, len(self.acks))):
            self.acknowledge()
        self.acks.clear()
        self.generation += 1
        if process:
            self.waiting.clear()
            committed = [
                (one.packet_id, one.digest, one.delivery)
                for one in self.log._receipts.values()
                if one.delivery.committed
            ]
            self.log = ReceiptLog()
            for packet_id, digest, delivery in committed:
                self.log.restore([(packet_id, digest)], delivery)
        self.log.session_resumed()
        self.wire = deque((*one, True) for one in self.in_flight)
