# Copyright 2026 mqtt_listener contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""What a connection sees of itself, for those that report it."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from datetime import datetime, timezone
from typing import Any

from ..broker.problem import Problem


@dataclass(frozen=True)
class Prunable:
    """Receipts that are needed no more.

    :param through: sequence up to which all can go.
    :param rest: (sequence, packed receipts): these stand for all up to there.
    """

    through: int = 0
    rest: tuple[int, bytes] | None = None


@dataclass(frozen=True)
class Counted:
    """Messages since the last time that they were counted in the database.

    :param last_activity: seconds since 1970; 0: never.
    :param subscriptions: (messages, seconds since 1970 of the last), by id.
    """

    received: int = 0
    dropped: int = 0
    last_activity: float = 0.0
    subscriptions: dict[int, tuple[int, float]] = field(default_factory=dict)


@dataclass
class Observed:
    """Written by the network thread only; others read it. Counters only grow."""

    state: str = "connecting"
    problem: Problem | None = None
    problem_time: float = 0.0
    last_activity: float = 0.0  # seconds since 1970
    received: int = 0
    dropped: int = 0
    reconnects: int = 0
    prunable: Prunable = Prunable()
    session_lost: float = 0.0  # seconds since 1970: when the broker last had forgotten
    renumbers: bool = False  # whether the broker was seen to in this session
    gave_up: bool = False
    connected_to: str = ""  # host:port, of another server than the service's own
    certificate_end: datetime | None = None  # UTC, of the broker's certificate
    abilities: dict[str, Any] = field(default_factory=dict)  # see Abilities.named
    maximum_packet_size: int = 0  # bytes the broker takes in a packet; 0: any

    def becomes(self, state: str, problem: Problem | None) -> None:
        """The connection is in this state now, because of this problem if any."""
        self.state = state
        if problem is not self.problem:
            self.problem = problem
            self.problem_time = time.time()


def utc(timestamp: float) -> datetime:
    """Seconds since 1970 as Odoo writes times: naive, UTC."""
    return datetime.fromtimestamp(timestamp, timezone.utc).replace(tzinfo=None)
