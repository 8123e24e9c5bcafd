# Copyright 2026 mqtt_listener contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""What a CONNECT packet can carry (MQTT 5.0 section 3.1), and the headers before it."""

from __future__ import annotations

from collections.abc import Mapping

from .outgoing import MAX_FIELD, MAX_SECONDS, is_text

Headers = tuple[tuple[str, str], ...]
SUFFIX_BYTES = 9  # that a job which publishes appends to the client ID
TEXTS = {  # the longest that each may be, in bytes of UTF-8
    "client_id": MAX_FIELD - SUFFIX_BYTES,
    "username": MAX_FIELD,
    "password": MAX_FIELD,
}
NUMBERS = {
    "port": (1, 65_535),
    "keepalive": (0, 65_535),  # seconds
    "session_expiry": (0, MAX_SECONDS),
    "receive_maximum": (1, 65_535),
}


class UnsendableError(ValueError):
    """A setting cannot be sent. It is not quoted: it may be a secret.

    :ivar field: its name.
    """

    def __init__(self, field: str):
        super().__init__(f"{field} cannot be sent")
        self.field = field


def check_connect(values: Mapping[str, object]) -> None:
    """:param values: texts and numbers, as far as there are any.

    :raise UnsendableError: naming the first that no packet can carry.
    """
    for name, limit in TEXTS.items():
        value = values.get(name)
        if value and not is_text(value, limit):
            raise UnsendableError(name)
    for name, (low, high) in NUMBERS.items():
        value = values.get(name, low)
        if type(value) is not int or not low <= value <= high:
            raise UnsendableError(name)


class HeaderError(ValueError):
    """A line is no header. It is not quoted: it may be a secret."""


def parse_headers(text: str) -> Headers:
    """Pairs of name and value.

    :raise HeaderError: when a line has no name that HTTP allows (RFC 9110 section 5.1),
        or a value that would not stay in its line.
    """
    lines = [line.partition(":") for line in text.splitlines() if line.strip()]
    headers = tuple((name.strip(), value.strip()) for name, _colon, value in lines)
    if not all(colon for _name, colon, _value in lines) or not all(
        _is_name(name) and value.isprintable() for name, value in headers
    ):
        raise HeaderError("no header")
    return headers


def _is_name(text: str) -> bool:
    return text.isascii() and text.replace("-", "").replace("_", "").isalnum()
