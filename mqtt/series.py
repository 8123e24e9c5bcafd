# Copyright 2026 mqtt_listener contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""Numbers of many payloads over time: which there are, and points of a chart."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice

from .json_path import ROOT, child_path
from .json_text import parse_json
from .payload import PayloadError

MAX_SERIES = 100  # that are named; those asked for come besides
PAYLOAD_NUMBERS = 1_000  # that are looked at in one payload


class Series:
    """The numbers at each path, bucket by bucket.

    :param paths: whose points are wanted, as :func:`numbers` names them.
    """

    def __init__(self, paths: Iterable[str]):
        self.kinds: dict[str, str] = {}  # "number" or "boolean" by path, in their order
        self.has_more = False
        self._wanted = set(paths)
        self._values: dict[str, dict[int, list[tuple[float, float]]]] = {}

    def add(self, bucket: int, time: float, payload: str) -> None:
        """Look at a message; one that is not JSON has no numbers.

        :param bucket: number of the part of the span that the message is in.
        :param time: seconds since 1970; messages come in the order of their times.
        """
        try:
            value = parse_json(payload.encode())
        except (PayloadError, UnicodeEncodeError):
            return
        for path, number in islice(numbers(value), PAYLOAD_NUMBERS):
            if not self._is_known(path):
                continue
            if not isinstance(number, bool):
                self.kinds[path] = "number"
            values = self._values.setdefault(path, {}).setdefault(bucket, [])
            values.append((time, float(number)))

    def _is_known(self, path: str) -> bool:
        if path in self.kinds:
            return True
        if len(self.kinds) >= MAX_SERIES and path not in self._wanted:
            self.has_more = True
            return False
        self.kinds[path] = "boolean"
        return True

    def points(self, path: str) -> list[tuple[float, float]]:
        """Time and value of every message that has a number at a path."""
        return [one for values in self._buckets(path) for one in values]

    def summaries(self, path: str) -> list[tuple[float, float, float, float]]:
        """Time, value, least and greatest value of each bucket with a number at a path.

        The time is that of the bucket's last message; the value is the mean of its
        numbers, and of true and false the last one.
        """
        is_boolean = self.kinds.get(path) == "boolean"
        found = []
        for values in self._buckets(path):
            only = [value for _time, value in values]
            time, last = values[-1]
            # Not the sum: that of the largest floats is none.
            mean = last if is_boolean else sum(one / len(only) for one in only)
            found.append((time, mean, min(only), max(only)))
        return found

    def _buckets(self, path: str) -> Iterable[list[tuple[float, float]]]:
        return self._values.get(path, {}).values()


def numbers(value: object, path: str = ROOT) -> Iterator[tuple[str, float | bool]]:
    """Path and value of each number, true and false in a JSON value, in its order.

    What is too large for a float is left out: no chart can show it.

    :param value: as :func:`.json_text.parse_json` returns it, and as deep.
    """
    match value:
        case bool():
            yield path, value
        case int() | float():
            try:
                yield path, float(value)
            except OverflowError:
                return
        case dict():
            yield from _numbers_within(value.items(), path)
        case list():
            yield from _numbers_within(enumerate(value), path)


def _numbers_within(
    pairs: Iterable[tuple[str | int, object]], path: str
) -> Iterator[tuple[str, float | bool]]:
    for key, value in pairs:
        if isinstance(value, int | float | dict | list):
            below = child_path(path, key)
            if below is not None:
                yield from numbers(value, below)
