# Copyright 2026 mqtt_listener contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""Topic names and topic filters (MQTT 5.0 section 4.7, the same as 3.1.1).

Matching many filters at once is paho's trie (``paho.mqtt.matcher``); this file adds
what the trie does not know: which names and filters are legal, shared subscriptions,
and how two filters relate to each other.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import zip_longest
from typing import Generic, TypeVar

from paho.mqtt.matcher import MQTTMatcher

MAX_TOPIC_BYTES = 65_535
SHARE_PREFIX = "$share/"
Value = TypeVar("Value")


class TopicError(ValueError):
    """A topic name or topic filter breaks the rules of MQTT.

    :ivar code: one of ``empty``, ``nul``, ``too_long``, ``not_utf8``, ``plus``,
        ``hash``, ``wildcard``, ``share``: the rule that is broken, for callers that
        translate it.
    """

    def __init__(self, code: str, text: str):
        super().__init__(f"{code}: {text!r}")
        self.code = code
        self.text = text


def _check_text(text: str) -> None:
    if not text:
        raise TopicError("empty", text)
    if "\0" in text:
        raise TopicError("nul", text)
    try:
        size = len(text.encode())
    except UnicodeEncodeError as error:
        raise TopicError("not_utf8", text) from error
    if size > MAX_TOPIC_BYTES:
        raise TopicError("too_long", text)


def check_topic_name(text: str) -> str:
    """Return ``text`` if a message may be published to it.

    :raise TopicError: when it is empty, too long, holds NUL or a wildcard
        (sections 4.7.1 and 4.7.3).
    """
    _check_text(text)
    if "+" in text or "#" in text:
        raise TopicError("wildcard", text)
    return text


@dataclass(frozen=True)
class TopicFilter:
    """A legal topic filter, validated at birth.

    :param text: the filter as subscribed, ``$share/<group>/<filter>`` included.
    :raise TopicError: when it breaks sections 4.7.1, 4.7.3 or 4.8.2.
    """

    text: str

    def __post_init__(self) -> None:
        _check_text(self.text)
        if self.text.startswith(SHARE_PREFIX):
            group, _, pattern = self.text.removeprefix(SHARE_PREFIX).partition("/")
            if not group or not pattern or "+" in group or "#" in group:
                raise TopicError("share", self.text)
        *parents, last = self.levels
        if any("#" in level for level in parents) or ("#" in last and last != "#"):
            raise TopicError("hash", self.text)
        if any("+" in level and level != "+" for level in self.levels):
            raise TopicError("plus", self.text)

    @property
    def is_shared(self) -> bool:
        """Whether this is a shared subscription (section 4.8.2)."""
        return self.text.startswith(SHARE_PREFIX)

    @cached_property
    def pattern(self) -> str:
        """The filter that topics are matched against: without the share prefix."""
        if self.is_shared:
            return self.text.removeprefix(SHARE_PREFIX).partition("/")[2]
        return self.text

    @cached_property
    def levels(self) -> tuple[str, ...]:
        return tuple(self.pattern.split("/"))

    def covers(self, other: TopicFilter) -> bool:
        """Whether every topic that matches ``other`` matches this filter too."""
        if self.is_shared or other.is_shared:
            return self == other
        for index, (mine, theirs) in enumerate(zip_longest(self.levels, other.levels)):
            # Wildcards on the first level do not match topics that start with $.
            if index == 0 and theirs and theirs.startswith("$") and mine != theirs:
                return False
            if mine == "#":
                return True
            if theirs == "#" or mine is None:
                return False
            if theirs is None:  # "a/#" covers "a", and nothing else is left to fit
                return False
            if mine != "+" and mine != theirs:
                return False
        return True

    def overlaps(self, other: TopicFilter) -> bool:
        """Whether some topic matches both filters (a shared one overlaps nothing)."""
        if self.is_shared or other.is_shared:
            return self == other
        for index, (mine, theirs) in enumerate(zip_longest(self.levels, other.levels)):
            pair = {mine, theirs}
            if index == 0 and any(level and level.startswith("$") for level in pair):
                if mine != theirs:
                    return False
                continue
            if "#" in pair:
                return True
            if None in pair:
                return False
            if "+" not in pair and mine != theirs:
                return False
        return True


class FilterIndex(Generic[Value]):
    """Which of many filters match a topic: paho's trie, holding several values each.

    The cost of a look-up depends on the topic's levels, not on the number of filters.
    """

    def __init__(self, entries: Iterable[tuple[TopicFilter, Value]] = ()):
        self._matcher = MQTTMatcher()
        for topic_filter, value in entries:
            self.add(topic_filter, value)

    def add(self, topic_filter: TopicFilter, value: Value) -> None:
        try:
            self._matcher[topic_filter.pattern].append(value)
        except KeyError:
            self._matcher[topic_filter.pattern] = [value]

    def match(self, topic: str) -> Iterator[Value]:
        for values in self._matcher.iter_match(topic):
            yield from values
