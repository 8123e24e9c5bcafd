"""What a connection sees of itself, for those that report it."""

from __future__ import annotations

from dataclasses import dataclass

from .problem import Problem


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
    forget_through: int = 0  # sequence up to which receipts are needed no more
    gave_up: bool = False
