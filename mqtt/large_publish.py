# Copyright 2026 mqtt_listener contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
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
        self._payload: _Kept | _LeftOut | None = None

    def add(self, piece: bytes | bytearray) -> bool:
        """Take a piece that is not longer than what is missing.

        :return: ``False`` when it cannot be a packet that may be sent.
        """
        self.missing -= len(piece)
        if self._payload is None:
            self._start += piece
            end = self._find_payload()
            if end is None:
                return self.missing > 0
            self._payload = self._begin(end)
            if self._payload is None:
                return False
            piece, self._start = bytes(self._start[end:]), bytearray()
        self._payload.add(piece)
        return True

    def publish(self) -> Publish | None:
        """The message, once nothing is missing; ``None`` while there is no topic."""
        return self._payload.finish() if self._payload else None

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

    def _begin(self, end: int) -> _Kept | _LeftOut | None:
        publish = split_publish(self._head, bytes(self._start[:end]), is_5=self._is_5)
        publish = publish and self._complete(publish)
        if publish is None:
            return None
        size = self._size - end
        if (not self._is_5 or publish.properties) and size <= self._most:
            # Without memory for it, its size and digest are not lost.
            with suppress(MemoryError):
                return _Kept(publish, size)
        return _LeftOut(publish, size, self._name(publish.topic))


class _Kept:
    """A payload that is held whole.

    :param size: bytes of it.
    """

    def __init__(self, publish: Publish, size: int):
        self._publish = publish
        self._payload = memoryview(bytearray(size))
        self._filled = 0

    def add(self, piece: bytes | bytearray) -> None:
        filled = self._filled + len(piece)
        self._payload[self._filled : filled] = piece
        self._filled = filled

    def finish(self) -> Publish:
        is_large = len(self._payload) >= LARGE
        payload = self._payload if is_large else bytes(self._payload)
        return self._publish._replace(payload=payload)


class _LeftOut:
    """A payload of which the size and digests are kept.

    :param size: bytes of it.
    :param topic: as ``Message`` has it.
    """

    def __init__(self, publish: Publish, size: int, topic: str):
        self._publish, self._size = publish, size
        self._sha256 = hashlib.sha256()
        self._hashed = start_digest(topic, size)

    def add(self, piece: bytes | bytearray) -> None:
        self._sha256.update(piece)
        self._hashed.update(piece)

    def finish(self) -> Publish:
        left_out = LeftOut(self._size, self._sha256.hexdigest())
        return self._publish._replace(left_out=left_out, hashed=self._hashed)
