# Copyright 2026 mqtt_listener contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""Values of payloads and topics as numbers, texts, times and choices.

Nothing is guessed: what is not what it should be raises. ``null``, an empty text and 0
are three different things, and ``true`` is not a number.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime, timedelta, timezone, tzinfo
from decimal import Decimal

from .json_path import shown_value
from .wording import is_storable

EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)
DIGITS_OF_UNITS = {"s": 0, "ms": 3, "us": 6, "ns": 9}  # behind the point of a second
MAX_EXACT = 2**53  # integers from here on are not all exact in a float
MAX_NUMBER_CHARS = 100
MAX_TIME_CHARS = 100
MAX_CHOICES = 1_000
_NUMBER = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d{1,3})?", re.ASCII)
_INTEGER = re.compile(r"[+-]?\d+", re.ASCII)
_ISO = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)"
    r"(?:[Tt ](\d\d):(\d\d)(?::(\d\d)(?:[.,](\d{1,9}))?)?"
    r" ?([Zz]|[+-]\d\d(?::?\d\d)?)?)?",
    re.ASCII,
)
_TRUTH = {"true": True, "false": False, "on": True, "off": False, "1": True, "0": False}


class ConversionError(ValueError):
    """A value is not what it should become; the text says so in one short line."""


def to_number(value: object) -> int | float:
    """A JSON number, or a text that is one.

    :raise ConversionError: for anything else, ``true`` and ``""`` too.
    """
    if isinstance(value, int | float) and not isinstance(value, bool):
        return value
    if isinstance(value, str) and len(value) <= MAX_NUMBER_CHARS:
        text = value.strip()
        if _INTEGER.fullmatch(text):
            return int(text)
        if _NUMBER.fullmatch(text) and (number := float(text)) - number == 0:
            return number  # not infinite
    raise ConversionError(f"{shown_value(value)} is not a number")


def to_float(value: object, factor: float = 1.0, offset: float = 0.0) -> float:
    """A number as a float, multiplied and added to as on paper: 3 × 0.1 is 0.3.

    :raise ConversionError: when it is not a number, or an integer that a float cannot
        hold exactly.
    """
    number = to_number(value)
    if isinstance(number, int) and abs(number) > MAX_EXACT:
        raise ConversionError(
            f"{shown_value(number)} is too large: beyond 2^53 a decimal number is not "
            "exact"
        )
    if factor != 1 or offset:
        number = float(
            Decimal(repr(number)) * Decimal(repr(factor)) + Decimal(repr(offset))
        )
        if number - number != 0:
            raise ConversionError(f"{shown_value(value)} is too large")
    return float(number)


def to_integer(
    value: object, factor: float = 1.0, offset: float = 0.0, bits: int = 32
) -> int:
    """A number as an integer of so many bits.

    :raise ConversionError: when it is not a whole number, or does not fit.
    """
    number = to_number(value)
    if factor != 1 or offset or isinstance(number, float):
        number = to_float(number, factor, offset)
        if not number.is_integer():
            raise ConversionError(f"{shown_value(number)} is not a whole number")
    if not -(2 ** (bits - 1)) <= number < 2 ** (bits - 1):
        raise ConversionError(f"{shown_value(int(number))} does not fit: {bits} bits")
    return int(number)


def to_text(value: object) -> str:
    """A text as it is; a number or ``true`` as JSON writes it.

    :raise ConversionError: for lists and objects, and what PostgreSQL cannot store.
    """
    if isinstance(value, str):
        if not is_storable(value):
            raise ConversionError(f"{shown_value(value)} cannot be stored as text")
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return repr(value)
    raise ConversionError(f"{shown_value(value)} is not a text")


def to_boolean(value: object) -> bool:
    """``true``, 1, ``"on"``, and what is their opposite.

    :raise ConversionError: for anything else.
    """
    if isinstance(value, bool):
        return value
    if not isinstance(value, list | dict) and value is not None:
        known = _TRUTH.get(to_text(value).strip().lower())
        if known is not None:
            return known
    raise ConversionError(f"{shown_value(value)} is not yes or no")


def to_moment(value: object, form: str, zone: tzinfo, pattern: str = "") -> datetime:
    """A time, with its zone.

    :param form: ``iso`` (ISO 8601), ``s``, ``ms``, ``us`` or ``ns`` since 1970, or
        ``own``.
    :param zone: of a time that names none.
    :param pattern: of ``own``, as ``datetime.strptime`` has it.
    :raise ConversionError: when it is not such a time.
    """
    try:
        if form in DIGITS_OF_UNITS:
            return _since_1970(to_number(value), DIGITS_OF_UNITS[form]).astimezone(zone)
        if not isinstance(value, str) or len(value) > MAX_TIME_CHARS:
            raise ValueError
        text = value.strip()
        if form == "iso":
            moment = _read_iso(text)
        else:
            moment = datetime.strptime(text, pattern)
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=zone)
        return moment.astimezone(zone)
    except ConversionError:
        raise
    except (ValueError, OverflowError, re.error):  # a directive that stands twice
        raise ConversionError(
            f"{shown_value(value)} is not a time in the chosen format"
        ) from None


def word_of(text: str, number: int) -> str:
    """One word of a text, the first being 1.

    :raise ConversionError: when the text has not so many.
    """
    words = text.split(maxsplit=number)
    if len(words) < number:
        raise ConversionError(f"{shown_value(text)} has no word {number}")
    return words[number - 1]


def read_choices(text: str) -> dict[str, str]:
    """The table of a choice: one ``value = result`` a line.

    :raise ConversionError: naming the line that is not.
    """
    table: dict[str, str] = {}
    for line in filter(str.strip, text.splitlines()):
        value, equals, result = (part.strip() for part in line.partition("="))
        if not equals or not value or not result:
            raise ConversionError(f"{shown_value(line)} is not “value = result”")
        if value in table:
            raise ConversionError(f"{shown_value(value)} stands twice")
        table[value] = result
    if len(table) > MAX_CHOICES:
        raise ConversionError(f"more than {MAX_CHOICES:,} lines")
    return table


def choose(value: object, table: Mapping[str, str]) -> str:
    """What a table has for a value.

    :raise ConversionError: when it has nothing for it.
    """
    text = to_text(value).strip()
    if text not in table:
        raise ConversionError(f"{shown_value(value)} is not in the table")
    return table[text]


def _since_1970(number: int | float, digits: int) -> datetime:
    microseconds = Decimal(repr(number)).scaleb(6 - digits)
    return EPOCH + timedelta(microseconds=int(microseconds))


def _read_iso(text: str) -> datetime:
    found = _ISO.fullmatch(text)
    if not found:
        raise ValueError
    *parts, fraction, offset = found.groups()
    year, month, day, hour, minute, second = (int(part or 0) for part in parts)
    microsecond = int((fraction or "0").ljust(6, "0")[:6])
    zone = _offset(offset) if offset else None
    return datetime(year, month, day, hour, minute, second, microsecond, zone)


def _offset(text: str) -> tzinfo:
    if text in "Zz":
        return timezone.utc
    minutes = int(text[1:3]) * 60 + int(text[3:].lstrip(":") or 0)
    return timezone(timedelta(minutes=-minutes if text[0] == "-" else minutes))
