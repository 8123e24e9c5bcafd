# Copyright 2026 mqtt_listener contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""The rounds of one fault, and what they came to.

As a process of its own it prints that as JSON.
"""

import json
import sys
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path

from .. import paths
from ..console import Problem, keep_stdout_for_results, run
from .fault import Fault
from .matrix import FAULTS
from .world import RATE, World

FOLDER = paths.OWN / "faults"
SHORT = 1000  # messages in a round: with fewer, faults are short too


@dataclass
class Row:
    """What a fault did, over its rounds."""

    fault: str
    rounds: int
    messages: int
    lost: int
    duplicated: int
    recovery_s: float
    takeover_s: float = 0.0  # of two nodes
    events: list[str] = field(default_factory=list)

    @property
    def is_good(self) -> bool:
        """Whether all is as promised."""
        return not (self.lost or self.duplicated or self.events)


def try_fault(name: str, rounds: int, messages: int, template: Path) -> Row:
    """Break one thing so many times, in a world of its own."""
    fault = FAULTS[name]
    number = list(FAULTS).index(name)
    folder = FOLDER / f"{number:02}"
    with World(folder, template, fault.nodes) as world:
        world.publisher.rate = fault.rate or RATE
        world.is_short = messages < SHORT
        slowest = 0.0
        for _ in range(rounds):
            try:
                slowest = max(slowest, _round(world, fault, messages))
            except Problem as problem:
                world.events.append(str(problem))
                break
        world.wait_settled()
        lost, duplicated, disordered = world.verdict()
        if disordered and fault.in_order:
            world.events.append(f"{disordered} out of order")
        if world.events:
            world.events.append(f"see {folder}")
        sent = world.publisher.sent
        return Row(
            name,
            rounds,
            sent,
            lost,
            duplicated,
            recovery_s=round(slowest, 1),
            takeover_s=round(world.slowest_takeover, 1),
            events=world.events,
        )


def _round(world: World, fault: Fault, messages: int) -> float:
    """Publish, break, and wait until all is there; seconds of recovery."""
    world.publisher.publish(messages)
    world.publisher.wait_left(int(messages * world.chance.uniform(0.3, 0.9)))
    since = fault.strike(world) or time.monotonic()
    world.wait_recovered()
    seconds = time.monotonic() - since
    world.publisher.wait_left(0)
    world.publisher.wait_acknowledged()
    world.wait_settled()
    return seconds


def main() -> None:
    keep_stdout_for_results()
    name, rounds, messages, template = sys.argv[1:]
    row = try_fault(name, int(rounds), int(messages), Path(template))
    print(json.dumps(asdict(row)))


if __name__ == "__main__":
    run(main)
