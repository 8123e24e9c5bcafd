# Copyright 2026 mqtt_listener contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""JSON as RFC 8259 has it, read strictly: what Python takes beyond that is refused.

Values that are no JSON would go on their way all the same: ``NaN`` from a payload into
a number of the database, and from there into answers that no browser can read.
"""

from __future__ import annotations

import json
import math
import re
from typing import Any

from .payload import PayloadError

JSON_DEPTH = 100  # far more than devices send, far less than exhausts a stack
INDENT = "  "
_BLANKS = " \t\n\r"  # RFC 8259 section 2
_BOM = "\ufeff"  # which section 8.1 allows to ignore
_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|[{}\[\],:]|[^\s{}\[\],:"]+')


class _NotJson(ValueError):
    """What Python's parser took for a value, and the standard does not."""

    def __init__(self, token: str, why: str):
        super().__init__(why)
        self.token = token


def parse_json(payload: bytes, depth: int = JSON_DEPTH) -> object:
    """The value of a payload that is JSON (RFC 8259): UTF-8, with or without a byte
    order mark; of names that stand twice in an object, the last counts.

    Strings may hold U+0000 and halves of surrogate pairs, which JSON can escape and
    PostgreSQL cannot store.

    :param depth: how many arrays and objects may be nested in one another.
    :raise PayloadError: saying in one line where it is not JSON, that a number is too
        large to be kept, or that it is too deep.
    """
    try:
        text = payload.decode()
    except UnicodeDecodeError as error:
        raise PayloadError(f"not JSON: not UTF-8 at byte {error.start}") from None
    return _parse(text, depth)


def _parse(text: str, depth: int) -> object:
    text = text.removeprefix(_BOM)
    if not text.strip(_BLANKS):
        raise PayloadError("not JSON: the payload is empty")
    too_deep = f"JSON nested deeper than {depth} levels is not read"
    try:
        value = _DECODER.decode(text)
    except json.JSONDecodeError as error:
        where = f"line {error.lineno}, column {error.colno}"
        raise PayloadError(f"not JSON at {where}: {error.msg}") from None
    except _NotJson as error:
        where = _where(text, error.token)
        raise PayloadError(f"not JSON at {where}: {error}") from None
    except RecursionError:
        raise PayloadError(too_deep) from None
    # Most payloads have fewer brackets in all than levels that are allowed.
    if text.count("[") + text.count("{") > depth and _is_deeper(value, depth):
        raise PayloadError(too_deep)
    return value


def _refuse_constant(token: str) -> None:
    raise _NotJson(token, f"{token} is not a JSON value")


def _read_float(token: str) -> float:
    value = float(token)
    if math.isinf(value):
        raise _NotJson(token, "the number is too large to be kept")
    return value


def _read_int(token: str) -> int:
    try:
        return int(token)
    except ValueError:  # Python reads 4,300 digits at most
        raise _NotJson(token, "the number has too many digits to be kept") from None


_DECODER = json.JSONDecoder(
    parse_constant=_refuse_constant, parse_float=_read_float, parse_int=_read_int
)


def _where(text: str, token: str) -> str:
    """Line and column of the first token that begins so: all before it was read."""
    tokens = _TOKEN.finditer(text)
    start = next(one.start() for one in tokens if one[0].startswith(token))
    before = text.rfind("\n", 0, start)
    return f"line {text.count(chr(10), 0, start) + 1}, column {start - before}"


def _is_deeper(value: object, depth: int) -> bool:
    """Whether more than ``depth`` arrays and objects are nested in ``value``."""
    level: list[Any] = [value]
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


def pretty_json(text: str, limit: int = 1_000_000) -> str | None:
    """``text`` indented where :func:`parse_json` takes it, else ``None``.

    :param limit: characters after which it stops: indentation can be made to explode.

    Only white space is changed: numbers, escapes and repeated keys stay as they came.
    """
    try:
        _parse(text, JSON_DEPTH)
    except PayloadError:
        return None
    pieces: list[str] = []
    depth, before = 0, ""
    size = 0
    for match in _TOKEN.finditer(text.removeprefix(_BOM)):
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
