# Copyright 2026 mqtt_listener contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""What ends the connection, of all that was sent: brokers refuse by closing, too.

Nothing is suspected because of one end: brokers are stopped, networks break. After a
second one with something unanswered, one thing at a time is sent, behind a round trip
that shows that the connection is good. What then ends the connection alone is the
culprit: at once when the broker says that it ends it for what was sent, else when it
does so again.
"""

from __future__ import annotations

from collections.abc import Collection, Hashable

ENDS = 2  # in a row with something unanswered, after which one thing at a time is sent


class Suspicion:
    """Judges the ends of connections, one after the other.

    :ivar is_searching: whether one thing at a time has to be sent.
    """

    def __init__(self) -> None:
        self.is_searching = False
        self._ends = 0
        self._suspect: Hashable = None

    def answered(self) -> None:
        """The broker has answered all that was sent: nothing of it ends connections."""
        self._ends, self.is_searching, self._suspect = 0, False, None

    def ended(
        self, unanswered: Collection[Hashable], *, is_certain: bool
    ) -> Hashable | None:
        """The broker ended the connection.

        :param unanswered: what was sent on it, or was to be next to what is proven.
        :param is_certain: whether it said that it ends it for something of that.
        :return: the culprit, if it is found; then others may follow it.
        """
        if not unanswered:
            return None
        if not self.is_searching:
            self._ends += 1
            self.is_searching = self._ends >= ENDS
            return None
        if len(unanswered) > 1:  # something was changed meanwhile
            return None
        (only,) = unanswered
        if is_certain or only == self._suspect:
            self._suspect = None
            return only
        self._suspect = only
        return None
