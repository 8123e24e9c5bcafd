# Copyright 2026 mqtt_listener contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""A message to be published: what MQTT allows in it, and how large its packet is.

MQTT 5.0 section 3.3.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from .payload import decode_text
from .topic import TopicError, check_topic_name

MAX_REMAINING = 268_435_455  # bytes that a packet's length can say (section 1.5.5)
MAX_FIELD = 65_535  # bytes of a string or of binary data (sections 1.5.4 and 1.5.6)
MAX_SECONDS = 0xFFFFFFFF
PAYLOAD_FORMATS = ("bytes", "text")  # 0 and 1 (section 3.3.2.3.2)


class PropertyError(ValueError):
    """A property cannot be sent.

    :ivar name: of the property.
    :ivar code: ``unknown``, or what it has to be: ``text``, ``topic``, ``bytes``,
        ``seconds``, ``pairs``, ``format``, ``utf8``; for callers that translate it.
    """

    def __init__(self, name: str, code: str):
        super().__init__(f"{name}: {code}")
        self.name = name
        self.code = code


@dataclass(frozen=True)
class Outgoing:
    """A message to be published.

    :param key: by which its answer is known.
    :param properties: as :func:`check_properties` allows them.
    """

    key: int
    topic: str
    payload: bytes
    qos: int = 1
    retain: bool = False
    properties: Mapping[str, Any] = field(default_factory=dict)

    def packet_size(self, *, is_5: bool) -> int:
        """Bytes of its PUBLISH packet, which a broker's Maximum Packet Size limits."""
        rest = 2 + len(self.topic.encode()) + 2 * bool(self.qos) + len(self.payload)
        if is_5:
            size = sum(_SIZES[name](value) for name, value in self.properties.items())
            rest += _length_of_length(size) + size
        return 1 + _length_of_length(rest) + rest

    @property
    def is_too_long(self) -> bool:
        """Whether no packet of MQTT can hold it."""
        return self.packet_size(is_5=True) > MAX_REMAINING


def check_properties(properties: Mapping[str, Any], payload: bytes) -> None:
    """:raise PropertyError: unless each property may be sent with this payload."""
    for name, value in properties.items():
        if name not in _CHECKS:
            raise PropertyError(str(name), "unknown")
        code, is_right = _CHECKS[name]
        if not is_right(value):
            raise PropertyError(name, code)
    # Section 3.3.2.3.2: a broker may check it, and refuse the message.
    if properties.get("payload_format") == "text" and not _is_utf8(payload):
        raise PropertyError("payload_format", "utf8")


def _length_of_length(size: int) -> int:
    return 1 + (size > 127) + (size > 16_383) + (size > 2_097_151)


def is_text(value: object, limit: int = MAX_FIELD) -> bool:
    """Whether a string of MQTT can hold it (section 1.5.4).

    :param limit: bytes of UTF-8.
    """
    if not isinstance(value, str) or "\0" in value:
        return False
    try:
        return len(value.encode()) <= limit
    except UnicodeEncodeError:
        return False


def _is_utf8(payload: bytes) -> bool:
    return decode_text(payload.replace(b"\0", b"")) is not None


def _is_topic(value: object) -> bool:
    try:
        return isinstance(value, str) and bool(check_topic_name(value))
    except TopicError:
        return False


def _are_pairs(value: object) -> bool:
    return isinstance(value, list | tuple) and all(
        isinstance(pair, list | tuple) and len(pair) == 2 and all(map(is_text, pair))
        for pair in value
    )


_CHECKS: dict[str, tuple[str, Callable[[object], bool]]] = {
    "content_type": ("text", is_text),
    "response_topic": ("topic", _is_topic),
    "correlation_data": (
        "bytes",
        lambda value: isinstance(value, bytes) and len(value) <= MAX_FIELD,
    ),
    # History has 0 for none; a message that may not wait at all is not for a queue.
    "message_expiry": (
        "seconds",
        lambda value: type(value) is int and 1 <= value <= MAX_SECONDS,
    ),
    "user_properties": ("pairs", _are_pairs),
    "payload_format": ("format", lambda value: value in PAYLOAD_FORMATS),
}


def _size_of_text(value: str) -> int:
    return 3 + len(value.encode())


_SIZES: dict[str, Callable[[Any], int]] = {
    "content_type": _size_of_text,
    "response_topic": _size_of_text,
    "correlation_data": lambda value: 3 + len(value),
    "message_expiry": lambda _value: 5,
    "user_properties": lambda pairs: sum(
        5 + len(name.encode()) + len(value.encode()) for name, value in pairs
    ),
    "payload_format": lambda _value: 2,
}
