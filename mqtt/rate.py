# Copyright 2026 mqtt_listener contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""Which topics send more than they may: counted in windows of a minute.

No clock of its own: who counts says what time it is, and nobody has to wait to test it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import islice

WINDOW = 60_000_000  # microseconds
MOST_COUNTED = 10_000  # topics in a window; others are not counted, and never paused
MOST_NAMED = 1_000  # paused topics
LONGEST = 400  # characters of a topic that are kept


@dataclass
class Pause:
    """A topic that is paused.

    :param since: microseconds since 1970.
    :param messages: that came meanwhile.
    """

    since: int
    messages: int = 0


class TopicRates:
    """Counts the messages of each topic, and pauses those that send too many.

    A pause ends when the topic stays within the limit for a whole window. All times are
    microseconds since 1970.
    """

    def __init__(self) -> None:
        self.limit = 0
        self._exempt = ""
        self._counts: dict[str, int] = {}
        self._paused: dict[str, Pause] = {}
        self._begin = 0

    def want(self, limit: int, exempt: str = "") -> None:
        """Set how many messages a topic may send in a window.

        :param limit: 0 for any number.
        :param exempt: the topic that may send any number.
        """
        if limit == self.limit and exempt == self._exempt:
            return
        self.limit, self._exempt = limit, exempt
        self._paused.pop(_key(exempt), None)
        if not limit:
            self._counts = {}
            self._paused = {}

    def count(self, topic: str, now: int) -> bool:
        """Count a message; whether its topic is paused."""
        if not self.limit or topic == self._exempt:
            return False
        self.look(now)
        key = _key(topic)
        if key not in self._counts and len(self._counts) >= MOST_COUNTED:
            return False
        count = self._counts[key] = self._counts.get(key, 0) + 1
        pause = self._paused.get(key)
        if pause is None:
            if count <= self.limit:
                return False
            pause = self._paused[key] = Pause(now)
        pause.messages += 1
        return True

    @property
    def is_pausing(self) -> bool:
        """Whether a topic is paused, so that :meth:`look` may end that."""
        return bool(self._paused)

    def look(self, now: int) -> None:
        """Begin a new window if it is time, and end the pauses that are over.

        A clock that was set back begins one as well.
        """
        if self._begin <= now < self._begin + WINDOW:
            return
        over = [key for key in self._paused if self._counts.get(key, 0) <= self.limit]
        for key in over:
            del self._paused[key]
        # Those that are paused have their place, or they could not be watched.
        self._counts = dict.fromkeys(self._paused, 0)
        self._begin = now

    def resume(self, pauses: Iterable[tuple[str, int]]) -> None:
        """End pauses at once, each known by its topic and when it began.

        One that has begun since is another one, and stays.
        """
        for key, since in pauses:
            pause = self._paused.get(key)
            if pause is not None and pause.since == since:
                del self._paused[key]
                self._counts[key] = 0

    def named(self) -> dict[str, tuple[int, int]]:
        """The paused topics: since when, and how many messages came meanwhile.

        May be called from other threads.
        """
        paused = self._paused.copy()  # at once, while the other thread may change it
        return {
            key: (pause.since, pause.messages)
            for key, pause in islice(paused.items(), MOST_NAMED)
        }


def _key(topic: str) -> str:
    """The topic, or what stands for it where it is long: memory is bounded."""
    if len(topic) <= LONGEST:
        return topic
    return f"{topic[:LONGEST]}… {hash(topic):x}"
