"""What becomes of received messages: judged, queued, acknowledged when committed."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from ..mqtt.message import Message
from ..mqtt.receipts import Receipt, ReceiptLog
from .inbox import Delivery, Inbox
from .observed import Observed
from .subscriptions import Subscriptions

Acknowledge = Callable[[int, int], object]  # packet id, QoS


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
    ):
        self.session = 0
        self.last_acked: tuple[int, Delivery] | None = None
        self._inbox = inbox
        self._subscriptions = subscriptions
        self._observed = observed
        self._log = ReceiptLog()
        for last_sequence, packed in receipts:
            self._log.restore(packed, Delivery(None, 0, 0, sequence=last_sequence))
        self._committed_through = sequence
        self._generation = 0
        self._acknowledge: Acknowledge = lambda packet_id, qos: None

    @property
    def is_holding(self) -> bool:
        """Whether redelivered messages wait for the rest of their sequence."""
        return self._log.is_holding

    def connected(self, acknowledge: Acknowledge, *, session_present: bool) -> None:
        """A connection stands; its messages are acknowledged with ``acknowledge``."""
        self._generation += 1
        self._acknowledge = acknowledge
        self.last_acked = None
        if session_present:
            self._log.session_resumed()
        else:
            self.session += 1
            self._log.session_lost()
        self._update_forget_through()

    def disconnected(self) -> None:
        """The connection is over: acknowledgements for it mean nothing any more."""
        self._generation += 1

    def receive(self, message: Message, *, is_copy: bool) -> None:
        """Take a message from the connection.

        :param is_copy: whether it is the copy of another subscription that counts.
        """
        delivery = Delivery(message, self._generation, self.session, is_copy)
        if message.qos:
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

    def committed(self, deliveries: list[Delivery]) -> None:
        """These are durable: acknowledge those of this connection, in their order."""
        for delivery in deliveries:
            message = delivery.message
            if message.qos and delivery.generation == self._generation:
                self._send_ack(message, delivery)
        self._committed_through = deliveries[-1].sequence
        self._update_forget_through()

    def confirmed(self, acked: tuple[int, Delivery] | None) -> None:
        """The broker has processed this acknowledgement and all before it."""
        if acked is not None:
            self._log.acknowledged_through(*acked)
            self._update_forget_through()

    def _judge(self, judged: list[tuple[Receipt, Receipt | None]]) -> None:
        """Pass on what is new; acknowledge what is known and committed already."""
        for receipt, original in judged:
            if original is None:
                self._pass_on(receipt.delivery)
                continue
            known = original.delivery
            known.generation = self._generation
            if known.sequence is not None:
                self._send_ack(receipt.delivery.message, known)

    def _pass_on(self, delivery: Delivery) -> None:
        """To the inbox; a copy too, so that it is acknowledged in its turn."""
        taken = self._inbox.put(delivery)
        if delivery.is_copy:
            return
        message = delivery.message
        self._observed.received += 1
        self._observed.dropped += not taken
        self._observed.last_activity = message.timestamp / 1e6
        if message.subscription_id:
            self._subscriptions.count(message.subscription_id, message.timestamp)

    def _send_ack(self, message: Message, delivery: Delivery) -> None:
        self._acknowledge(message.packet_id, message.qos)
        self.last_acked = (message.packet_id, delivery)

    def _update_forget_through(self) -> None:
        oldest = self._log.oldest
        if oldest is None or oldest.delivery.sequence is None:
            self._observed.forget_through = self._committed_through
        else:
            self._observed.forget_through = oldest.delivery.sequence - 1
