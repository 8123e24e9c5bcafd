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
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property

from .batch_compression import compress, decompress

_EPOCH = datetime(1970, 1, 1)
_HEADER_SIZE = struct.Struct(">I")
DIGEST_BYTES = 16
NOT_SAID = (None,) * 11 + (0,)  # what entries of earlier versions lack at their end
UNREADABLE = "unreadable"  # the property that holds what could not be read, as hex


@dataclass  # not frozen, which takes three times as long to make
class Message:
    """One received message; nothing in it is ever changed.

    :param topic: topic name, storable in PostgreSQL.
    :param payload: exactly the bytes that arrived.
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
    """

    topic: str
    payload: bytes
    qos: int = 0
    retain: bool = False
    dup: bool = False
    packet_id: int = 0
    timestamp: int = 0
    properties: dict | None = None
    subscription_id: int | None = None
    store: bool = True
    at_once: bool = False
    trouble: str | None = None
    paused: int = 0

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
        topic = self.topic.encode()
        sizes = _HEADER_SIZE.pack(len(topic)), _HEADER_SIZE.pack(len(self.payload))
        content = hashlib.blake2b(
            b"".join((sizes[0], topic, sizes[1], self.payload)),
            digest_size=DIGEST_BYTES,
        )
        if self.properties:
            lasting = {
                key: value
                for key, value in self.properties.items()
                # The broker counts the expiry down; it may be in what is unreadable.
                if key not in ("message_expiry", UNREADABLE)
            }
            content.update(json.dumps(lasting, sort_keys=True).encode())
        return content.digest()


def encode_batch(messages: Iterable[Message]) -> bytes:
    """Messages as bytes, for the one row in which they wait for the ingest job."""
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
            ]
        )
    encoded = json.dumps(header, separators=(",", ":")).encode()
    return compress(b"".join([_HEADER_SIZE.pack(len(encoded)), encoded, *payloads]))


def decode_batch(content: bytes) -> Iterator[Message]:
    """The messages that :func:`encode_batch` was given.

    :raise zlib.error: when a compressed batch is damaged.
    """
    content = decompress(content)
    (header_size,) = _HEADER_SIZE.unpack_from(content)
    offset = _HEADER_SIZE.size + header_size
    for entry in json.loads(content[_HEADER_SIZE.size : offset]):
        size, topic, qos, retain, dup, packet_id, timestamp, properties, sub = entry[:9]
        # Earlier versions had no trouble, and nothing was paused.
        store, trouble, paused = (*entry[9:], *NOT_SAID[len(entry) :])
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
        )
        offset += size
