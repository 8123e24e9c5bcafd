# Copyright 2026 mqtt_listener contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""How much of the addon the Odoo tests run: lines and branches, by room, with a floor.

Measured in the process of the Odoo tests alone. What only the end-to-end tests run, in
processes of their own, counts as not run.
"""

import json
import os
import subprocess
import sys
from collections import Counter
from pathlib import Path

from . import paths

ROOMS = ("mqtt", "broker", "listener", "jobs", "models")
FLOOR = 90  # percent of all rooms together
DATA = paths.OWN / "test/coverage"
COUNTS = ("num_statements", "num_branches", "covered_lines", "covered_branches")


def measured(command: "list[str]") -> "list[str]":
    """The same command, run by the interpreter that it begins with, and measured."""
    python, *rest = command
    rooms = ",".join(str(paths.CHECKOUT / room) for room in _rooms())
    options = ["--branch", f"--source={rooms}", f"--data-file={DATA}", "--rcfile="]
    return [python, "-m", "coverage", "run", *options, *rest]


def _rooms() -> "list[str]":
    return [room for room in ROOMS if (paths.CHECKOUT / room).is_dir()]


def report() -> bool:
    """Print what share of each room was run.

    :return: whether all rooms together reach the floor.
    """
    rooms: dict[str, Counter] = {room: Counter() for room in _rooms()}
    for file, figures in _figures()["files"].items():
        room = os.path.relpath(file, paths.CHECKOUT).split(os.sep)[0]
        rooms[room].update({key: figures["summary"][key] for key in COUNTS})
    print(f"\n{'coverage':<10}{'lines':>8}{'branches':>10}{'run':>8}")
    for room, counts in rooms.items():
        _print_line(room, counts)
    total = sum(rooms.values(), Counter())
    _print_line("all", total)
    if _share(total) < FLOOR:
        print(f"below the floor of {FLOOR} %: python -m coverage html has the lines")
    return _share(total) >= FLOOR


def _share(counts: Counter) -> float:
    run = counts["covered_lines"] + counts["covered_branches"]
    return 100 * run / (counts["num_statements"] + counts["num_branches"] or 1)


def _print_line(name: str, counts: Counter) -> None:
    lines, branches = counts["num_statements"], counts["num_branches"]
    print(f"{name:<10}{lines:>8}{branches:>10}{_share(counts):>6.1f} %")


def _figures() -> dict:
    target = Path(f"{DATA}.json")
    command = [sys.executable, "-m", "coverage", "json", "--quiet", "--rcfile="]
    command += [f"--data-file={DATA}", "-o", str(target)]
    subprocess.run(command, check=True, cwd=paths.CHECKOUT)
    return json.loads(target.read_text())
