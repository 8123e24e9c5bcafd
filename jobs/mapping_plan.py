# Copyright 2026 mqtt_listener contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""What a mapping is to do, read once from its records for all messages of a run."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NoReturn

from ..mqtt.convert import ConversionError
from ..mqtt.json_path import JsonPath, JsonPathError, compile_path, shown_value
from ..mqtt.wording import TOPIC_CHARS, short_line
from .guard import HandlerError
from .mapping_line import SKIP, Item, Line

MAX_ELEMENTS = 10_000  # of a list in one payload


class MappingError(HandlerError):
    """A message does not fit its mapping. To run it again would not help."""


@dataclass(frozen=True)
class Row:
    """What one message, or one element of its list, says.

    :ivar key: values of the key lines, in their order.
    :ivar values: to write, by field; :ivar defaults: more for a new record.
    """

    item: Item
    key: tuple
    values: dict[str, object]
    defaults: dict[str, object]


@dataclass(frozen=True)
class Plan:
    """A mapping, compiled.

    :ivar model: the empty recordset, with the user and company that it runs as.
    :ivar each: path of the list whose elements are one record each.
    :ivar dated: the values with a time that must not be earlier than the record's.
    :ivar banded: the values that are not written where they differ little.
    """

    model: object
    keys: tuple[Line, ...]
    values: tuple[Line, ...]
    dated: tuple[Line, ...]
    banded: tuple[Line, ...]
    defaults: tuple[Line, ...]
    each: JsonPath | None
    not_found: str
    only_changed: bool

    @classmethod
    def of(cls, mapping, env) -> Plan:
        """Compile a mapping.

        :param mapping: a record; it may be one that is not saved yet.
        :param env: of the user and company that it runs as.
        :raise MappingError: when its model or a field is not there any more.
        """
        if not mapping:
            raise MappingError("The mapping of this handler was deleted")
        name = mapping.res_model
        if not mapping._is_target(name):
            raise MappingError(
                f"There is no model {name} that a mapping may write: install its "
                "module, or choose another kind of record, and requeue"
            )
        model = env[name]
        try:
            keys, values, defaults = (
                tuple(_line(line, model) for line in mapping[part].sorted("sequence"))
                for part in ("key_ids", "value_ids", "default_ids")
            )
            each = compile_path(mapping.each_path) if mapping.each_path else None
        except (ConversionError, JsonPathError) as error:
            raise MappingError(str(error)) from error
        return cls(
            model,
            keys,
            values,
            tuple(line for line in values if line.is_newer),
            tuple(line for line in values if line.band and line.is_number),
            defaults,
            each,
            mapping.not_found,
            mapping.only_changed,
        )

    @property
    def lines(self) -> tuple[Line, ...]:
        return (*self.keys, *self.values, *self.defaults)

    def check_rights(self) -> None:
        """:raise MappingError: when the user may not do what the mapping does at all,
        naming the field or the model, and the groups that may.
        """
        creates = ("create",) if self.not_found == "create" else ()
        for operation in ("read", "write", *creates):
            if not self.model.has_access(operation):
                self._refuse(
                    operation, self.model._description, self._groups(operation)
                )
        for line in self.lines:
            operation = "read" if line.is_key and not creates else "write"
            if not self.model._has_field_access(line.field, operation):
                what = f"{line.label} of {self.model._description}"
                self._refuse(operation, what, _groups_of(line.field, self.model.env))

    def _groups(self, operation: str) -> list[str]:
        access = self.model.env["ir.model.access"].sudo()
        return access.group_names_with_access(self.model._name, operation)

    def _refuse(self, operation: str, what: str, groups: list[str]) -> NoReturn:
        user = self.model.env.user.name
        only = f"only {', '.join(groups)} may" if groups else "no group may"
        raise MappingError(short_line(f"{user} may not {operation} {what}: {only}"))

    def rows_of(self, messages, named: dict[str, list[str]]) -> list[Row]:
        """What messages say, in their order.

        :param named: the named levels, a list of values a name.
        :raise MappingError: naming topic, field, place and value.
        """
        items = [
            Item(message, {name: levels[index] for name, levels in named.items()})
            for index, message in enumerate(messages)
        ]
        if self.each is not None:
            items = [one for item in items for one in self._elements(item)]
        related = {
            line: line.find_related(items) for line in self.lines if line.is_related
        }
        return [
            Row(
                item,
                tuple(_read(line, item, related) for line in self.keys),
                _values(self.values, item, related),
                _values(self.defaults, item, related),
            )
            for item in items
        ]

    def _elements(self, item: Item) -> Iterator[Item]:
        elements = self.each.find(item.document)
        if not isinstance(elements, list):
            refuse(item, f"{self.each.text} is {shown_value(elements)}, not a list")
        if len(elements) > MAX_ELEMENTS:
            refuse(item, f"{self.each.text} has more than {MAX_ELEMENTS:,} elements")
        for number, element in enumerate(elements):
            yield Item(item.message, item.levels, element, number)


def refuse(item: Item, what: str) -> NoReturn:
    """:raise MappingError: with the topic, and with the element of a list."""
    where = short_line(item.message.topic, TOPIC_CHARS)
    if item.number is not None:
        where += f", element {item.number}"
    raise MappingError(f"{where}: {what}")


def _line(line, model) -> Line:
    field = model._fields.get(line.field_name or "")
    if field is None:
        raise ConversionError(
            f"{model._description} has no field {line.field_name}: choose another one, "
            "or install its module, and requeue"
        )
    if not model.env["mqtt.mapping"]._is_writable(field, line.part):
        raise ConversionError(
            f"A mapping cannot write {line.field_name} of {model._description}"
        )
    return Line(line, model)


def _read(line: Line, item: Item, related: dict) -> object:
    try:
        return line.value_of(item, related.get(line))
    except ConversionError as error:
        refuse(item, f"{line.label} ← {line.place}: {error}")


def _values(lines: tuple[Line, ...], item: Item, related: dict) -> dict[str, object]:
    values = {}
    for line in lines:
        value = _read(line, item, related)
        if value is not SKIP:
            values[line.name] = value
    return values


def _groups_of(field, env) -> list[str]:
    names = (field.groups or "").split(",")
    found = (env.ref(name.strip("! "), raise_if_not_found=False) for name in names)
    return [group.sudo().full_name for group in found if group]
