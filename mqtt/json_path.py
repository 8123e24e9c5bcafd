# Copyright 2026 mqtt_listener contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""Paths to one value of a JSON document (JSONPath, RFC 9535): ``$.motor.temp``.

Of JSONPath only *singular queries* are taken (RFC 9535 section 2.3.5.1): names and
indexes. They find one value or none, in a time that depends on the path alone. Filters,
wildcards and slices find many, and can be written so that they never end.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

import jsonpath
from jsonpath.selectors import IndexSelector, NameSelector

from .wording import short_line

MAX_CHARS = 500  # of a path
MAX_STEPS = 100  # as deep as JSON is read, see json_text
SHOWN_CHARS = 120  # of a value that is named in a text
_CACHED_PATHS = 2_048
ROOT = "$"
# RFC 9535 section 2.5.1.1: member-name-shorthand
_SHORT_NAME = re.compile(
    "[A-Za-z_\u0080-\ud7ff\ue000-\U0010ffff][0-9A-Za-z_\u0080-\ud7ff\ue000-\U0010ffff]*"
)
_SURROGATE = re.compile("[\ud800-\udfff]")
# RFC 9535 section 2.7: normalized paths
_ESCAPES = {
    "\b": "\\b",
    "\t": "\\t",
    "\n": "\\n",
    "\f": "\\f",
    "\r": "\\r",
    "'": "\\'",
    "\\": "\\\\",
}


class _Missing:
    """There is no value at a path: that is neither null, nor empty, nor 0."""

    def __bool__(self) -> bool:
        return False

    def __repr__(self) -> str:
        return "missing"


MISSING: Final = _Missing()


class JsonPathError(ValueError):
    """A text is not a path to one value.

    :ivar code: ``empty``, ``long``, ``root`` (does not begin with ``$``), ``many``
        (may find several values) or ``syntax``.
    :ivar text: the path, in one short line.
    :ivar reason: for ``syntax``, what the parser says, with the character where.
    """

    def __init__(self, code: str, text: str, reason: str = ""):
        self.code = code
        self.text = short_line(text, SHOWN_CHARS)
        self.reason = reason
        super().__init__(f"{self.text}: {reason or code}")


@dataclass(frozen=True)
class JsonPath:
    """A path that was read by :func:`compile_path`.

    :ivar steps: names (text) and indexes (whole numbers), from the root on.
    """

    text: str
    steps: tuple[str | int, ...]

    def find(self, document: object) -> object:
        """The value at this path of a parsed JSON document, or ``MISSING``.

        An index below 0 counts from the end. ``null`` is found: it is ``None``.
        """
        value = document
        for step in self.steps:
            if isinstance(step, str):
                if not isinstance(value, dict) or step not in value:
                    return MISSING
            elif not isinstance(value, list) or not -len(value) <= step < len(value):
                return MISSING
            value = value[step]  # type: ignore[index]
        return value


@lru_cache(maxsize=_CACHED_PATHS)
def compile_path(text: str) -> JsonPath:
    """The path that a text is, by RFC 9535.

    :param text: for example ``$.motor.temp``, ``$.values[0]`` or ``$['motor temp']``;
        ``$`` is the whole document. Blanks around it are left out.
    :raise JsonPathError: when it is not a path, or may find more than one value.
    """
    text = text.strip()
    if not text:
        raise JsonPathError("empty", text)
    if len(text) > MAX_CHARS:
        raise JsonPathError("long", text)
    if not text.startswith("$"):
        raise JsonPathError("root", text)
    try:
        query = jsonpath.compile(text, strict=True)
    except (jsonpath.JSONPathError, RecursionError) as error:
        raise JsonPathError("syntax", text, _reason(error)) from None
    if not isinstance(query, jsonpath.JSONPath) or not query.singular_query():
        raise JsonPathError("many", text)
    steps = tuple(
        _step(selector) for segment in query.segments for selector in segment.selectors
    )
    if len(steps) > MAX_STEPS:
        raise JsonPathError("long", text)
    return JsonPath(text, steps)


def child_path(path: str, key: str | int) -> str | None:
    """The path of a member or an element of what is at ``path``.

    :param key: name of the member, or index of the element.
    :return: ``None`` for a path that :func:`compile_path` would not take: one that is
        too long, or has half of a surrogate pair.
    """
    if isinstance(key, int):
        child = f"{path}[{key}]"
    elif len(key) > MAX_CHARS or _SURROGATE.search(key):
        return None
    elif _SHORT_NAME.fullmatch(key):
        child = f"{path}.{key}"
    else:
        child = f"{path}['{''.join(map(_escaped, key))}']"
    return child if len(child) <= MAX_CHARS else None


def path_label(path: str) -> str:
    """A path as people write it: ``motor.temp``; ``value`` is the whole value."""
    if path == ROOT:
        return "value"
    return path.removeprefix(ROOT).removeprefix(".")


def shown_value(value: object) -> str:
    """A value of a JSON document as JSON, in one short line for a text."""
    if value is MISSING:
        return "nothing"
    if isinstance(value, str):  # not all of it: it may be a payload of megabytes
        value = value[: SHOWN_CHARS + 1]
    elif isinstance(value, dict | list):
        # Of a large one not all is written only to be cut.
        return short_line(f"{_kind(value)} of {len(value):,}", SHOWN_CHARS)
    return short_line(json.dumps(value, ensure_ascii=False), SHOWN_CHARS)


def _kind(value: dict[str, object] | list[object]) -> str:
    return "an object" if isinstance(value, dict) else "a list"


def _step(selector: object) -> str | int:
    if isinstance(selector, NameSelector):
        return selector.name
    if isinstance(selector, IndexSelector):
        return selector.index
    raise TypeError(type(selector))  # a singular query has no others


def _reason(error: Exception) -> str:
    # Not str(): for an error at the end of a path, python-jsonpath 2.2 raises there.
    reason = short_line(error.args[0] if error.args else type(error).__name__, 200)
    token = getattr(error, "token", None)
    if token is None or token.index < 0:
        return f"{reason} at the end"
    return f"{reason} at character {token.index + 1}"


def _escaped(char: str) -> str:
    if char < " " and char not in _ESCAPES:
        return f"\\u{ord(char):04x}"
    return _ESCAPES.get(char, char)
