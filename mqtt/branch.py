# Copyright 2026 mqtt_listener contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""The topic filter for what somebody asked to see: never for everything unasked."""

from __future__ import annotations

from .topic import TopicError, TopicFilter


class EverythingError(ValueError):
    """A filter would match each topic of the broker, and nobody asked for that."""


def branch_filter(prefix: str, *, everything: bool = False) -> TopicFilter:
    """The filter for a topic and all below it.

    Public brokers ban clients that subscribe to everything, and a busy one has more
    than anybody can read.

    :param prefix: the first levels of topics, such as ``plant/line 1``; a text with
        wildcards is a filter already. It is not looked at when everything is asked for.
    :raise TopicError: when that gives no filter.
    :raise EverythingError: when its first level is a wildcard.
    """
    if everything:
        return TopicFilter("#")
    prefix = prefix.strip()
    if not prefix.strip("/"):
        raise TopicError("empty", prefix)
    is_filter = "+" in prefix or "#" in prefix
    found = TopicFilter(prefix if is_filter else f"{prefix.removesuffix('/')}/#")
    if found.levels[0] in ("#", "+"):
        raise EverythingError(prefix)
    return found
