# Copyright 2026 mqtt_listener contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""Topic patterns: topic filters whose wildcards may have names.

``plant/{line}/machines/{serial}/state`` is the filter ``plant/+/machines/+/state``
that says what its levels mean; ``{rest#}`` at the end is ``#`` with a name.
"""

from __future__ import annotations

import keyword
from dataclasses import dataclass
from functools import cached_property

from .topic import SHARE_PREFIX, TopicError, TopicFilter

RESERVED = ("self", "message", "messages")  # what a handler method is called with


class PatternError(TopicError):
    """A topic pattern breaks a rule of its own, beside those of topic filters.

    :ivar code: also ``braces``, ``name``, ``twice``, ``tail`` or ``shared``.
    """


@dataclass(frozen=True)
class TopicPattern:
    """A legal topic pattern, validated at birth.

    :param text: levels that are text, ``+``, ``{name}``, and at the end ``#`` or
        ``{name#}``. A name is a Python identifier, which it becomes the argument of.
    :raise TopicError: when it, or the filter it stands for, breaks a rule.
    """

    text: str

    def __post_init__(self) -> None:
        if self.text.startswith(SHARE_PREFIX):
            raise PatternError("shared", self.text)
        levels = self.text.split("/")
        names = []
        for index, level in enumerate(levels):
            if "{" not in level and "}" not in level:
                continue
            if not (level.startswith("{") and level.endswith("}")):
                raise PatternError("braces", self.text)
            name = level[1:-1]
            if name.endswith("#") and index != len(levels) - 1:
                raise PatternError("tail", self.text)
            names.append(name.removesuffix("#"))
        for name in names:
            if (
                not name.isidentifier()
                or keyword.iskeyword(name)
                or name.startswith("__")
                or name in RESERVED
            ):
                raise PatternError("name", self.text)
        if len(set(names)) < len(names):
            raise PatternError("twice", self.text)
        self.filter  # noqa: B018  raises when the filter is not legal

    @cached_property
    def filter(self) -> TopicFilter:
        """The topic filter that matches the same topics."""
        return TopicFilter("/".join(map(_wildcard, self.text.split("/"))))

    @property
    def names(self) -> tuple[str, ...]:
        """The names of its levels, in their order."""
        return tuple(name for name, _index, _is_tail in self._named)

    @cached_property
    def _named(self) -> tuple[tuple[str, int, bool], ...]:
        return tuple(
            (level[1:-1].removesuffix("#"), index, level.endswith("#}"))
            for index, level in enumerate(self.text.split("/"))
            if level.startswith("{")
        )

    def params(self, topic: str) -> dict[str, str]:
        """What the named levels are in a topic that matches the filter.

        A named tail is all levels that follow, with their slashes; empty where the
        topic ends before it, which ``#`` matches too (MQTT 5.0 section 4.7.1.2).
        """
        if not self._named:
            return {}
        levels = topic.split("/")
        return {
            name: "/".join(levels[index:]) if is_tail else levels[index]
            for name, index, is_tail in self._named
        }


def _wildcard(level: str) -> str:
    if not level.startswith("{"):
        return level
    return "#" if level.endswith("#}") else "+"
