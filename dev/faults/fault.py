# Copyright 2026 mqtt_listener contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""A row of the matrix, and how a function becomes one."""

from collections.abc import Callable
from dataclasses import dataclass

from .world import World


@dataclass(frozen=True)
class Fault:
    """A row of the matrix."""

    name: str
    strike: Callable[[World], "float | None"]
    nodes: int = 1
    rate: float | None = None  # of messages, where it has to be another
    in_order: bool = True  # whether the broker sends them as they were published


FAULTS: dict[str, Fault] = {}


def fault(name: str, **options: object) -> Callable:
    """Make a function a row of the matrix."""

    def register(strike: Callable) -> Callable:
        FAULTS[name] = Fault(name, strike, **options)
        return strike

    return register
