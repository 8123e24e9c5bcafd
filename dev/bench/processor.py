# Copyright 2026 mqtt_listener contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""Processor time of the whole stack: each server with all processes that it started.

A tree is a server's main process and its living descendants. Each process is counted
with the children that it has reaped, so the time of a worker that was recycled or of a
database connection that was closed stays in the total. The publisher runs in the
benchmark's own process and is not part of any tree.
"""

from dataclasses import dataclass
from pathlib import Path

from .stage import Stage, cpu_seconds

ATTEMPTS = 20  # to read the processes while none starts or ends


@dataclass(frozen=True)
class Processors:
    """Seconds of processor time that a part of the stack has used, by its name."""

    seconds: dict[str, float]

    @property
    def total(self) -> float:
        """Seconds of all parts together."""
        return sum(self.seconds.values())

    def since(self, before: "Processors") -> "Processors":
        """What was used between two readings."""
        return Processors(
            {who: used - before.seconds[who] for who, used in self.seconds.items()}
        )


def used(stage: Stage, **more: int) -> Processors:
    """Read what Odoo, PostgreSQL and the broker have used so far.

    :param more: main processes of further parts, such as a sidecar, by their names.
    """
    roots = {
        "Odoo": stage.odoo.pid,
        "PostgreSQL": stage.postgres.pid,
        "broker": stage.broker.pid,
        **more,
    }
    return Processors({who: _tree_seconds(pid) for who, pid in roots.items()})


def tree(pid: int) -> list[int]:
    """A process and all its living descendants."""
    found = [pid]
    for parent in found:
        for children in Path(f"/proc/{parent}/task").glob("*/children"):
            try:
                found.extend(map(int, children.read_text().split()))
            except OSError:  # the thread has ended
                continue
    return found


def _tree_seconds(pid: int) -> float:
    """Seconds of a tree, read while no process of it starts or ends.

    A process that is reaped between two reads would be missing or be counted twice.
    """
    for _ in range(ATTEMPTS):
        pids = tree(pid)
        try:
            seconds = sum(cpu_seconds(one, of_ended_children=True) for one in pids)
        except OSError:  # a process ended meanwhile: its time is its parent's now
            continue
        if tree(pid) == pids:
            return seconds
    raise OSError(f"the processes below {pid} do not stop changing")
