# Copyright 2026 mqtt_listener contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""What a stored message costs, and whom: the figures that SCALING.md reckons with."""

import contextlib
from pathlib import Path

from . import designs
from .stage import Stage, cpu_seconds

WAL = "SELECT pg_wal_lsn_diff(pg_current_wal_lsn(), '0/0')::float"
JOBS = "SELECT count(*) FROM queue_job"
DISK = """
    SELECT pg_total_relation_size('mqtt_signal_history')::float / count(*)
      FROM mqtt_signal_history
"""


def costs(stage: Stage, size: int, count: int) -> dict[str, float]:
    """Of one message: microseconds of processor time by who used them, bytes of WAL,
    jobs, and bytes that history and its indexes take on disk.
    """
    on = stage.empty
    used, wal, jobs = _used(stage), on.one(WAL), on.one(JOBS)
    designs.stored(on, stage, size, count)
    return {
        **{
            f"{who} µs": (seconds - used[who]) * 1e6 / count
            for who, seconds in _used(stage).items()
        },
        "WAL bytes": (on.one(WAL) - wal) / count,
        "jobs": (on.one(JOBS) - jobs) / count,
        "disk bytes": on.one(DISK),
    }


def _used(stage: Stage) -> dict[str, float]:
    """Seconds of processor time so far."""
    odoo = _family(stage.odoo.pid)
    listener = stage.empty.listener_pid
    runner = stage.processes_of("WorkerJobRunner")
    others = [pid for pid in odoo if pid != listener and pid not in runner]
    return {
        "listener": _seconds([listener]),
        "runner": _seconds(runner),
        "workers": _seconds(others),
        "PostgreSQL": _seconds(_family(stage.postgres.pid)),
        "broker": _seconds([stage.broker.pid]),
    }


def _family(pid: int) -> list[int]:
    """A process and its children."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text()
    return [pid, *map(int, children.split())]


def _seconds(pids: list[int]) -> float:
    total = 0.0
    for pid in pids:
        with contextlib.suppress(OSError):  # it has ended; its parent has its time
            total += cpu_seconds(pid, of_ended_children=True)
    return total
