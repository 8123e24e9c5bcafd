# Copyright 2026 mqtt_listener contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""Create and write what was decided: as few calls of the ORM as there can be."""

from __future__ import annotations

import hashlib
import json

from odoo import models
from odoo.exceptions import AccessError

from ..mqtt.wording import short_line
from .mapping_decide import Target
from .mapping_plan import MappingError, Plan


def apply(plan: Plan, targets: list[Target], mapping) -> None:
    """Create and write records, and run the actions of a mapping on them.

    :raise MappingError: when a rule of Odoo does not let the user.
    :raise psycopg2.errors.SerializationFailure: when another transaction has just
        created a record of the same key.
    """
    try:
        changed = _write(plan, targets) + _create(plan, targets, mapping)
    except AccessError as error:
        raise MappingError(short_line(error)) from error
    # sudo: only a system administrator chooses them
    actions = mapping.sudo().action_ids.with_env(plan.model.env)
    if changed and actions:
        actions.with_context(
            active_model=changed._name,
            active_ids=changed.ids,
            active_id=changed[:1].id,
        ).run()


def _write(plan: Plan, targets: list[Target]) -> models.BaseModel:
    """One write for each distinct set of values."""
    sets: dict[tuple, list] = {}
    for target in targets:
        if target.record and (changes := target.changes()):
            # 1, 1.0 and True are equal, but are not written alike.
            key = tuple((name, type(value), value) for name, value in changes.items())
            sets.setdefault(key, []).append(target.record)
    for key, own in sets.items():
        # With the prefetching of all: what a write reads besides is read once.
        records = own[0] if len(own) == 1 else own[0].concat(*own[1:])
        records.write({name: value for name, _type, value in key})
    return plan.model.browse(record.id for own in sets.values() for record in own)


def _create(plan: Plan, targets: list[Target], mapping) -> models.BaseModel:
    new = [target for target in targets if not target.record]
    if not new:
        return plan.model
    keys = plan.model.env["mqtt.mapping.key"]
    keys._claim(mapping, {_digest(plan, target.key) for target in new})
    return plan.model.create([target.changes() for target in new])


def _digest(plan: Plan, key: tuple) -> str:
    """One text of a fixed length for a model and a key, the same from any mapping."""
    named = sorted(
        (line.name, value) for line, value in zip(plan.keys, key, strict=True)
    )
    text = json.dumps([plan.model._name, named])
    return hashlib.sha256(text.encode()).hexdigest()
