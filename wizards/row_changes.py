# Copyright 2026 mqtt_listener contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""What is different between the states before and after, record by record."""

from __future__ import annotations

from dataclasses import dataclass, field

from .changed_rows import State, Table

KINDS = ("created", "changed", "deleted")


@dataclass
class Change:
    """One record that was created, changed or deleted.

    :ivar values: ``{field: (before, after)}``, as they are in the database.
    """

    kind: str
    model: str
    id: int
    values: dict[str, tuple] = field(default_factory=dict)

    @property
    def key(self) -> tuple[str, int]:
        return self.model, self.id


def compare(tables: list[Table], before: State, after: State) -> list[Change]:
    """The records that are different, by kind: what amounts to nothing is left out."""
    changes: dict[tuple, Change] = {}
    for table in tables:
        if table.model and not table.is_slow:
            _compare_rows(changes, table.model, before, after)
    for table in tables:
        if table.fields and not table.is_slow:
            _compare_pairs(changes, table, before, after)
    found = [
        change
        for change in changes.values()
        if (change.values or change.kind != "changed")
        and not _is_log_entry(change, changes, before, after)
    ]
    return sorted(found, key=lambda change: KINDS.index(change.kind))


def _compare_rows(changes: dict, model: str, before: State, after: State) -> None:
    for id_ in after.of(model):
        key = model, id_
        new, old = after.rows[key], before.rows.get(key)
        if old is None:
            values = {name: (None, value) for name, value in new.items()}
            changes[key] = Change("created", *key, values)
        elif before.versions[key] != after.versions[key]:
            different = {
                name: (value, new[name])
                for name, value in old.items()
                if value != new[name]
            }
            changes[key] = Change("changed", *key, different)
    for id_ in before.of(model):
        key = model, id_
        if key not in after.rows:
            changes[key] = Change("deleted", *key)


def _compare_pairs(changes: dict, table: Table, before: State, after: State) -> None:
    old, new = before.pairs[table.name], after.pairs[table.name]
    column = table.fields[0].column1
    for pair in sorted(old ^ new):
        if pair[0] < table.floor:
            continue
        ends = [
            (one, (one.model_name, pair[one.column1 != column])) for one in table.fields
        ]
        # A field has its inverse on the other side: the record that was written counts.
        written = [end for end in ends if end[1] in changes]
        if any(changes[key].kind == "deleted" for _one, key in written):
            continue
        one, key = (written or ends)[0]
        at = int(one.column1 != column)
        change = changes.setdefault(key, Change("changed", *key))
        change.values[one.name] = (
            tuple(sorted(pair[1 - at] for pair in old if pair[at] == key[1])),
            tuple(sorted(pair[1 - at] for pair in new if pair[at] == key[1])),
        )


def _is_log_entry(change: Change, changes: dict, before: State, after: State) -> bool:
    """Whether it is a log entry of a record that is created or deleted itself."""
    if change.model != "mail.message" or any(change.values.get("partner_ids") or ()):
        return False
    state = before if change.kind == "deleted" else after
    row = state.rows[change.key]
    whose = changes.get((row["model"], row["res_id"]))
    return whose is not None and whose.kind != "changed"
