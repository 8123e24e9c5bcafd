# Copyright 2026 mqtt_listener contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""Run the fault matrix.

    make faults                              # every fault, a few rounds each
    make faults ROUNDS=20 MESSAGES=10000     # the figures in docs/guarantees.md
    make faults FAULTS="broker"              # those with this in their name

In each round messages are published and one thing breaks at a random moment. What is
stored and handled is counted by content, equal messages by number.
"""

import argparse
import json
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

from .. import paths
from ..console import Problem, run, say
from ..pages import replace_between
from .matrix import FAULTS
from .trial import FOLDER, Row
from .world import prepare

TAKEOVER = 5.0  # seconds in which another node has to take over
RESULTS = Path(__file__).parent / "results.json"
PAGE = paths.CHECKOUT / "docs/guarantees.md"
BEGIN, END = "<!-- make faults writes this table -->\n", "<!-- end of the faults -->\n"


def try_faults(
    names: list[str], rounds: int, messages: int, at_once: int
) -> Iterator[Row]:
    """Rows as they are done; each in a process of its own, for its publisher's sake."""
    say("faults", "installing the addon")
    template = prepare(FOLDER)
    waiting, running = list(names), []
    try:
        while waiting or running:
            while waiting and len(running) < at_once:
                what = [waiting.pop(0), str(rounds), str(messages), str(template)]
                command = [sys.executable, "-m", "dev.faults.trial", *what]
                # Ctrl-C is for this process, which then ends the trials in order.
                options = {"stdout": subprocess.PIPE, "text": True}
                running.append(
                    subprocess.Popen(command, start_new_session=True, **options)
                )
            time.sleep(0.2)
            for ended in [trial for trial in running if trial.poll() is not None]:
                running.remove(ended)
                if ended.returncode:
                    raise Problem("a trial ended before its end (its words are above)")
                yield Row(**json.loads(ended.stdout.read()))
    finally:
        for trial in running:
            trial.terminate()
        for trial in running:
            trial.wait()


def show(row: Row) -> None:
    """Print a row of the table."""
    remarks = list(row.events)
    if row.takeover_s:
        remarks.append(f"taken over within {row.takeover_s} s")
    print(
        f"{row.fault:<56} {row.rounds:>6} {row.messages:>9} {row.lost:>5}"
        f" {row.duplicated:>10} {row.recovery_s:>10.1f}  {'; '.join(remarks)}",
        flush=True,
    )


def write(rows: list[Row]) -> None:
    """Write the results, in the order of the matrix; those not tried now are kept."""
    known = json.loads(RESULTS.read_text()) if RESULTS.exists() else []
    results = {one["fault"]: one for one in known}
    for row in rows:
        results[row.fault] = asdict(row)
        del results[row.fault]["events"], results[row.fault]["takeover_s"]
    values = [results[name] for name in FAULTS if name in results]
    RESULTS.write_text(json.dumps(values, indent=2) + "\n")
    replace_between(PAGE, BEGIN, END, table(values))


def table(results: list[dict]) -> str:
    """The page's table of all faults, as Markdown."""
    head = ["fault", "rounds", "messages", "lost", "duplicated", "slowest recovery"]
    rows = [
        [
            one["fault"],
            f"{one['rounds']}",
            f"{one['messages']:,}",
            f"{one['lost']}",
            f"{one['duplicated']}",
            f"{one['recovery_s']:.1f} s",
        ]
        for one in results
    ]
    lines = [head, ["---"] * len(head), *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def main() -> int:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--rounds", type=int, default=3)
    options.add_argument("--messages", type=int, default=2000)
    options.add_argument(
        "--faults", default="", help="parts of their names, separated by commas"
    )
    options.add_argument("--at-once", type=int, default=2, help="worlds side by side")
    chosen = options.parse_args()
    parts = [part.strip().lower() for part in chosen.faults.split(",")]
    names = [name for name in FAULTS if any(part in name.lower() for part in parts)]
    if not names:
        raise Problem(
            f"no fault has {chosen.faults!r} in its name: {', '.join(FAULTS)}"
        )
    print(
        f"{'fault':<56} {'rounds':>6} {'messages':>9} {'lost':>5}"
        f" {'duplicated':>10} {'recovery s':>10}",
        flush=True,
    )
    rows = []
    for row in try_faults(names, chosen.rounds, chosen.messages, chosen.at_once):
        show(row)
        rows.append(row)
        write([row])
    bad = [row.fault for row in rows if not row.is_good or row.takeover_s > TAKEOVER]
    if bad:
        print(f"\nnot as promised: {', '.join(bad)}")
    return 1 if bad else 0


if __name__ == "__main__":
    run(main)
