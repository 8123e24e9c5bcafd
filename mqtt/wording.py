# Copyright 2026 mqtt_listener contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""Text from outside, made fit for rows, logs and mails.

What a device, a broker or an exception says may be of any length, of several lines, and
hold characters that PostgreSQL refuses or that a terminal obeys. Whatever of it enters
a job, a statistic, a notification, a problem, a log or a subject is taken through
:func:`short_line` first.
"""

from __future__ import annotations

import traceback

LINE_CHARS = 500
TOPIC_CHARS = 120  # of a topic that is named beside other words
LOG_CHARS = 2_000  # of one line of a log, which names several things
TRACE_CHARS = 20_000
REST_CHARS = 32  # in which the rest is counted
FILE_NAME_CHARS = 100


def short_line(text: object, limit: int = LINE_CHARS) -> str:
    """``text`` as one line of printable characters, the rest counted.

    Line breaks become blanks. Other characters that cannot be printed, such as NUL,
    halves of surrogate pairs and those that change the direction of writing, are
    escaped.

    :param text: a text; of anything else, what ``str`` makes of it.
    :param limit: characters of the result, at most; 100 or more.
    """
    text = _text_of(text)
    line = _one_line(text[: limit + 1])
    if len(line) <= limit and len(text) <= limit:
        return line
    room = limit - REST_CHARS
    line = _one_line(text[:room])[:room]
    return f"{line}… ({len(text) - room:,} more characters)"


def is_storable(text: str) -> bool:
    """Whether PostgreSQL takes it: no NUL, no half of a surrogate pair."""
    if "\0" in text:
        return False
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def short_trace(trace: str, limit: int = TRACE_CHARS) -> str:
    """The end of a traceback, each line of it made short and printable."""
    lines = [
        line[: len(line) - len(line.lstrip(" "))] + short_line(line)
        for line in trace.splitlines()
    ]
    text = "\n".join(lines)
    if len(text) > limit:
        text = "…\n" + text[-limit:].partition("\n")[2]
    return text + "\n" * trace.endswith("\n")


def format_error(error: BaseException) -> str:
    """The traceback of an exception and of those that led to it, what they say in one
    line each.
    """
    parts, seen = [], set()
    one: BaseException | None = error
    while one is not None and id(one) not in seen:
        seen.add(id(one))
        frames = "".join(traceback.format_tb(one.__traceback__))
        parts.append(f"{TRACE_HEAD}{frames}{name_error(one)}\n")
        one = one.__cause__ or (None if one.__suppress_context__ else one.__context__)
    led_to = "\nThis led to the next:\n\n"
    return short_trace(led_to.join(reversed(parts)))


def name_error(error: BaseException) -> str:
    """The kind of an exception and what it says, in one line: ``KeyError: 'speed'``."""
    name, said = type(error).__name__, short_line(error)
    return f"{name}: {said}" if said else name


def file_name(text: str) -> str:
    """``text`` as the name of a file on any system, without a folder.

    Only letters, digits, ``-``, ``.`` and ``_`` stay; it begins with one that no
    spreadsheet and no shell takes for more than a name.
    """
    name = "".join(
        char if char.isalnum() or char in "-._" else "_"
        for char in text[-FILE_NAME_CHARS:]
    )
    return name.lstrip("-.") or "_"


TRACE_HEAD = "Traceback (most recent call last):\n"


def _one_line(text: str) -> str:
    return " ".join("".join(map(_printable, text)).split())


def _text_of(value: object) -> str:
    if isinstance(value, str):
        return value
    try:
        return str(value)
    except Exception as error:  # of a ``__str__`` that is not ours  # noqa: BLE001
        return f"{type(value).__name__} that cannot be shown: {type(error).__name__}"


def _printable(char: str) -> str:
    if char.isprintable():
        return char
    return " " if char.isspace() else char.encode("unicode_escape").decode()
