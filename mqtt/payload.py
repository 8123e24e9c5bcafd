"""Payloads are bytes; text is what some of them happen to be."""

from __future__ import annotations

import json

HEX_COLUMNS = 16


def decode_text(payload: bytes) -> str | None:
    """The payload as text, or ``None`` where the database could not give it back.

    PostgreSQL stores no NUL in text, and what is not UTF-8 is not text at all.
    """
    if b"\0" in payload:
        return None
    try:
        return payload.decode()
    except UnicodeDecodeError:
        return None


def printable(text: str) -> str:
    """``text`` with what PostgreSQL or a log cannot hold spelled as an escape.

    For names a broker sends that should never hold NUL, lone surrogates or control
    characters; a legal one comes back unchanged.
    """
    if text.isprintable():
        return text
    return "".join(
        char
        if char.isprintable()
        or not (char < " " or "\x7f" <= char <= "\x9f" or "\ud800" <= char <= "\udfff")
        else char.encode("unicode_escape", "surrogatepass").decode()
        for char in text
    )


def storable(text: str) -> str:
    """``text`` with NUL and lone surrogates, which PostgreSQL refuses, as escapes."""
    if "\0" in text:
        text = text.replace("\0", "\\x00")
    return text.encode("utf-8", "backslashreplace").decode()


def pretty_json(text: str) -> str | None:
    """``text`` indented if it is a JSON object or array, else ``None``."""
    if text.lstrip()[:1] not in ("{", "["):
        return None
    try:
        return json.dumps(json.loads(text), indent=2, ensure_ascii=False)
    except (ValueError, RecursionError):
        return None


def hex_view(payload: bytes) -> str:
    """The payload as offset, hexadecimal and ASCII columns, 16 bytes a line."""
    lines = []
    for offset in range(0, len(payload), HEX_COLUMNS):
        chunk = payload[offset : offset + HEX_COLUMNS]
        ascii_column = "".join(chr(b) if 0x20 <= b < 0x7F else "." for b in chunk)
        lines.append(f"{offset:08x}  {chunk.hex(' '):<47}  {ascii_column}")
    return "\n".join(lines)
