# Copyright 2026 mqtt_listener contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""What messages change in records: read and compared, nothing is written here."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

from odoo.exceptions import AccessError
from odoo.fields import Domain

from ..mqtt.json_path import shown_value
from .mapping_plan import MappingError, Plan, Row, refuse, short_line


class Target:
    """A record that messages are about, and what they change in it.

    :ivar record: the empty recordset while there is none.
    :ivar new: values by field, as messages had them in their order.
    """

    __slots__ = ("_plan", "key", "new", "record")

    def __init__(self, plan: Plan, key: tuple, record):
        self._plan = plan
        self.key = key
        self.record = record
        self.new: dict[str, object] = {}

    def take(self, row: Row) -> None:
        """Have a message change it, unless its guards say otherwise."""
        if not self.record and not self.new:
            self.new.update(row.defaults)
            self.new.update(
                (line.name, value)
                for line, value in zip(self._plan.keys, row.key, strict=True)
            )
        if any(self._is_older(line, row) for line in self._plan.dated):
            return
        values = row.values
        if self._plan.banded:
            within = {
                line.name for line in self._plan.banded if self._is_within(line, row)
            }
            values = {name: values[name] for name in values if name not in within}
        self.new.update(values)

    def changes(self) -> dict[str, object]:
        """What has to be written: where asked for, only what differs."""
        if not self.record or not self._plan.only_changed:
            return self.new
        return {
            name: value
            for name, value in self.new.items()
            if self._fitted(name, value) != self.record[name]
        }

    def _current(self, name: str) -> object:
        if name in self.new:
            return self.new[name]
        return self.record[name] if self.record else None

    def _is_older(self, line, row: Row) -> bool:
        value, current = row.values.get(line.name), self._current(line.name)
        return bool(value and current) and value < current

    def _is_within(self, line, row: Row) -> bool:
        value, current = row.values.get(line.name), self._current(line.name)
        if value is None or current is None:
            return False
        return abs(value - current) <= line.band

    def _fitted(self, name: str, value: object) -> object:
        """A value as it comes back when it was written: a float is rounded."""
        field = self.record._fields[name]
        return field.convert_to_record(
            field.convert_to_cache(value, self.record), self.record
        )


def decide(plan: Plan, rows: list[Row]) -> list[Target]:
    """What to create and to write for messages, in their order.

    :raise MappingError: when there is no record, or more than one, and the mapping has
        to have one.
    """
    found = _find(plan, {row.key for row in rows})
    targets: dict[tuple, Target] = {}
    for row in rows:
        target = targets.get(row.key)
        if target is None:
            records = found.get(row.key)
            if records is None and plan.not_found == "ignore":
                continue
            if records is None and plan.not_found == "fail":
                refuse(row.item, f"no {_describe(plan, row)}")
            if records and len(records) > 1:
                refuse(row.item, f"{len(records)} records match {_describe(plan, row)}")
            target = Target(plan, row.key, records[0] if records else plan.model)
            targets[row.key] = target
        target.take(row)
    return list(targets.values())


def _find(plan: Plan, keys: Iterable[tuple]) -> dict[tuple, list]:
    """The records of keys, by one search: a list of them by key.

    Archived ones too, where no other has the key, as none is created beside them.
    """
    if not keys:
        return {}
    names = [line.name for line in plan.keys]
    domain = Domain.AND(
        Domain(name, "in", list({key[at] for key in keys}))
        for at, name in enumerate(names)
    )
    fetched = [*names, *(line.name for line in plan.values)]
    active_name = plan.model._active_name
    if active_name:
        fetched.append(active_name)
    try:
        records = plan.model.with_context(active_test=False).search_fetch(
            domain, list(dict.fromkeys(fetched))
        )
    except AccessError as error:
        raise MappingError(short_line(error)) from error
    found = defaultdict(list)
    # Not with that context: it would have what is computed by them look at more.
    for record in plan.model.browse(records.ids):
        found[tuple(_raw(record, name) for name in names)].append(record)
    if active_name:
        for key, several in found.items():
            if len(several) > 1:
                active = [record for record in several if record[active_name]]
                found[key] = active or several
    return found


def _raw(record, name: str) -> object:
    value = record[name]
    return value.id if record._fields[name].type == "many2one" else value


def _describe(plan: Plan, row: Row) -> str:
    said = (
        f"{line.label} {shown_value(value)}"
        for line, value in zip(plan.keys, row.key, strict=True)
    )
    return f"{plan.model._description} with {', '.join(said)}"
