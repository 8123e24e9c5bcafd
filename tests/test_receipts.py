# Copyright 2026 mqtt_listener contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
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

    def acknowledge(self, *packet_ids):
        for packet_id in packet_ids:
            self.log.acknowledged(packet_id, None)

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
        self.acknowledge(11, 12, 13)
        self.log.session_resumed()
        self.assertEqual(self.receive((1, X), (2, Y), dup=True), [])
        self.assertEqual(self.receive((3, Z), dup=True), [False] * 3)
        self.assertEqual(self.receive((4, X), dup=True), [True])
        self.acknowledge(1, 2, 3)
        self.log.session_resumed()
        self.assertEqual(self.receive((1, Z), dup=True), [])
        self.assertEqual(self.receive((2, X), dup=True), [False] * 2)

    def test_equal_messages_numbered_again(self):
        """Where nobody can know, a message is rather doubled than lost."""
        self.receive((11, X), (12, X), (13, X))
        self.acknowledge(11, 12)
        self.log.session_resumed()
        self.assertEqual(self.receive((1, X), dup=True), [False])
        self.assertEqual(self.receive((2, X), dup=True), [True])

    def test_what_was_not_acknowledged_comes_again(self):
        """All of it, whatever it says: numbered again, too."""
        self.receive((11, X), (12, X), (13, X))
        self.acknowledge(11)
        self.log.session_resumed()
        self.assertEqual(self.receive((1, X), dup=True), [])
        self.assertEqual(self.receive((2, X), dup=True), [False] * 2)

    def number_again(self):
        """See the broker number again, and two new messages that equal the first."""
        self.receive((11, X), (12, X))
        self.acknowledge(11)
        self.log.session_resumed()
        self.assertEqual(self.receive((1, X), dup=True), [False])
        self.assertEqual(self.receive((2, X), (3, X)), [True] * 2)

    def test_identifier_1_again(self):
        """Of a broker that numbers again it is not the one that it was."""
        self.number_again()
        self.acknowledge(1, 2)
        self.log.session_resumed()
        self.assertEqual(self.receive((1, X), dup=True), [False])
        self.assertEqual(self.receive((2, X), dup=True), [True])

    def test_a_lone_identifier_1_again(self):
        """It repeats what was certainly not acknowledged, and nothing else."""
        self.number_again()
        self.log.acknowledged_through(3, None)
        self.receive((1, X))
        self.log.session_resumed()
        self.assertEqual(self.receive((1, X), dup=True), [False])
        self.acknowledge(1)
        self.log.session_resumed()
        self.assertEqual(self.receive((1, X), dup=True), [True])

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
