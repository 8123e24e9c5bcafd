"""Payloads are bytes; text is what some of them happen to be."""

from __future__ import annotations

import codecs
import json
import re

HEX_COLUMNS = 16
JSON_DEPTH = 100  # far more than devices send, far less than exhausts a stack
INDENT = "  "
_JSON_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|[{}\[\],:]|[^\s{}\[\],:"]+')


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


def parse_json(payload: bytes, depth: int = JSON_DEPTH) -> object:
    """The value of a payload that is JSON (RFC 8259).

    :param depth: how many arrays and objects may be nested in one another.
    :raise PayloadError: saying in one line where it is not, or that it is too deep.
    """
    if not payload.strip():
        raise PayloadError("not JSON: the payload is empty")
    too_deep = f"JSON nested deeper than {depth} levels is not read"
    try:
        value = json.loads(payload)
    except json.JSONDecodeError as error:
        where = f"line {error.lineno}, column {error.colno}"
        raise PayloadError(f"not JSON at {where}: {error.msg}") from None
    except UnicodeDecodeError as error:
        raise PayloadError(f"not JSON: no text at byte {error.start}") from None
    except RecursionError:
        raise PayloadError(too_deep) from None
    except ValueError as error:
        raise PayloadError(f"JSON that Python cannot read: {error}") from None
    # Most payloads have fewer brackets in all than levels that are allowed.
    if payload.count(b"[") + payload.count(b"{") > depth and _is_deeper(value, depth):
        raise PayloadError(too_deep)
    return value


def _is_deeper(value: object, depth: int) -> bool:
    """Whether more than ``depth`` arrays and objects are nested in ``value``."""
    level = [value]
    for _ in range(depth + 1):
        level = [one for one in level if isinstance(one, list | dict)]
        if not level:
            return False
        level = [
            child
            for one in level
            for child in (one.values() if isinstance(one, dict) else one)
        ]
    return True


def storable(text: str) -> str:
    """``text`` with NUL and lone surrogates, which PostgreSQL refuses, as escapes."""
    if "\0" in text:
        text = text.replace("\0", "\\x00")
    return text.encode("utf-8", "backslashreplace").decode()


def pretty_json(text: str, limit: int = 1_000_000) -> str | None:
    """``text`` indented if it is a JSON object or array, else ``None``.

    :param limit: characters after which it stops: indentation can be made to explode.

    Only white space is changed: numbers, escapes and repeated keys stay as they came.
    """
    if text.lstrip()[:1] not in ("{", "["):
        return None
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return None
    pieces: list[str] = []
    depth, before = 0, ""
    size = 0
    for match in _JSON_TOKEN.finditer(text):
        token = match[0]
        size += len(token) + len(INDENT) * depth
        if size > limit:
            break
        depth -= token in "}]"
        empty = token in "}]" and before in "{["
        if before and not empty and (token in "}]" or before in "{[,"):
            pieces.append("\n" + INDENT * depth)
        elif before == ":":
            pieces.append(" ")
        depth += token in "{["
        pieces.append(token)
        before = token
    return "".join(pieces)


def one_line(text: str) -> str:
    """``text`` without line breaks and other control characters."""
    return "".join(char if char.isprintable() else " " for char in text)


def hex_view(payload: bytes) -> str:
    """The payload as offset, hexadecimal and ASCII columns, 16 bytes a line."""
    lines = []
    for offset in range(0, len(payload), HEX_COLUMNS):
        chunk = payload[offset : offset + HEX_COLUMNS]
        ascii_column = "".join(chr(b) if 0x20 <= b < 0x7F else "." for b in chunk)
        lines.append(f"{offset:08x}  {chunk.hex(' '):<47}  {ascii_column}")
    return "\n".join(lines)
