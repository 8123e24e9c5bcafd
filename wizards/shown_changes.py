# Copyright 2026 mqtt_listener contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""Changes of records in the words, and with the rights, of the user who sees them."""

from __future__ import annotations

import re
from collections import defaultdict
from dataclasses import dataclass, field

from odoo import fields
from odoo.tools import html2plaintext

from .changed_rows import MAX_CHARS, State
from .row_changes import Change

MAX_FIELDS = 20  # of one record that are shown
MAX_NAMES = 10  # of the records in a many2many field
MAX_VALUE_CHARS = 200
HIDDEN = "•••"
NOTHING = (None, False, "", ())
# Names of fields with secrets, whose columns the ORM may hide in ways of its own.
SECRET = re.compile(r"passw|passphrase|secret|token|credential|api_?key|private_?key")


@dataclass
class Names:
    """What records are called at one time.

    :ivar readable: (model, id) of the records that the user may read.
    """

    names: dict[tuple, str] = field(default_factory=dict)
    readable: set[tuple] = field(default_factory=set)


class Words:
    """Says what has changed.

    :param reader: environment of the user who sees it, in the same transaction.
    """

    def __init__(self, reader):
        self._reader = reader
        self._described: dict[str, dict] = {}

    def names(self, state: State) -> Names:
        """The names of the records of a state, and of those they refer to, as they are
        now.
        """
        wanted = self._referred(state)
        names = Names()
        for model in {model for model, _id in state.rows}:
            ids = state.of(model)
            wanted[model].update(ids)
            names.readable.update((model, id_) for id_ in self._readable(model, ids))
        for model, ids in wanted.items():
            names.names.update(self._names_of(model, ids))
        return names

    def learn(self, changes: list[Change], before: Names, after: Names) -> None:
        """Add the names of records that were changed without being written: a pair of a
        relation was. They were the same before and after.
        """
        known = before.names.keys() | after.names.keys()
        keys = [change.key for change in changes if change.key not in known]
        names = self.names(State({key: {} for key in keys}))
        for one in (before, after):
            one.names |= names.names
            one.readable |= names.readable

    def _referred(self, state: State) -> dict[str, set]:
        wanted = defaultdict(set)
        for (model, _id), values in state.rows.items():
            for name, value in values.items():
                one = self._field(model, name)
                value = self._plain(one, value)
                if one.type == "many2one" and value:
                    wanted[one.comodel_name].add(value)
        return wanted

    def _readable(self, model: str, ids: list[int]) -> list[int]:
        records = self._reader[model].with_context(active_test=False)
        if not records.has_access("read"):
            return []
        return records.search([("id", "in", ids)]).ids

    def _names_of(self, model: str, ids) -> dict[tuple, str]:
        # sudo: who may read a record may read what the records in it are called
        records = self._reader[model].sudo().browse(ids)
        try:
            with self._reader.cr.savepoint(flush=False):
                return {
                    (model, one.id): one.display_name or "" for one in records.exists()
                }
        except Exception:  # noqa: BLE001 - of a computation that is not ours
            return {}

    def say(self, change: Change, before: Names, after: Names) -> dict:
        """A change as the template shows it."""
        is_readable = change.key in (
            before.readable
            if change.kind == "deleted"
            else after.readable
            if change.kind == "created"
            else before.readable & after.readable
        )
        names = before if change.kind == "deleted" else after
        rows = []
        if is_readable:
            rows = [
                self._say_values(change, name, values, (before, after))
                for name, values in change.values.items()
                # What it was created with is told where it says something.
                if change.kind == "changed" or values[1] not in NOTHING
            ]
        return {
            "kind": change.kind,
            # sudo: what models are called is no secret
            "label": self._reader["ir.model"].sudo()._get(change.model).name,
            "model": change.model,
            "id": change.id,
            "name": _cut(names.names.get(change.key, "") if is_readable else ""),
            "rows": rows[:MAX_FIELDS],
            "has_more": len(rows) > MAX_FIELDS,
        }

    def _say_values(self, change: Change, name: str, values, names) -> dict:
        model = change.model
        if model not in self._described:
            self._described[model] = self._reader[model].fields_get(
                attributes=["string", "selection"]
            )
        one = self._field(model, name)
        described = self._described[model].get(name)
        label = one.get_description(self._reader, ["string"])["string"]
        if described is None or SECRET.search(name):
            return {"label": label, "old": HIDDEN, "new": HIDDEN}
        old, new = (
            self._say(one, described, value, known)
            for value, known in zip(values, names, strict=True)
        )
        return {"label": label, "old": old, "new": new}

    def _field(self, model: str, name: str):
        return self._reader[model]._fields[name]

    def _plain(self, one, value):
        """A value in the user's language and company."""
        if value is not None and one.translate:
            return value.get(self._reader.lang or "en_US", value.get("en_US"))
        if value is not None and one.company_dependent:
            return value.get(str(self._reader.company.id))
        return value

    def _say(self, one, described: dict, value, known: Names) -> str:
        """A value of the database as the user knows it from views, shortened."""
        value = self._plain(one, value)
        if one.type == "boolean":
            return self._reader._("Yes") if value else self._reader._("No")
        if value in (None, "", ()):
            return "–"
        if one.type == "many2one":
            return self._say_names(one, [value], known)
        if one.type == "many2many":
            return self._say_names(one, value, known)
        if one.type == "selection":
            return dict(described["selection"]).get(value, value)
        if one.type == "datetime":
            moment = fields.Datetime.context_timestamp(self._reader.user, value)
            return moment.isoformat(" ", "seconds")[:19]
        if one.type in ("binary", "image"):
            return self._reader._("%s bytes", value.split(" ")[0])
        if one.type == "html":
            value = html2plaintext(value[:MAX_CHARS])
        return _cut(str(value))

    def _say_names(self, one, ids, known: Names) -> str:
        if one.type == "many2many":
            known = Names(
                self._names_of(one.comodel_name, ids[:MAX_NAMES]) | known.names
            )
        names = (
            known.names.get((one.comodel_name, id_), f"#{id_}")
            for id_ in ids[:MAX_NAMES]
        )
        return _cut(", ".join(names)) + (" …" if len(ids) > MAX_NAMES else "")


def _cut(text: str, limit: int = MAX_VALUE_CHARS) -> str:
    return text if len(text) <= limit else text[:limit] + "…"
