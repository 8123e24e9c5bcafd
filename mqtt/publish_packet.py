# Copyright 2026 mqtt_listener contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""The parts of a PUBLISH packet (MQTT 5.0 and 3.1.1, sections 2.1 and 3.3)."""

from __future__ import annotations

import hashlib
from typing import NamedTuple

from .message import LeftOut, start_digest

_PUBLISH = 0x30
MAX_PROPERTIES = 1024 * 1024  # bytes; longer ones are not taken for properties


class Publish(NamedTuple):
    """What stands in a PUBLISH packet, nothing decoded.

    :param properties: the bytes that should be properties, their length in front;
        empty when that cannot be, ``None`` with MQTT 3.1.1, which has none.
    :param left_out, hashed: as ``Message`` has them.
    """

    topic: bytes
    payload: bytes | memoryview
    properties: bytes | None
    qos: int
    retain: bool
    dup: bool
    packet_id: int
    left_out: LeftOut | None = None
    hashed: hashlib.blake2b | None = None


def leave_out(publish: Publish, topic: str) -> Publish:
    """The message without its payload, and what has to be known of that.

    :param topic: its topic, as ``Message`` has it.
    """
    payload = publish.payload
    hashed = start_digest(topic, len(payload))
    hashed.update(payload)
    left_out = LeftOut(len(payload), hashlib.sha256(payload).hexdigest())
    return publish._replace(payload=b"", left_out=left_out, hashed=hashed)


def next_publish(stream: bytes, at: int) -> tuple[int, bytes, int] | None:
    """The packet at an offset of a stream, if it is a PUBLISH.

    :return: its first byte, all that follows the remaining length, and the offset of
        the next packet; ``None`` for any other packet, and while it is not there whole.
    """
    available = len(stream)
    if available < at + 2:
        return None
    head = stream[at]
    if head & 0xF0 != _PUBLISH:
        return None
    start, length = variable_byte_integer(stream, at + 1)
    end = start + length
    if not start or end > available:
        return None
    return head, stream[start:end], end


def split_publish(head: int, body: bytes, *, is_5: bool) -> Publish | None:
    """Take a PUBLISH packet apart, as far as it can be acknowledged.

    :param head: its first byte.
    :param body: all that follows the remaining length.
    :return: ``None`` when there is no topic or no packet identifier in it.
    """
    qos = head >> 1 & 3
    end = 2 + int.from_bytes(body[:2], "big")
    start = end + 2 if qos else end
    if len(body) < start or qos == 3:
        return None
    at = start
    if is_5:
        at, length = variable_byte_integer(body, start)
        at += length
        if at > len(body) or at < start or length > MAX_PROPERTIES:
            at = start
    return Publish(
        body[2:end],
        body[at:],
        body[start:at] if is_5 else None,
        qos,
        bool(head & 1),
        bool(head & 8),
        int.from_bytes(body[end:start], "big"),
    )


def variable_byte_integer(content: bytes | bytearray, at: int) -> tuple[int, int]:
    """Section 1.5.5.

    :return: the offset behind it and its value; two zeros when there is none.
    """
    length = shift = 0
    for byte in content[at : at + 4]:
        at += 1
        length |= (byte & 0x7F) << shift
        if byte < 0x80:
            return at, length
        shift += 7
    return 0, 0
