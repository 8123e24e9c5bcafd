# Copyright 2026 mqtt_listener contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""A payload as one short line, for lists in which each topic has a row."""

from __future__ import annotations

import json
from collections.abc import Iterable
from itertools import islice
from typing import Any

from .json_text import parse_json
from .payload import PayloadError, decode_text
from .wording import short_line

VALUE_CHARS = 100
MEMBERS = 8  # of an object or array that are looked at


def value_line(beginning: bytes, *, is_whole: bool) -> str | None:
    """What a payload says, in one line: ``temperature 61.2 · pressure 4.02``.

    :param beginning: the payload, or the first bytes of it.
    :param is_whole: whether these are all.
    :return: an empty text for an empty payload, ``None`` for one that is not text.
    """
    text = decode_text(beginning, is_whole=is_whole)
    if text is None:
        return None
    if is_whole and text.lstrip()[:1] in ("{", "["):
        text = _members(beginning) or text
    return short_line(text if is_whole else f"{text}…", VALUE_CHARS)


def _members(payload: bytes) -> str:
    """The members of a JSON object or array, without their brackets."""
    try:
        value = parse_json(payload)
    except PayloadError:
        return ""
    if isinstance(value, dict):
        parts = [f"{name} {_short(one)}" for name, one in _first(value.items())]
    elif isinstance(value, list):
        parts = [_short(one) for one in _first(value)]
    else:
        return ""
    return " · ".join(parts) + (" …" if len(value) > MEMBERS else "")


def _first(members: Iterable[Any]) -> Iterable[Any]:
    return islice(members, MEMBERS)


def _short(value: object) -> str:
    if isinstance(value, dict):
        return "{…}" if value else "{}"
    if isinstance(value, list):
        return "[…]" if value else "[]"
    if isinstance(value, str):
        return value
    return json.dumps(value)
