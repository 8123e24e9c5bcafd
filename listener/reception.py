# Copyright 2026 mqtt_listener contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""What becomes of received messages: judged, queued, acknowledged when committed.

The last acknowledgement that is due is held back until a later message is committed, or
until the receipts in the database are down to that message. So what the broker sends
again after a crash always begins before or at the end of those receipts, and which of
equal messages under reused packet identifiers are new can be told by where it ends.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable

from ..mqtt.message import Message
from ..mqtt.receipts import Receipt, ReceiptLog, pack_receipts, unpack_receipts
from .inbox import Delivery, Inbox
from .observed import Observed, Prunable
from .subscriptions import Subscriptions

SMALL_WINDOW = 16  # messages; with more, acknowledgements are confirmed soon enough

Acknowledge = Callable[[list[tuple[int, int]]], object]  # packet ids, QoS


class Reception:
    """The way of messages from a connection to the inbox. Network thread only.

    :param receipts: (sequence, [(packet id, digest)]) an earlier process committed.
    :param sequence: of the last message that is committed.
    :ivar session: number of the broker's session, counted by this process.
    :ivar last_acked: the last acknowledgement sent that no round trip has confirmed.
    """

    def __init__(
        self,
        inbox: Inbox,
        subscriptions: Subscriptions,
        observed: Observed,
        receipts: Iterable[tuple[int, Iterable[tuple[int, bytes]]]] = (),
        sequence: int = 0,
        *,
        renumbers: bool = False,
    ):
        self.session = 0
        self.last_acked: tuple[int, Delivery] | None = None
        self._inbox = inbox
        self._subscriptions = subscriptions
        self._observed = observed
        self._log = ReceiptLog(renumbers=renumbers)
        self._observed.renumbers = renumbers
        # Receipts in the database, oldest first: (sequence of the batch, how many).
        self._durable: deque[tuple[int, int]] = deque()
        self._held_ack: tuple[int, int, Delivery] | None = None  # packet id, QoS
        for last_sequence, packed in receipts:
            packed = list(packed)
            self._log.restore(packed, Delivery(None, 0, 0, sequence=last_sequence))
            self._durable.append((last_sequence, len(packed)))
        self._committed_through = sequence
        self._generation = 0
        self._acknowledge: Acknowledge = lambda received: None
        # Of this connection, where the broker's window is small: the last messages.
        self._latest: deque[tuple[int, Delivery]] | None = None
        self._window = 0  # messages that the broker may send, where it is small
        self._received = self._acknowledged = 0

    @property
    def is_holding(self) -> bool:
        """Whether redelivered messages wait for the rest of their sequence."""
        return self._log.is_holding

    @property
    def holds_ack(self) -> bool:
        """Whether an acknowledgement waits for those before it to be confirmed."""
        return self._held_ack is not None

    @property
    def has_to_confirm(self) -> bool:
        """Whether a round trip would tell what of the log the broker has processed."""
        is_confirmed = self._observed.prunable.rest is not None
        return self.last_acked is not None or (self.holds_ack and not is_confirmed)

    def connected(
        self,
        acknowledge: Acknowledge,
        *,
        session_present: bool,
        window: int | None = None,
    ) -> None:
        """A connection stands.

        :param acknowledge: called with the packet identifiers and the QoS of messages
            of this connection, in the order in which they are to be acknowledged.
        :param window: how many messages the broker may send without acknowledgement;
            ``None``: not known.
        """
        self._latest = None
        if window is not None and window <= SMALL_WINDOW:
            self._latest, self._window = deque(maxlen=window), window
        self._received = self._acknowledged = 0
        self._generation += 1
        self._acknowledge = acknowledge
        self.last_acked = None
        if session_present:
            self._log.session_resumed()
        else:
            self.session += 1
            self._log.session_lost()
            self._durable.clear()
        self._update_prunable()

    def disconnected(self) -> None:
        """The connection is over: acknowledgements for it mean nothing any more."""
        self._generation += 1
        self._held_ack = self.last_acked = None

    def receive(self, message: Message, *, is_copy: bool) -> None:
        """Take a message from the connection.

        :param is_copy: whether it is the copy of another subscription that counts.
        """
        delivery = Delivery(message, self._generation, self.session, is_copy)
        if message.qos:
            if self._latest is not None:
                self._confirm_by_window(self._latest, message.packet_id, delivery)
            self._judge(
                self._log.receive(
                    message.packet_id, message.digest, message.dup, delivery
                )
            )
        elif not is_copy:
            self._pass_on(delivery)

    def release_held(self) -> None:
        """Nothing more comes: what is held repeats what was received."""
        self._judge(self._log.confirm_held())

    def committed(self, deliveries: list[Delivery], pruned: int) -> None:
        """These are durable: acknowledge those of this connection, in their order.

        :param pruned: sequence up to which receipts went in the same transaction.
        """
        self._committed_through = deliveries[-1].sequence or self._committed_through
        self._prune(pruned)
        receipts = [
            one for one in deliveries if one.qos and one.session == self.session
        ]
        if receipts:
            self._durable.append((self._committed_through, len(receipts)))
        self._acknowledge_later(
            [
                (one.packet_id, one.qos, one)
                for one in deliveries
                if one.qos and one.generation == self._generation
            ]
        )
        self._release_lone_ack()
        self._update_prunable()

    def pruned(self, prunable: Prunable) -> None:
        """These receipts are gone from the database."""
        self._prune(prunable.through)
        if prunable.rest is not None:
            sequence, packed = prunable.rest
            self._prune(sequence)
            self._durable.appendleft((sequence, len(list(unpack_receipts(packed)))))
        self._release_lone_ack()
        self._update_prunable()

    def confirmed(self, acked: tuple[int, Delivery] | None) -> None:
        """The broker has processed this acknowledgement and all before it."""
        if acked is not None:
            self._log.acknowledged_through(*acked)
        self._update_prunable()

    def _confirm_by_window(
        self, latest: deque[tuple[int, Delivery]], packet_id: int, delivery: Delivery
    ) -> None:
        """A broker whose window is used up sends nothing more before it has processed
        an acknowledgement (MQTT 5.0 section 4.9): what it sends proves that it has.
        """
        if self._received - self._window >= self._acknowledged:
            self._latest = None  # it sends more than it may
            return
        if len(latest) == self._window:
            self.confirmed(latest[0])
        latest.append((packet_id, delivery))
        self._received += 1

    def _judge(self, judged: list[tuple[Receipt, Receipt | None]]) -> None:
        """Pass on what is new; acknowledge what is known and committed already."""
        committed = []
        for receipt, original in judged:
            if original is None:
                self._pass_on(receipt.delivery)
                continue
            known = original.delivery
            known.generation = self._generation
            known.packet_id = receipt.packet_id
            if known.sequence is not None:
                committed.append((receipt.packet_id, receipt.delivery.qos, known))
        if committed:
            self._acknowledge_later(committed)
            self._release_lone_ack()

    def _pass_on(self, delivery: Delivery) -> None:
        """To the inbox; a copy too, so that it is acknowledged in its turn."""
        message = delivery.message  # before the other thread can let go of it
        taken = self._inbox.put(delivery)
        if message is None or delivery.is_copy:
            return
        self._observed.received += 1
        self._observed.dropped += not taken
        self._observed.last_activity = message.timestamp / 1e6
        if message.subscription_id:
            self._subscriptions.count(message.subscription_id, message.timestamp)

    def _acknowledge_later(self, due: list[tuple[int, int, Delivery]]) -> None:
        """Acknowledge what was held back and all of these but the last.

        :param due: packet identifier, QoS and delivery of each.
        """
        if not due:
            return
        if self._held_ack is not None:
            due.insert(0, self._held_ack)
        self._held_ack = due.pop()
        self._send_acks(due)

    def _release_lone_ack(self) -> None:
        """Acknowledge what is held back when no other receipt could be mistaken."""
        if self._held_ack is None or len(self._durable) != 1:
            return
        ((sequence, count),) = self._durable
        if count == 1 and self._held_ack[2].sequence == sequence:
            held, self._held_ack = self._held_ack, None
            self._send_acks([held])

    def _send_acks(self, due: list[tuple[int, int, Delivery]]) -> None:
        if due:
            self._acknowledge([(packet_id, qos) for packet_id, qos, _ in due])
            self._acknowledged += len(due)
            for packet_id, _qos, delivery in due:
                self._log.acknowledged(packet_id, delivery)
            self.last_acked = (packet_id, delivery)

    def _prune(self, through: int) -> None:
        while self._durable and self._durable[0][0] <= through:
            self._durable.popleft()

    def _update_prunable(self) -> None:
        self._observed.renumbers = self._log.renumbers
        oldest = self._log.oldest
        if oldest is None or oldest.delivery.sequence is None:
            prunable = Prunable(self._committed_through)
        elif self._is_held(oldest):
            # All before it is confirmed: the receipts can shrink to this one.
            rest = pack_receipts([(oldest.packet_id, oldest.digest)])
            sequence = oldest.delivery.sequence
            prunable = Prunable(sequence - 1, (sequence, rest))
        else:
            prunable = Prunable(oldest.delivery.sequence - 1)
        self._observed.prunable = prunable

    def _is_held(self, receipt: Receipt) -> bool:
        """Whether this is the receipt of what is held back."""
        if self._held_ack is None:
            return False
        packet_id, _qos, delivery = self._held_ack
        return receipt.packet_id == packet_id and receipt.delivery is delivery
