# Copyright 2026 mqtt_listener contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""One line of a mapping: where a value of a message is, and what it becomes."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime, timezone
from typing import Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from odoo.fields import Domain

from ..mqtt.convert import (
    ConversionError,
    choose,
    read_choices,
    to_boolean,
    to_float,
    to_integer,
    to_moment,
    to_text,
    word_of,
)
from ..mqtt.json_path import MISSING, compile_path, shown_value
from ..mqtt.payload import decode_text

SKIP: Final = object()  # instead of a value: the field stays as it is
EMPTY = {"boolean": False, "integer": 0, "float": 0.0, "monetary": 0.0}


class Item:
    """A message, or one element of the list in it.

    :param levels: the named levels of its topic.
    :param element: of the list; without one, the message is about one record.
    :param number: of the element, from 0 on.
    """

    __slots__ = ("_element", "levels", "message", "number")

    def __init__(self, message, levels, element=MISSING, number=None) -> None:
        self.message = message
        self.levels = levels
        self.number = number
        self._element = element

    @property
    def document(self) -> object:
        """The whole payload: :raise PayloadError: when it is not JSON."""
        return self.message.json()

    @property
    def element(self) -> object:
        return self.document if self.number is None else self._element


class Line:
    """A line, compiled.

    :param line: a ``mqtt.mapping.line``.
    :param model: the empty recordset of the records that are written.
    :ivar key_of_related: the field by which a related record is found, or ``None``.
    """

    def __init__(self, line, model) -> None:
        self.name = line.field_name
        self.field = model._fields[self.name]
        self.label = line.field_label or self.name
        self.place = line.value if line.source in ("path", "outer") else line.source
        self.is_key = line.part == "key"
        self.is_newer = line.is_newer
        self.band = line.band
        self._model = model
        self._line = line
        self._if = {MISSING: line.if_missing, None: line.if_null}
        self._source = _source(line)
        self._choices = read_choices(line.choices or "")
        self._word = line.word
        self._related = None
        if self.field.type == "many2one":
            self._related = model.env[self.field.comodel_name]
            self.key_of_related = self._related._fields.get(line.lookup_field or "")
            if self.key_of_related is None:
                raise ConversionError(
                    f"{self.label}: there is no field {line.lookup_field} by which its "
                    "records can be found"
                )
        self._convert = getattr(self, f"_to_{self.field.type}")
        if self.field.type == "selection":
            self._keys = dict(self.field._description_selection(model.env))
        try:
            self._zone = ZoneInfo(line.tz or "UTC")
        except ZoneInfoNotFoundError:  # Odoo knows some that the system does not
            raise ConversionError(
                f"{self.label}: this server does not know the time zone {line.tz}"
            ) from None

    @property
    def is_number(self) -> bool:
        return self.field.type in ("integer", "float", "monetary")

    @property
    def is_related(self) -> bool:
        return self._related is not None

    def find_related(self, items: Iterable[Item]) -> dict[object, list[int]]:
        """The records that messages name, by one search: ids by what names them."""
        names = set()
        for item in items:
            try:
                raw = self._raw(item)
                if raw is not MISSING and raw is not None:
                    names.add(self._to_name(raw))
            except ConversionError:
                continue  # as it is raised again by value_of
        name = self.key_of_related.name
        found: dict[object, list[int]] = {}
        for record in self._related.search_fetch(
            Domain(name, "in", list(names)), [name]
        ):
            found.setdefault(record[name], []).append(record.id)
        return found

    def value_of(self, item: Item, related: dict[object, list[int]] | None) -> object:
        """What is written for a message: a value of the field, or ``SKIP``.

        :param related: of :meth:`find_related`.
        :raise ConversionError: when the message has no such value.
        """
        raw = self._raw(item)
        if raw is MISSING or raw is None:
            return self._absent(raw)
        if self.is_related:
            return self._pick(self._to_name(raw), related)
        value = self._convert(raw)
        if self.is_key and value in ("", False):
            raise ConversionError("the key is empty")
        return value

    def _raw(self, item: Item) -> object:
        raw = self._source(item)
        if raw is MISSING or raw is None:
            return raw
        if self._word:
            raw = word_of(to_text(raw), self._word)
        return choose(raw, self._choices) if self._choices else raw

    def _absent(self, raw: object) -> object:
        said = "there is nothing" if raw is MISSING else "it is null"
        wish = "fail" if self.is_key else self._if[raw]
        if wish == "skip":
            return SKIP
        if wish == "empty":
            return EMPTY.get(self.field.type, False)
        raise ConversionError(said)

    def _pick(self, name: object, related: dict[object, list[int]]) -> object:
        ids = related.get(name, ())
        if len(ids) == 1:
            return ids[0]
        model = self._related._description
        if ids:
            raise ConversionError(
                f"there are {len(ids)} of {model} with {shown_value(name)}"
            )
        if self._line.if_not_found == "skip" and not self.is_key:
            return SKIP
        raise ConversionError(f"there is no {model} with {shown_value(name)}")

    def _to_name(self, raw: object) -> object:
        return (
            to_integer(raw) if self.key_of_related.type == "integer" else to_text(raw)
        )

    # One for each type of field

    def _to_char(self, raw: object) -> str:
        return raw.isoformat(" ") if isinstance(raw, datetime) else to_text(raw)

    _to_text = _to_char

    def _to_boolean(self, raw: object) -> bool:
        return to_boolean(raw)

    def _to_integer(self, raw: object) -> int:
        return to_integer(raw, self._line.factor, self._line.offset)

    def _to_float(self, raw: object) -> float:
        return to_float(raw, self._line.factor, self._line.offset)

    _to_monetary = _to_float

    def _to_selection(self, raw: object) -> str:
        text = to_text(raw)
        if text not in self._keys:
            raise ConversionError(f"{shown_value(raw)} is not one of its choices")
        return text

    def _to_moment(self, raw: object) -> datetime:
        if isinstance(raw, datetime):
            return raw.replace(tzinfo=timezone.utc).astimezone(self._zone)
        line = self._line
        return to_moment(raw, line.time_format, self._zone, line.time_pattern or "")

    def _to_datetime(self, raw: object) -> datetime:
        moment = self._to_moment(raw).astimezone(timezone.utc)
        return moment.replace(tzinfo=None, microsecond=0)

    def _to_date(self, raw: object) -> object:
        return self._to_moment(raw).date()

    def _to_many2one(self, raw: object) -> int:
        raise NotImplementedError  # see _pick


def _source(line) -> Callable[[Item], object]:
    """A function that gives what a message has for a line; ``MISSING`` for nothing."""
    value = line.value or ""
    if line.source == "path":
        find = compile_path(value).find
        return lambda item: find(item.element)
    if line.source == "outer":
        find = compile_path(value).find
        return lambda item: find(item.document)
    if line.source == "level":
        return lambda item: item.levels.get(value, MISSING)
    if line.source == "time":
        return lambda item: item.message.timestamp
    if line.source == "text":
        return lambda item: _text_of(item.message)
    return lambda _item: value


def _text_of(message) -> str:
    text = decode_text(message.payload_bytes)
    if text is None:
        raise ConversionError("the payload is not text")
    return text
