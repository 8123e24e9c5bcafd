# Copyright 2026 mqtt_listener contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""Which redelivered messages are ones already received.

Acknowledgements travel and are processed in order, so what a broker sends again after
a reconnect is a suffix of what was received, in its order, followed by what was not
(MQTT 5.0 section 4.4 and 4.6). A packet identifier alone proves nothing: brokers reuse
the lowest free one, and telemetry repeats itself. So the redelivered messages are
matched against the log as a sequence: a match that ends before the log does was none.
For that to be certain, the last message in the log must not have been acknowledged
(``listener/reception.py``): then what comes again always has it.

Packet identifiers in flight are distinct. An identifier that comes without DUP was
free, so the broker has processed its acknowledgement and all before it: those receipts
leave the log, and each identifier stands in it once.
"""

from __future__ import annotations

import struct
from collections import OrderedDict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from .message import DIGEST_BYTES

_RECEIPT = struct.Struct(f">H{DIGEST_BYTES}s")
Judged = tuple["Receipt", "Receipt | None"]  # received, and what it repeats


@dataclass(slots=True)
class Receipt:
    """That a message was received.

    :param packet_id: its packet identifier in this session.
    :param digest: of its content.
    :param delivery: what the owner of the log keeps with it.
    :param connection: number of the one on which it came last; 0: in another process.
    :param is_acked: whether the acknowledgement was sent on that connection.
    """

    packet_id: int
    digest: bytes
    delivery: Any = None
    connection: int = 0
    is_acked: bool = False

    @property
    def is_owed(self) -> bool:
        """Whether it is certain that it was not acknowledged."""
        return self.connection > 0 and not self.is_acked


def pack_receipts(receipts: Iterable[tuple[int, bytes]]) -> bytes:
    """Packet identifiers and digests as bytes, 18 each."""
    return b"".join(_RECEIPT.pack(*receipt) for receipt in receipts)


def unpack_receipts(content: bytes) -> Iterator[tuple[int, bytes]]:
    return _RECEIPT.iter_unpack(content)


class ReceiptLog:
    """Messages received in this session whose acknowledgement the broker may not know.

    Not for several threads: it belongs to the one that reads the connection.

    :param renumbers: whether the broker was seen to number anew in this session, so
        that what is sent again has other packet identifiers.
    """

    def __init__(self, *, renumbers: bool = False) -> None:
        # By packet id, oldest first; its oldest entry is had and removed in no time.
        self._receipts: OrderedDict[int, Receipt] = OrderedDict()
        self._connection = 1  # number of the current one
        self._awaited: Iterator[Receipt] | None = None  # rest of the log to match
        self._next: Receipt | None = None
        self._held: list[Judged] = []  # (again, original)
        self._redelivery = False
        self._renumbered: list[int] | None = None  # where the held ones may begin
        self.renumbers = renumbers

    def __len__(self) -> int:
        return len(self._receipts)

    @property
    def oldest(self) -> Receipt | None:
        return next(iter(self._receipts.values()), None)

    @property
    def is_holding(self) -> bool:
        """Whether redelivered messages wait for the rest of their sequence."""
        return bool(self._held)

    def restore(self, receipts: Iterable[tuple[int, bytes]], delivery: Any) -> None:
        """Add what an earlier process committed, oldest first."""
        for packet_id, digest in receipts:
            self._add(Receipt(packet_id, digest, delivery))

    def session_lost(self) -> None:
        """The broker knows nothing of earlier messages: nothing can come again."""
        self._connection += 1
        self._receipts.clear()
        self.renumbers = False
        self._end_redelivery()

    def session_resumed(self) -> None:
        """A new connection on the same session: what is in the log may come again."""
        self._connection += 1
        self._end_redelivery()
        self._redelivery = bool(self._receipts)

    def acknowledged(self, packet_id: int, delivery: Any) -> None:
        """The acknowledgement was sent.

        :param delivery: whose it was: the id may stand for a newer message meanwhile.
        """
        receipt = self._receipts.get(packet_id)
        if receipt and receipt.delivery is delivery:
            receipt.is_acked = True

    def acknowledged_through(self, packet_id: int, delivery: Any) -> None:
        """The broker has processed this acknowledgement and all before it.

        :param delivery: as :meth:`acknowledged` takes it.
        """
        receipt = self._receipts.get(packet_id)
        if receipt and receipt.delivery is delivery:
            self._prune_through(packet_id)

    def receive(
        self, packet_id: int, digest: bytes, dup: bool, delivery: Any = None
    ) -> list[Judged]:
        """Judge a message as it arrives.

        :return: pairs (receipt, original), oldest first: ``original`` is the receipt of
            the message this one repeats, ``None`` when it is new. Empty while a
            sequence is undecided; its messages then come with a later one.
        """
        receipt = Receipt(packet_id, digest, delivery, self._connection)
        if not self._redelivery:
            known = self._receipts.get(packet_id)
            if dup and known and known.digest == digest and self._is_awaited(known):
                return []  # sent again on the same connection: one PUBACK is enough
            return [self._accept(receipt)]
        if not dup:  # redelivery is over
            if not (self._awaited or self._renumbered):
                self._receipts.clear()  # nothing came again, and nothing will
            return [*self._refute(), self._accept(receipt)]
        if self._awaited is None and self._renumbered is None:
            self._renumbered = self._find_renumbered(packet_id, digest)
        if self._renumbered:
            return self._match_renumbered(receipt, self._renumbered)
        awaited = self._awaited or self._find(packet_id)
        original = self._next
        if original is None or (original.packet_id, original.digest) != (
            packet_id,
            digest,
        ):
            return [*self._refute(), self._accept(receipt)]
        self._held.append((receipt, original))
        self._next = next(awaited, None)
        if self._next is None:
            return self.confirm_held(ended=True)
        return []

    def confirm_held(self, *, ended: bool = False) -> list[Judged]:
        """Take the sequence so far for what it repeats: the broker waits for it.

        Called when nothing more arrives although more was expected: a broker with a
        small window sends the rest only when these are acknowledged.
        """
        if self._renumbered:
            return self._refute()
        held, self._held = self._held, []
        for _again, original in held:
            if original is not None:
                original.connection, original.is_acked = self._connection, False
        if ended:
            self._end_redelivery()
        return held

    def _is_awaited(self, known: Receipt) -> bool:
        """Whether the broker waits on this connection for its acknowledgement."""
        return known.connection == self._connection and not known.is_acked

    def _find_renumbered(self, packet_id: int, digest: bytes) -> list[int]:
        """Where the log may begin again, for a broker that numbers from 1 again.

        RabbitMQ does, and VerneMQ after a restart (against section 4.4). With one that
        keeps them, a log of several messages has the first that comes again. With one
        that did number anew, identifier 1 says nothing.
        """
        known = self._receipts.get(packet_id)
        is_kept = known and known.digest == digest and not self.renumbers
        if packet_id != 1 or is_kept or not self._has_to_come:
            return []
        places = []
        for place, receipt in enumerate(self._receipts.values()):
            if receipt.digest == digest:
                places.append(place)
            if receipt.is_owed:
                break  # this one certainly comes again
        return places

    @property
    def _has_to_come(self) -> bool:
        """Whether the last message was certainly not acknowledged.

        It was not, of several: that is held back.
        """
        newest = next(reversed(self._receipts.values()), None)
        return len(self) > 1 or (newest is not None and newest.is_owed)

    def _match_renumbered(self, receipt: Receipt, places: list[int]) -> list[Judged]:
        """Go on comparing contents alone; the shortest that fits to the end does.

        Where that is not certain, among equal messages, none is lost so.
        """
        count = len(self._held)
        log = list(self._receipts.values())
        self._renumbered = [
            place
            for place in places
            if log[place + count : place + count + 1]
            and log[place + count].digest == receipt.digest
        ]
        if receipt.packet_id != count + 1 or not self._renumbered:
            return [*self._refute(), self._accept(receipt)]
        self._held.append((receipt, receipt))
        if self._renumbered[-1] + count + 1 < len(log):
            return []
        held = [one for one, _itself in self._held]
        matched = list(zip(held, log[self._renumbered[-1] :], strict=True))
        self.renumbers = True
        self._receipts.clear()
        for one, original in matched:
            again = Receipt(one.packet_id, one.digest, original.delivery)
            again.connection = self._connection
            self._add(again)
        self._end_redelivery()
        return [*matched]

    def _find(self, packet_id: int) -> Iterator[Receipt]:
        """Point at the receipt with this id; what is before it the broker has done."""
        is_anew = packet_id == 1 and self.renumbers
        if packet_id in self._receipts and not is_anew:
            while next(iter(self._receipts)) != packet_id:
                self._receipts.popitem(last=False)
        else:
            self._receipts.clear()
        self._awaited = awaited = iter(list(self._receipts.values()))
        self._next = next(awaited, None)
        return awaited

    def _refute(self) -> list[Judged]:
        """The sequence broke: what it held is new after all, and nothing repeats."""
        held = self._held
        self._end_redelivery()
        return [self._accept(receipt) for receipt, _original in held]

    def _accept(self, receipt: Receipt) -> Judged:
        self._add(receipt)
        return receipt, None

    def _add(self, receipt: Receipt) -> None:
        if receipt.packet_id in self._receipts:
            self._prune_through(receipt.packet_id)
        self._receipts[receipt.packet_id] = receipt

    def _prune_through(self, packet_id: int) -> None:
        while self._receipts.popitem(last=False)[0] != packet_id:
            pass

    def _end_redelivery(self) -> None:
        self._awaited = self._next = self._renumbered = None
        self._held = []
        self._redelivery = False
