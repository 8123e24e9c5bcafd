# Copyright 2026 mqtt_listener contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""``make clean``: stop what runs and remove everything that was set up.

What other checkouts share with this one stays as long as their servers run.
Written for the system's Python, as it removes the environment it would run in.
"""

import contextlib
import os
import shutil
import signal
import time
from collections.abc import Iterator
from pathlib import Path

from . import paths
from .console import run, say


def _running(folder: Path) -> "Iterator[int]":
    """The processes that were started from within a folder of ours."""
    mark = f"{folder}{os.sep}".encode()
    for command in Path("/proc").glob("[0-9]*/cmdline"):
        pid = int(command.parent.name)
        with contextlib.suppress(OSError):
            if pid != os.getpid() and mark in command.read_bytes():
                yield pid


def _stop(folder: Path) -> None:
    """Ask what runs in a folder to stop; after ten seconds it is not asked."""
    end = time.monotonic() + 10
    number = signal.SIGTERM
    while running := list(_running(folder)):
        for pid in running:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, number)
        if time.monotonic() > end:
            number = signal.SIGKILL
        time.sleep(0.2)


def main() -> None:
    _stop(paths.OWN)
    shutil.rmtree(paths.OWN, ignore_errors=True)
    others = [pid for pid in _running(paths.CHECKOUTS)]
    if others:
        say("kept", f"{paths.HOME}: another checkout runs there (process {others[0]})")
        return
    for pattern in ("venv-*", "odoo-*", "chroot-*", "checkouts", "locks", "pre-commit"):
        for folder in paths.HOME.glob(pattern):
            shutil.rmtree(folder)
    for cache in ("pylint", "ruff"):
        shutil.rmtree(paths.HOME / cache, ignore_errors=True)
    with contextlib.suppress(OSError):  # something of somebody else is in it
        paths.HOME.rmdir()
    say("removed", f"what was in {paths.HOME}")


if __name__ == "__main__":
    run(main)
