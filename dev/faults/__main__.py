"""Run the fault matrix.

    make faults                              # every fault, a few rounds each
    make faults ROUNDS=20 MESSAGES=10000     # the figures in the README
    make faults FAULTS="broker"              # those with this in their name

In each round messages are published and one thing breaks at a random moment. What is
stored and handled is counted by content, equal messages by number.
"""

import argparse
import json
import shutil
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import asdict
from pathlib import Path

from ..console import Problem, run, say
from .matrix import FAULTS
from .trial import FOLDER, Row, try_fault
from .world import prepare

RESULTS = Path(__file__).parent / "results.json"


def try_faults(
    names: list[str], rounds: int, messages: int, at_once: int
) -> Iterator[Row]:
    """Rows as they are done."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    say("faults", "installing the addon")
    template = prepare(FOLDER)
    # A process each: the publisher is not to wait for another's interpreter.
    with ProcessPoolExecutor(at_once, max_tasks_per_child=1) as pool:
        tasks = [
            pool.submit(try_fault, name, rounds, messages, template) for name in names
        ]
        for task in as_completed(tasks):
            yield task.result()
    shutil.rmtree(template)


def show(row: Row) -> None:
    """Print a row of the table."""
    print(
        f"{row.fault:<56} {row.rounds:>6} {row.messages:>9} {row.lost:>5}"
        f" {row.duplicated:>10} {row.recovery_s:>10.1f}  {'; '.join(row.events)}",
        flush=True,
    )


def write(rows: list[Row]) -> None:
    """Write the results, in the order of the matrix; those not tried now are kept."""
    known = json.loads(RESULTS.read_text()) if RESULTS.exists() else []
    results = {one["fault"]: one for one in known}
    for row in rows:
        results[row.fault] = asdict(row)
        del results[row.fault]["events"]
    values = [results[name] for name in FAULTS if name in results]
    RESULTS.write_text(json.dumps(values, indent=2) + "\n")


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
    bad = [row.fault for row in rows if not row.is_good]
    if bad:
        print(f"\nnot as promised: {', '.join(bad)}")
    return 1 if bad else 0


if __name__ == "__main__":
    run(main)
