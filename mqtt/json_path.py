"""Places in a JSON value, as JSONPath (RFC 9535) names them.

A path has the short form where there is one: ``$.motor.temp``, ``$['odd key'][0]``.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

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


def child_path(path: str, key: str | int) -> str | None:
    """The path of a member or an element of what is at ``path``.

    :param key: name of the member, or index of the element.
    :return: ``None`` for a name with half of a surrogate pair, which no path can hold.
    """
    if isinstance(key, int):
        return f"{path}[{key}]"
    if _SHORT_NAME.fullmatch(key):
        return f"{path}.{key}"
    if _SURROGATE.search(key):
        return None
    return f"{path}['{''.join(map(_escaped, key))}']"


def path_label(path: str) -> str:
    """A path as people write it: ``motor.temp``; ``value`` is the whole value."""
    if path == ROOT:
        return "value"
    return path.removeprefix(ROOT).removeprefix(".")


def numbers(value: object, path: str = ROOT) -> Iterator[tuple[str, float | bool]]:
    """Path and value of each number, true and false in a JSON value, in its order.

    What is too large for a float is left out: no chart can show it.

    :param value: as :func:`.json_text.parse_json` returns it, and as deep.
    """
    match value:
        case bool():
            yield path, value
        case int() | float():
            try:
                yield path, float(value)
            except OverflowError:
                return
        case dict():
            yield from _numbers_within(value.items(), path)
        case list():
            yield from _numbers_within(enumerate(value), path)


def _numbers_within(
    pairs: Iterable[tuple[str | int, object]], path: str
) -> Iterator[tuple[str, float | bool]]:
    for key, value in pairs:
        if isinstance(value, int | float | dict | list):
            below = child_path(path, key)
            if below is not None:
                yield from numbers(value, below)


def _escaped(char: str) -> str:
    if char < " " and char not in _ESCAPES:
        return f"\\u{ord(char):04x}"
    return _ESCAPES.get(char, char)
