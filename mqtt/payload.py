# Copyright 2026 mqtt_listener contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""Payloads are bytes; text is what some of them happen to be."""

from __future__ import annotations

import codecs
import json

HEX_COLUMNS = 16


def decode_text(payload: bytes, *, is_whole: bool = True) -> str | None:
    """The payload as text, or ``None`` where the database could not give it back.

    PostgreSQL stores no NUL in text, and what is not UTF-8 is not text at all.

    :param is_whole: ``False`` for the beginning of one, cut within a character perhaps.
    """
    if b"\0" in payload:
        return None
    try:
        if is_whole:
            return payload.decode()
        return codecs.utf_8_decode(payload, "strict", False)[0]
    except UnicodeDecodeError:
        return None


class PayloadError(ValueError):
    """A payload is not what it was taken for; the text says where it is not."""


def encode_payload(value: object) -> bytes:
    """What is published for a value: bytes as they are, text as UTF-8, else JSON.

    :raise PayloadError: saying in one line why it can be none of these.
    """
    if isinstance(value, bytes | bytearray | memoryview):
        return bytes(value)
    try:
        if not isinstance(value, str):
            value = json.dumps(value, ensure_ascii=False, allow_nan=False)
        return value.encode()
    except UnicodeEncodeError as error:
        raise PayloadError(f"no text at character {error.start}") from None
    except (TypeError, ValueError, RecursionError) as error:
        raise PayloadError(f"not JSON: {error}") from None


def storable(text: str) -> str:
    """``text`` with NUL and lone surrogates, which PostgreSQL refuses, as escapes."""
    if "\0" in text:
        text = text.replace("\0", "\\x00")
    return text.encode("utf-8", "backslashreplace").decode()


def hex_view(payload: bytes) -> str:
    """The payload as offset, hexadecimal and ASCII columns, 16 bytes a line."""
    lines = []
    for offset in range(0, len(payload), HEX_COLUMNS):
        chunk = payload[offset : offset + HEX_COLUMNS]
        ascii_column = "".join(chr(b) if 0x20 <= b < 0x7F else "." for b in chunk)
        lines.append(f"{offset:08x}  {chunk.hex(' '):<47}  {ascii_column}")
    return "\n".join(lines)
