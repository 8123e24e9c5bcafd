# Copyright 2026 mqtt_listener contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""A message as it arrived, and a batch of them as bytes.

The batch format is a JSON header (what is small and typed) followed by the payloads
as they are: nothing is encoded twice, and any bytes survive. A batch that is worth
it is compressed as a whole (``batch_compression.py``).
"""

from __future__ import annotations

import hashlib
import json
import struct
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import cached_property
from typing import Any, NamedTuple

from .batch_compression import compress, decompress

_EPOCH = datetime(1970, 1, 1)
_HEADER_SIZE = struct.Struct(">I")
DIGEST_BYTES = 16
# What entries of earlier versions lack at their end.
NOT_SAID: tuple[Any, ...] = (None,) * 11 + (0, None)
UNREADABLE = "unreadable"  # the property that holds what could not be read, as hex
LARGE = 1024 * 1024  # bytes of a payload that is not copied on its way


class LeftOut(NamedTuple):
    """A payload that is not kept.

    :param size: bytes.
    :param sha256: of the payload, hexadecimal.
    """

    size: int
    sha256: str


@dataclass  # not frozen, which takes three times as long to make
class Message:
    """One received message; nothing in it is ever changed.

    :param topic: topic name, storable in PostgreSQL.
    :param payload: exactly the bytes that arrived, ``bytes`` or a view of them; empty
        where they are left out.
    :param qos: 0, 1 or 2, as delivered.
    :param retain: the broker's retain flag.
    :param dup: the broker's DUP flag.
    :param packet_id: packet identifier, 0 for QoS 0.
    :param timestamp: receive time, microseconds since 1970 (UTC).
    :param properties: MQTT 5 properties as JSON values, empty for 3.1.1.
    :param subscription_id: the ``mqtt.subscription`` that asked for it, if known.
    :param store: whether history keeps it.
    :param at_once: whether its job must not wait for other messages; not in a batch.
    :param trouble: why it cannot be taken as it is, if so: it goes into quarantine.
    :param paused: how many messages a minute its topic may send, if it sends more: no
        handler gets it.
    :param left_out: what is known of a payload that is not kept.
    :param hashed: of such a payload, what :func:`start_digest` began; not in a batch.
    """

    topic: str
    payload: bytes | memoryview
    qos: int = 0
    retain: bool = False
    dup: bool = False
    packet_id: int = 0
    timestamp: int = 0
    properties: dict[str, Any] | None = None
    subscription_id: int | None = None
    store: bool = True
    at_once: bool = False
    trouble: str | None = None
    paused: int = 0
    left_out: LeftOut | None = None
    hashed: hashlib.blake2b | None = field(default=None, compare=False, repr=False)

    @property
    def payload_size(self) -> int:
        """Bytes that arrived, kept or not."""
        return self.left_out.size if self.left_out else len(self.payload)

    @property
    def is_large(self) -> bool:
        """Whether its payload can be more than there is memory for."""
        return len(self.payload) >= LARGE

    @property
    def received_at(self) -> datetime:
        """Receive time as a naive UTC datetime with microseconds, as Odoo stores it."""
        return _EPOCH + timedelta(microseconds=self.timestamp)

    @cached_property
    def size(self) -> int:
        """About how many bytes it holds: payload, topic and properties."""
        properties = len(repr(self.properties)) if self.properties else 0
        return len(self.payload) + len(self.topic) + properties

    @cached_property
    def digest(self) -> bytes:
        """What the publisher sent, in 16 bytes: topic, payload and properties."""
        content = self.hashed
        if content is None:
            content = start_digest(self.topic, len(self.payload))
            content.update(self.payload)
        if self.properties:
            lasting = {
                key: value
                for key, value in self.properties.items()
                # The broker counts the expiry down; it may be in what is unreadable.
                if key not in ("message_expiry", UNREADABLE)
            }
            content.update(json.dumps(lasting, sort_keys=True).encode())
        return content.digest()

    def without_payload(self) -> Message:
        """The same message, with what has to be known of a payload that is not kept."""
        payload = self.payload
        hashed = start_digest(self.topic, len(payload))
        hashed.update(payload)
        left_out = LeftOut(len(payload), hashlib.sha256(payload).hexdigest())
        return replace(self, payload=b"", left_out=left_out, hashed=hashed)


def start_digest(topic: str, size: int) -> hashlib.blake2b:
    """A message's digest, to be updated with its payload.

    :param size: bytes of the payload.
    """
    name = topic.encode()
    content = hashlib.blake2b(digest_size=DIGEST_BYTES)
    content.update(
        b"".join((_HEADER_SIZE.pack(len(name)), name, _HEADER_SIZE.pack(size)))
    )
    return content


def encode_batch(messages: Iterable[Message]) -> bytes:
    """Messages as bytes, for the one row in which they wait for the ingest job."""
    return compress(b"".join(encode_pieces(messages)))


def encode_pieces(messages: Iterable[Message]) -> list[bytes | memoryview]:
    """The same in pieces, without a copy of any payload; not compressed."""
    payloads = []
    header = []
    for message in messages:
        payloads.append(message.payload)
        header.append(
            [
                len(message.payload),
                message.topic,
                message.qos,
                int(message.retain),
                int(message.dup),
                message.packet_id,
                message.timestamp,
                message.properties,
                message.subscription_id,
                int(message.store),
                message.trouble,
                message.paused,
                message.left_out,
            ]
        )
    encoded = json.dumps(header, separators=(",", ":")).encode()
    return [_HEADER_SIZE.pack(len(encoded)), encoded, *payloads]


def decode_batch(content: bytes) -> Iterator[Message]:
    """The messages that :func:`encode_batch` was given.

    :raise zlib.error: when a compressed batch is damaged.
    """
    content = decompress(content)
    (header_size,) = _HEADER_SIZE.unpack_from(content)
    offset = _HEADER_SIZE.size + header_size
    entry: list[Any]
    for entry in json.loads(content[_HEADER_SIZE.size : offset]):
        size, topic, qos, retain, dup, packet_id, timestamp, properties, sub = entry[:9]
        # Earlier versions had no trouble, nothing was paused, and nothing left out.
        store, trouble, paused, left_out = (*entry[9:], *NOT_SAID[len(entry) :])
        yield Message(
            topic=topic,
            payload=bytes(content[offset : offset + size]),
            qos=qos,
            retain=bool(retain),
            dup=bool(dup),
            packet_id=packet_id,
            timestamp=timestamp,
            properties=properties,
            subscription_id=sub,
            store=bool(store),
            trouble=trouble,
            paused=paused,
            left_out=left_out and LeftOut(*left_out),
        )
        offset += size
