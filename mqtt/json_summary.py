# Copyright 2026 mqtt_listener contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""What a JSON object says, in one line of a list."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import NoReturn

SEPARATOR = " · "


def summarize_json(text: str) -> str | None:
    """``temperature 61.2 · motor.speed 1450`` for a JSON object, numbers as they were
    sent; ``None`` for any other text, and for an object without values.

    :param text: short: it is parsed.
    """
    if not text.lstrip().startswith("{"):
        return None
    try:
        value = json.loads(
            text, parse_int=str, parse_float=str, parse_constant=_refuse_constant
        )
    except (ValueError, RecursionError):
        return None
    parts = (f"{name} {said}".strip() for name, said in _values(value, ""))
    return SEPARATOR.join(parts) or None


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(name)  # NaN and its like are not JSON


def _values(value: object, name: str) -> Iterator[tuple[str, str]]:
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from _values(inner, f"{name}.{key}" if name else key)
    else:
        yield name, _say(value)


def _say(value: object) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, list):
        return f"[{', '.join(map(_say, value))}]"
    return json.dumps(value, ensure_ascii=False)
