# Copyright 2026 mqtt_listener contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""A payload as lines that people read, and what differs from the one before it."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass

from .json_path import ROOT, child_path
from .json_text import pretty_json

# What a line of indented JSON is after its blanks: perhaps a name, and a token.
_NAME = re.compile(r'("(?:[^"\\]|\\.)*"): ')
_OPENING = ("{", "[")
_CLOSING = ("}", "]")


@dataclass
class Line:
    """One line of a value.

    ``path`` names the value that is in it, where it has one; ``token`` is that value as
    it was sent; ``is_changed`` and ``was`` come from :func:`mark_changes`.
    """

    text: str
    path: str | None = None
    token: str = ""
    is_changed: bool = False
    was: str | None = None


def json_lines(text: str, limit: int) -> list[Line] | None:
    """The lines of indented JSON, each with the path of its value; ``None`` for a text
    that is not JSON.

    :param limit: characters of the indented text; the line that it ends in is left out.
    """
    pretty = pretty_json(text, limit=limit)
    if pretty is None:
        return None
    lines: list[Line] = []
    parents: list[_Container] = []
    for line in pretty.split("\n"):
        content = line.lstrip(" ")
        named = _NAME.match(content)
        token = content[named.end() if named else 0 :].removesuffix(",")
        if token in _CLOSING:
            lines.append(Line(line, parents.pop().path))
            continue
        name = named[1] if named else None
        path = parents[-1].path_of_next(name) if parents else ROOT
        lines.append(Line(line, path, token))
        if token in _OPENING:
            parents.append(_Container(path))
    return lines[:-1] if parents else lines


def text_lines(text: str) -> list[Line]:
    """The lines of a text that has no paths."""
    return [Line(line) for line in text.split("\n")]


def mark_changes(lines: list[Line], before: list[Line]) -> list[str]:
    """Mark the lines that are not as they were.

    Lines with paths are compared by them, others by where they stand.

    :param before: lines of the value before.
    :return: the paths that are no longer there.
    """
    if not any(line.path for line in (*lines, *before)):
        _mark_by_place(lines, before)
        return []
    old = {line.path: line.token for line in before if line.path and line.token}
    now = set()
    for line in lines:
        if not line.path or not line.token:
            continue
        now.add(line.path)
        was = old.get(line.path)
        line.is_changed = was != line.token
        if line.is_changed and was is not None and was not in _OPENING:
            line.was = was
    return [path for path in old if path not in now]


def _mark_by_place(lines: list[Line], before: list[Line]) -> None:
    """What is between the equal lines at the beginning and those at the end."""
    texts, old = [line.text for line in lines], [line.text for line in before]
    start = _common(texts, old)
    end = min(_common(texts[::-1], old[::-1]), len(texts) - start)
    for line in lines[start : len(lines) - end]:
        line.is_changed = True
    if start + 1 == len(lines) - end and start + 1 == len(old) - end:
        lines[start].was = old[start]


def _common(one: list[str], other: list[str]) -> int:
    pairs = zip(one, other, strict=False)
    return next(
        (at for at, (left, right) in enumerate(pairs) if left != right),
        min(len(one), len(other)),
    )


@dataclass
class _Container:
    """An array or an object whose lines are being read."""

    path: str | None
    count: int = 0

    def path_of_next(self, name: str | None) -> str | None:
        key = self.count if name is None else json.loads(name)
        self.count += 1
        return None if self.path is None else child_path(self.path, key)
