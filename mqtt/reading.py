# Copyright 2026 mqtt_listener contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""Values and times that devices send, as readings hold them.

Missing, empty, wrong and zero are four things: a value that is not there, one that is
``null`` or an empty text, one that is not what its metric says, and 0 or ``false``.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta, timezone, tzinfo
from typing import NamedTuple

from .json_path import MISSING, shown_value
from .wording import is_storable

NUMBER, TEXT, YES_NO, CHOICE = "number", "text", "yes_no", "choice"
TEXT_CHARS = 1_000  # of a text, at most
# Beyond these, squares of numbers, and what they are times seconds, are no doubles:
# PostgreSQL computes no figures of them.
LARGEST, SMALLEST = 1e100, 1e-100
LARGEST_WHOLE = 2**53  # beyond which a double is not every whole number
CLOCK_TOLERANCE = timedelta(minutes=5)  # between a device's clock and ours
MOST_LATE = timedelta(days=366)  # a time before that is not late, but wrong
GOOD, LATE, CLOCK, RETAINED = "good", "late", "clock", "retained"
TICKS = {"s": 1, "ms": 1_000, "us": 1_000_000, "ns": 1_000_000_000}  # a second
ISO = "iso"
_EPOCH = datetime(1970, 1, 1)
_NUMBER = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?", re.ASCII)
_YES_NO = {
    **dict.fromkeys((True, "true", "on", "yes", "1"), True),
    **dict.fromkeys((False, "false", "off", "no", "0"), False),
}


class Value(NamedTuple):
    """A value of a reading: a number, or a text; ``None`` is the other one."""

    number: float | None = None
    text: str | None = None


class ValueWrongError(ValueError):
    """A value is not what its metric says; the text names it, in one line."""


def is_empty(value: object) -> bool:
    """Whether a value is there and says nothing: ``null`` or an empty text."""
    return value is None or value == ""


def is_zero(value: object) -> bool:
    """Whether a value is 0 or ``false``."""
    return isinstance(value, int | float) and value == 0


def reader(
    kind: str, factor: float, offset: float, choices: Mapping[str, str]
) -> Callable[[object], Value]:
    """What makes the values of a metric of what a device sends.

    :param kind: of the metric.
    :param factor: numbers are multiplied by it, then ``offset`` is added.
    :param choices: of a choice: what a device sends, and what that is called.
    :return: a function that raises :class:`ValueWrongError`.
    """
    if kind == NUMBER:
        return lambda value: _scaled(value, factor, offset)
    if kind == CHOICE:
        return lambda value: _choice(value, choices)
    return {TEXT: _text, YES_NO: _yes_no}[kind]


def _scaled(value: object, factor: float, offset: float) -> Value:
    number = _number(value) * factor + offset
    if not math.isfinite(number) or abs(number) > LARGEST:
        raise ValueWrongError(f"{shown_value(value)} is too large")
    return Value(number=number if abs(number) >= SMALLEST else 0.0)


def _number(value: object) -> float:
    if isinstance(value, str):
        text = value.strip()
        if len(text) <= TEXT_CHARS and _NUMBER.fullmatch(text):
            return float(text)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueWrongError(f"{shown_value(value)} is not a number")
    if isinstance(value, int) and abs(value) > LARGEST_WHOLE:
        raise ValueWrongError(f"{shown_value(value)} is above 2^53, which is not kept")
    return float(value)


def _text(value: object) -> Value:
    if isinstance(value, dict | list):
        raise ValueWrongError(f"{shown_value(value)} is not a text")
    text = value if isinstance(value, str) else shown_value(value)
    if len(text) > TEXT_CHARS:
        raise ValueWrongError(f"a text of {len(text):,} characters is too long")
    if not is_storable(text):
        raise ValueWrongError(f"{shown_value(text)} cannot be stored")
    return Value(text=text)


def _yes_no(value: object) -> Value:
    known = value.strip().lower() if isinstance(value, str) else value
    if not isinstance(known, str | int | float) or known not in _YES_NO:
        raise ValueWrongError(f"{shown_value(value)} is neither yes nor no")
    return Value(number=float(_YES_NO[known]))


def _choice(value: object, choices: Mapping[str, str]) -> Value:
    sent = value if isinstance(value, str) else shown_value(value)
    if sent not in choices:
        raise ValueWrongError(f"{shown_value(value)} is not one of the choices")
    return Value(text=choices[sent])


def read_choices(text: str) -> dict[str, str]:
    """The choices of a metric, one a line: ``value``, or ``value = name``."""
    choices = {}
    for line in text.splitlines():
        sent, equals, name = (part.strip() for part in line.partition("="))
        if sent:
            choices[sent] = (name if equals else "") or sent
    return choices


def read_time(value: object, kind: str, zone: tzinfo) -> datetime | None:
    """The time that a device sends, in UTC without a zone, or ``None`` if it is none.

    :param kind: ``iso`` (ISO 8601), or the unit of the time since 1970: ``s``, ``ms``,
        ``us`` or ``ns``.
    :param zone: of an ISO time that names none.
    """
    if value is MISSING:
        return None
    try:
        if kind == ISO:
            return _iso_time(value, zone)
        return _EPOCH + timedelta(seconds=_ticks(value) / TICKS[kind])
    except (ValueWrongError, ValueError, OverflowError):
        return None


def _ticks(value: object) -> float:
    # Nanoseconds since 1970 are above 2^53: half a microsecond is lost, no more.
    if isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    return _number(value)


def _iso_time(value: object, zone: tzinfo) -> datetime:
    if not isinstance(value, str):
        raise ValueError
    # Python 3.10 reads no Z; nor more than six digits of a second.
    text = re.sub(r"(\.\d{6})\d+", r"\1", value.strip()[:64])
    found = datetime.fromisoformat(re.sub(r"[zZ]$", "+00:00", text))
    if found.tzinfo is None:
        localize = getattr(zone, "localize", None)  # of pytz
        found = localize(found) if localize else found.replace(tzinfo=zone)
    return found.astimezone(timezone.utc).replace(tzinfo=None)


def settle(time: datetime | None, arrival: datetime) -> tuple[datetime, str]:
    """The time of a reading and its quality, of what a device says.

    A time in the future, or more than a year in the past, is a clock that is wrong:
    then the time of arrival counts.

    :param time: of the device, ``None`` where it is not valid.
    """
    if time is None or time > arrival + CLOCK_TOLERANCE or time < arrival - MOST_LATE:
        return arrival, CLOCK
    return time, LATE if time < arrival - CLOCK_TOLERANCE else GOOD
