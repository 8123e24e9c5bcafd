# Copyright 2026 mqtt_listener contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""Traps that a test sets: a file each, which goes off once and is gone."""

import os
import signal
from pathlib import Path

FOLDER = Path(os.environ.get("MQTT_FAULTS_TRAPS", "/nonexistent"))


class Injected(Exception):
    """What a trap raises."""


def sprung(name: str) -> str | None:
    """What stands in the trap of this name, if it is set: it goes off now."""
    trap = FOLDER / name
    taken = FOLDER / f"{name}.{os.getpid()}"
    try:
        trap.rename(taken)
    except OSError:
        return None
    what = taken.read_text()
    taken.unlink()
    return what


def is_set(name: str) -> bool:
    """Whether a trap is set that lasts until it is taken away."""
    return (FOLDER / name).exists()


def kill_here(name: str) -> None:
    """Kill this process, where the trap is set."""
    if sprung(name) is not None:
        os.kill(os.getpid(), signal.SIGKILL)
