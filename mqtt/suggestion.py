# Copyright 2026 mqtt_listener contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""A topic pattern for topics like one that was seen."""

from __future__ import annotations

import re

from .pattern import TopicPattern
from .topic import TopicError

NUMBERED = re.compile(r"(?P<name>[A-Za-z]\w*?)?[-_.:]?\d[\w.:-]*", re.ASCII)
LEVEL_NAME = "level%s"


def suggest_pattern(topic: str) -> str:
    """Name the levels with a number; empty where no pattern can match the topic.

    ``plant/line1/press-7/state`` becomes ``plant/{line}/{press}/state``.
    """
    levels, names = topic.split("/"), set()
    for at, level in enumerate(levels):
        found = NUMBERED.fullmatch(level)
        if not found:
            continue
        name = (found["name"] or LEVEL_NAME % (at + 1)).lower()
        if name in names:
            name = f"{name}{at + 1}"
        names.add(name)
        levels[at] = f"{{{name}}}"
    pattern = "/".join(levels)
    try:
        TopicPattern(pattern)
    except TopicError:
        return topic if not set("{}+#") & set(topic) else ""
    return pattern
