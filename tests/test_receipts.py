import random
from collections import deque
from types import SimpleNamespace

from odoo.tests import BaseCase

from ..listener.observed import Observed
from ..listener.reception import Reception
from ..mqtt.message import Message
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
        """Without a new connection and DUP, none is a duplicate, whatever it has."""
        self.assertEqual(self.receive((1, X), (1, X), (1, X)), [True] * 3)
        self.assertEqual(len(self.log), 1)

    def test_a_broker_that_does_not_wait(self):
        """What comes again on the same connection was not acknowledged: a copy."""
        self.receive((1, X), (2, Y))
        self.assertEqual(self.receive((1, X), (2, Y), dup=True), [])
        self.assertEqual(self.receive((2, Z), dup=True), [True])

    def test_a_broker_that_numbers_again(self):
        """Identifiers from 1 with every connection: contents tell, in their order."""
        self.receive((11, X), (12, X), (13, Y), (14, Z))
        self.log.session_resumed()
        self.assertEqual(self.receive((1, X), (2, Y), dup=True), [])
        self.assertEqual(self.receive((3, Z), dup=True), [False] * 3)
        self.assertEqual(self.receive((4, X), dup=True), [True])
        self.log.session_resumed()
        self.assertEqual(self.receive((1, Z), dup=True), [])
        self.assertEqual(self.receive((2, X), dup=True), [False] * 2)

    def test_equal_messages_numbered_again(self):
        """Where nobody can know, a message is rather doubled than lost."""
        self.receive((11, X), (12, X), (13, X))
        self.log.session_resumed()
        self.assertEqual(self.receive((1, X), dup=True), [False])
        self.assertEqual(self.receive((2, X), dup=True), [True])

    def test_a_number_1_that_is_new(self):
        """Contents that are not those of the log's end are new."""
        self.receive((11, X), (12, Y))
        self.log.session_resumed()
        self.assertEqual(self.receive((1, X), dup=True), [])
        self.assertEqual(self.receive((2, Z), dup=True), [True, True])

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

    def test_a_redelivery_that_did_not_come_never_does(self):
        """What is not sent again before the first new message is done."""
        self.receive((1, X), (2, Y))
        self.log.session_resumed()
        self.assertEqual(self.receive((3, Z)), [True])
        self.assertEqual(len(self.log), 1)


class TestExactness(BaseCase):
    """Whatever breaks, in any order: nothing lost, nothing doubled."""

    def run_worlds(self, content):
        for seed in range(300):
            world = World(seed, content)
            world.run()
            self.assertEqual(world.broker.in_flight, [], seed)
            self.assertEqual(len(world.stored), len(set(world.stored)), seed)
            self.assertEqual(world.stored, sorted(world.stored), seed)
            yield seed, world, set(range(world.broker.published)) - set(world.stored)

    def test_different_messages(self):
        for seed, _world, missing in self.run_worlds(lambda number: str(number)):
            self.assertFalse(missing, seed)

    def test_equal_messages(self):
        """Equal messages under the lowest free ids are told apart, too.

        One case nobody can decide: a single message is under way, its acknowledgement
        was sent, the connection broke, and the broker had given its id to an equal one.
        Then, and only then, the new one is taken for the old one.
        """
        undecidable = 0
        for seed, world, missing in self.run_worlds(lambda number: "ON"):
            self.assertLessEqual(missing, world.undecidable, seed)
            undecidable += len(missing)
        self.assertTrue(undecidable, "the one case did not happen: is it tried?")

    def test_a_broker_that_numbers_again(self):
        """From 1 with each connection: nothing is lost, and little doubled.

        A single message under way is, and what is equal to the end of the log.
        """
        published = doubled = 0
        for seed in range(300):
            world = World(seed, lambda number: str(number), RenumberingBroker)
            world.run()
            self.assertEqual(world.broker.in_flight, [], seed)
            self.assertEqual(set(world.stored), set(range(world.broker.published)))
            published += world.broker.published
            doubled += len(world.stored) - world.broker.published
        self.assertLess(doubled, published / 10)


class Broker:
    """A broker with the lowest free packet ids and a window."""

    WINDOW = 5

    def __init__(self, content):
        self.content = content
        self.published = 0
        self.in_flight = []  # (packet id, number), in order: the session
        self.wire, self.acks = deque(), deque()

    def publish(self):
        if len(self.in_flight) < self.WINDOW:
            used = {packet_id for packet_id, _number in self.in_flight}
            packet_id = min(set(range(1, self.WINDOW + 1)) - used)
            self.in_flight.append((packet_id, self.published))
            self.wire.append((packet_id, self.published, False))
            self.published += 1

    def acknowledge(self):
        """Process the first acknowledgement on the wire."""
        if self.acks:
            packet_id = self.acks.popleft()
            self.in_flight = [one for one in self.in_flight if one[0] != packet_id]

    def resume(self):
        self.acks.clear()
        self.wire = deque((*one, True) for one in self.in_flight)


class RenumberingBroker(Broker):
    """A broker that counts from 1 again with each connection, as RabbitMQ does."""

    last = 0

    def publish(self):
        if len(self.in_flight) < self.WINDOW:
            self.last += 1
            self.in_flight.append((self.last, self.published))
            self.wire.append((self.last, self.published, False))
            self.published += 1

    def resume(self):
        self.in_flight = [
            (packet_id, number)
            for packet_id, (_old, number) in enumerate(self.in_flight, 1)
        ]
        self.last = len(self.in_flight)
        super().resume()


class World:
    """A broker, a real reception, a database, and what breaks them.

    :param seed: of everything that happens.
    :param content: the payload of the message with this number.
    """

    def __init__(self, seed, content, broker=Broker):
        self.random = random.Random(seed)
        self.broker = broker(content)
        self.stored, self.receipts, self.sequence = [], [], 0  # the database
        self.undecidable = set()
        self.is_calm = False
        self.start()

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
        )
        self.connect()

    def connect(self):
        self.broker.resume()
        self.is_lone = len(self.reception._log) == 1
        self.reception.connected(
            lambda received: self.broker.acks.extend(one for one, _qos in received),
            session_present=True,
        )

    def run(self, steps=400):
        actions = [
            self.broker.publish,
            self.broker.publish,
            self.deliver,
            self.deliver,
            self.commit,
            self.broker.acknowledge,
            self.probe,
            self.forget,
        ]
        for _ in range(steps):
            if self.happens(0.04):
                self.crash()
            else:
                self.random.choice(actions)()
        self.is_calm = True
        for _ in range(20):
            for action in (self.deliver, self.commit, self.broker.acknowledge):
                action()
            if not self.broker.wire:
                self.reception.release_held()
                self.probe()
                self.forget()

    def happens(self, probability):
        """Whether something that goes wrong at times does so now."""
        return not self.is_calm and self.random.random() < probability

    def deliver(self):
        if self.broker.wire:
            packet_id, number, dup = self.broker.wire.popleft()
            payload = self.broker.content(number).encode()
            message = Message(  # its number is where a digest does not look
                "t", payload, qos=1, dup=dup, packet_id=packet_id, timestamp=number
            )
            if self.is_lone:
                self.undecidable.add(number)
                self.is_lone = False
            self.reception.receive(message, is_copy=False)

    def commit(self):
        least = len(self.inbox) if self.is_calm else 0
        batch = self.inbox[: self.random.randint(least, len(self.inbox))]
        if not batch:
            return
        del self.inbox[: len(batch)]
        forgotten = self.observed.forgettable.through
        self.sequence += len(batch)
        self.stored += [one.message.timestamp for one in batch]
        self.receipts = [one for one in self.receipts if one[0] > forgotten]
        packed = [(one.message.packet_id, one.message.digest) for one in batch]
        self.receipts.append((self.sequence, packed))
        for one in batch:
            one.sequence = self.sequence
        if self.happens(0.1):
            self.crash(process=True)  # committed, and nobody was told
        else:
            self.reception.committed(batch, forgotten)

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
        forgettable = self.observed.forgettable
        self.receipts = [one for one in self.receipts if one[0] > forgettable.through]
        if forgettable.rest:
            sequence, packed = forgettable.rest
            self.receipts = [one for one in self.receipts if one[0] > sequence]
            self.receipts.insert(0, (sequence, list(unpack_receipts(packed))))
        if self.happens(0.1):
            self.crash(process=True)
        else:
            self.reception.forgotten(forgettable)

    def crash(self, process=None):
        """Some acknowledgements arrive, the rest and all on the wire is gone."""
        for _ in range(self.random.randint(0, len(self.broker.acks))):
            self.broker.acknowledge()
        # Published behind an acknowledgement and on the wire when it breaks.
        for _ in range(self.random.randint(0, 3)):
            self.broker.publish()
        self.reception.disconnected()
        if self.random.random() < 0.5 if process is None else process:
            self.start()
        else:
            self.connect()
