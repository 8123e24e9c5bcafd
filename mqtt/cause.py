# Copyright 2026 mqtt_listener contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""The cause that failures have in common, taken from the words of one of them."""

from __future__ import annotations

import re

from .wording import short_line

CAUSE_CHARS = 200
READ_CHARS = 1_000  # of an error; a handler may quote a whole payload
WILD = "…"

_PLACE = re.compile(r" \([^\s()]+:\d+, [^\s()]+\)$")
_QUOTED = re.compile(
    r"""
      (?<!\w)'(?:\\.|[^'\\])*(?:'(?!\w)|$)  # one within a word quotes nothing
    | "(?:\\.|[^"\\])*(?:"|$) | `[^`]*(?:`|$)
    | “[^”]*(?:”|$) | ‘[^’]*(?:’|$) | «[^»]*(?:»|$)
    """,
    re.VERBOSE,
)
_IDENTIFIER = re.compile(
    r"""
      \b[0-9a-f]{8}-?(?:[0-9a-f]{4}-?){3}[0-9a-f]{12}\b   # UUID
    | \b[0-9a-f]{8,}\b                                     # hexadecimal
    | [-+]?\b\w*\d\w*(?:[.,:]\d+)*\b                       # number, or a word with one
    """,
    re.VERBOSE | re.IGNORECASE,
)
_REPEATED = re.compile(rf"{WILD}(?:[\s,;:./-]*{WILD})+")


def cause_of(text: str, topic: str = "") -> str:
    """What an error says without what differs from message to message.

    Numbers, identifiers, hexadecimal and quoted values, and the levels of the topic are
    replaced; the place in the code at the end, as ``(file:line, function)``, stays.

    :param text: of the error.
    :param topic: of the message that failed.
    :return: one line of at most ``CAUSE_CHARS`` characters.
    """
    text = short_line(text, READ_CHARS)
    found = _PLACE.search(text)
    place = found.group() if found else ""
    text = text[: len(text) - len(place)][:READ_CHARS]
    text = _QUOTED.sub(WILD, text)
    text = _without_topic(text, topic[:READ_CHARS])
    text = _REPEATED.sub(WILD, _IDENTIFIER.sub(WILD, text))
    place = place[:CAUSE_CHARS]
    return (text[: CAUSE_CHARS - len(place)] + place).strip()


def _without_topic(text: str, topic: str) -> str:
    values = sorted({topic, *topic.split("/")} - {""}, key=len, reverse=True)
    if not values:
        return text
    anywhere = "|".join(map(re.escape, values))
    return re.sub(rf"(?<!\w)(?:{anywhere})(?!\w)", WILD, text)
