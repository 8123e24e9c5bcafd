"""The parts of a PUBLISH packet, for one whose properties cannot be read.

paho refuses such a packet as a whole. The broker would send it again with every new
connection, and everything behind it would wait.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Publish:
    """What stands in a PUBLISH packet (MQTT 5.0 section 3.3), nothing decoded.

    :param properties: the bytes that should be properties.
    """

    topic: bytes
    payload: bytes
    properties: bytes
    qos: int
    retain: bool
    dup: bool
    packet_id: int


def split_publish(head: int, body: bytes, *, is_5: bool) -> Publish | None:
    """Take a PUBLISH packet apart, as far as it can be acknowledged.

    :param head: its first byte.
    :param body: all that follows the remaining length.
    :return: ``None`` when there is no topic or no packet identifier in it.
    """
    qos = head >> 1 & 3
    end = 2 + int.from_bytes(body[:2], "big")
    topic = body[2:end]
    start = end + 2 * bool(qos)
    if len(body) < start or qos == 3:
        return None
    rest = body[start:]
    at = _end_of_properties(rest) if is_5 else 0
    return Publish(
        topic=topic,
        payload=rest[at:],
        properties=rest[:at],
        qos=qos,
        retain=bool(head & 1),
        dup=bool(head & 8),
        packet_id=int.from_bytes(body[end:start], "big"),
    )


def _end_of_properties(content: bytes) -> int:
    """Where the payload begins; 0 when the length says nothing that can be."""
    length = 0
    for at, byte in enumerate(content[:4]):
        length |= (byte & 0x7F) << (7 * at)
        if byte < 0x80:
            end = at + 1 + length
            return end if end <= len(content) else 0
    return 0
