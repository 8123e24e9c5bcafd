# Copyright 2026 mqtt_listener contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""How many topic filters relate to each other (MQTT 5.0 section 4.7).

Which pairs are worth comparing is found in a tree of their levels: a thousand filters
make half a million pairs.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from .topic import TopicFilter


@dataclass
class _Node:
    """A level of filters.

    :ivar topic_filter: the one that ends here.
    """

    topic_filter: TopicFilter | None = None
    children: dict[str, _Node] = field(default_factory=dict)


class _Tree:
    """Filters by their levels, without shared ones, which no other one concerns."""

    def __init__(self, filters: Iterable[TopicFilter] = ()):
        self._root = _Node()
        for topic_filter in filters:
            self.add(topic_filter)

    def add(self, topic_filter: TopicFilter) -> None:
        if topic_filter.is_shared:
            return
        node = self._root
        for level in topic_filter.levels:
            node = node.children.setdefault(level, _Node())
        node.topic_filter = topic_filter

    def find_related(self, topic_filter: TopicFilter) -> Iterator[TopicFilter]:
        """The filters that may share topics with this one."""
        if topic_filter.is_shared:
            return
        levels = topic_filter.levels
        open_nodes = [(self._root, 0)]
        while open_nodes:
            node, depth = open_nodes.pop()
            level = levels[depth] if depth < len(levels) else None
            if level in (None, "#") and node.topic_filter:
                yield node.topic_filter
            if level == "#":
                open_nodes += [(child, depth) for child in node.children.values()]
                continue
            end = node.children.get("#")
            if end and end.topic_filter:
                yield end.topic_filter
            if level is None:
                continue
            if level == "+":
                names = node.children.keys() - {"#"}
            else:
                names = {level, "+"} & node.children.keys()
            open_nodes += [(node.children[name], depth + 1) for name in names]

    def find_covering(self, topic_filter: TopicFilter) -> TopicFilter | None:
        """Another filter that brings all that this one would, if any."""
        if topic_filter.is_shared:
            return None
        levels = topic_filter.levels
        open_nodes = [(self._root, 0)]
        while open_nodes:
            node, depth = open_nodes.pop()
            level = levels[depth] if depth < len(levels) else None
            found = [node.topic_filter] if level is None else []
            if "#" in node.children:
                found.append(node.children["#"].topic_filter)
            for one in found:
                if one and one != topic_filter and one.covers(topic_filter):
                    return one
            if level is not None:
                names = {level, "+"} & node.children.keys()
                open_nodes += [(node.children[name], depth + 1) for name in names]
        return None


def uncovered(filters: Iterable[TopicFilter]) -> list[TopicFilter]:
    """The filters that no other one covers, in their order; equal ones once.

    Subscribing to these brings every message that all of them would.
    """
    filters = list(dict.fromkeys(filters))
    tree = _Tree(filters)
    return [one for one in filters if tree.find_covering(one) is None]


def coverers(
    filters: Iterable[TopicFilter], chosen: Iterable[TopicFilter]
) -> Iterator[tuple[TopicFilter, TopicFilter]]:
    """Pairs of a filter and each of ``chosen`` that covers it, itself too."""
    tree = _Tree(chosen)
    for one in filters:
        if one.is_shared:
            yield one, one
        for related in tree.find_related(one):
            if related.covers(one):
                yield one, related


def partial_overlaps(
    filters: Iterable[TopicFilter],
) -> Iterator[tuple[TopicFilter, TopicFilter]]:
    """Filters that share topics with an earlier one, while neither covers the other.

    :return: pairs of the earlier one and the later one, which is in one pair only; what
        shares topics with none but later ones of pairs is in none.
    """
    accepted = _Tree()
    for one in uncovered(filters):
        for related in accepted.find_related(one):
            if related.overlaps(one):
                yield related, one
                break
        else:
            accepted.add(one)
