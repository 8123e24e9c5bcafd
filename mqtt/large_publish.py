"""A PUBLISH packet that arrives in pieces, held once or not at all (section 3.3)."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from contextlib import suppress

from .message import LARGE, LeftOut, start_digest
from .publish_packet import (
    MAX_PROPERTIES,
    Publish,
    split_publish,
    variable_byte_integer,
)


class LargePublish:
    """Takes pieces of a packet.

    :param head: its first byte.
    :param size: of all that follows the remaining length.
    :param most: bytes of a payload that is kept; of a larger one, size and digests.
    :param complete: given the message without its payload: the same with the topic that
        its alias stands for, or ``None`` when it may not be.
    :param name: gives a topic as ``Message`` has it.
    :ivar missing: bytes that have yet to come.
    """

    def __init__(
        self,
        head: int,
        size: int,
        *,
        is_5: bool,
        most: int,
        complete: Callable[[Publish], Publish | None],
        name: Callable[[bytes], str],
    ):
        self.missing = size
        self._head, self._size, self._is_5, self._most = head, size, is_5, most
        self._complete, self._name = complete, name
        self._start = bytearray()  # until the payload begins
        self._publish: Publish | None = None
        self._payload: memoryview | None = None
        self._filled = 0
        self._payload_size = 0
        self._sha256 = self._hashed = None

    def add(self, piece: bytes) -> bool:
        """Take a piece that is not longer than what is missing.

        :return: ``False`` when it cannot be a packet that may be sent.
        """
        self.missing -= len(piece)
        if self._publish is None:
            self._start += piece
            end = self._find_payload()
            if end is None:
                return self.missing > 0
            if not self._begin(end):
                return False
            piece, self._start = bytes(self._start[end:]), bytearray()
        self._take(piece)
        return True

    def publish(self) -> Publish:
        """The message, once nothing is missing."""
        if self._payload is not None:
            is_large = self._payload_size >= LARGE
            payload = self._payload if is_large else bytes(self._payload)
            return self._publish._replace(payload=payload)
        left_out = LeftOut(self._payload_size, self._sha256.hexdigest())
        return self._publish._replace(left_out=left_out, hashed=self._hashed)

    def _find_payload(self) -> int | None:
        """Where the payload begins, as far as that is known."""
        start = self._start
        end = 2 + int.from_bytes(start[:2], "big") + 2 * bool(self._head & 6)
        if len(start) < end or not self._is_5:
            return end if len(start) >= end else None
        at, length = variable_byte_integer(start, end)
        if not at:
            return end if len(start) >= end + 4 else None
        if at + length > self._size or length > MAX_PROPERTIES:
            return end
        return at + length if len(start) >= at + length else None

    def _begin(self, end: int) -> bool:
        publish = split_publish(self._head, bytes(self._start[:end]), is_5=self._is_5)
        publish = publish and self._complete(publish)
        if publish is None:
            return False
        self._publish = publish
        self._payload_size = self._size - end
        is_whole = not self._is_5 or publish.properties
        if is_whole and self._payload_size <= self._most:
            # Without memory for it, its size and digest are not lost.
            with suppress(MemoryError):
                self._payload = memoryview(bytearray(self._payload_size))
                return True
        self._sha256 = hashlib.sha256()
        self._hashed = start_digest(self._name(publish.topic), self._payload_size)
        return True

    def _take(self, piece: bytes) -> None:
        if self._payload is None:
            self._sha256.update(piece)
            self._hashed.update(piece)
            return
        filled = self._filled + len(piece)
        self._payload[self._filled : filled] = piece
        self._filled = filled
