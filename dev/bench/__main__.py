# Copyright 2026 mqtt_listener contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""The design against others and the limit, in one run.

make bench
make bench QUICK=1        # shorter, without the full history
make bench ONLY=rates     # one part, or several (ONLY=poison,requeue); writes no file
"""

import argparse
import json
import time

from ..console import Problem, run, say
from . import report
from .found import FULL, QUICK, Found, Scale
from .parts import LONG, PARTS
from .stage import Stage, stage


def measure(on: Stage, names: list[str], scale: Scale) -> Found:
    """Run parts, one after another; one that cannot be measured is left out."""
    found, seconds = Found(), {}
    for name in names:
        say(name)
        begin = time.monotonic()
        try:
            part = PARTS[name](on, scale)
        except Problem as problem:
            say(name, f"failed: {problem}")
            continue
        seconds[name] = round(time.monotonic() - begin)
        for key, value in part.ratios.items():
            say(name, f"{key} {value:.3f}")
        found.add(part)
    found.add(Found(sections={"seconds": seconds}))
    return found


def _parts(names: str) -> list[str]:
    unknown = set(names.split(",")) - set(PARTS)
    if unknown:
        raise argparse.ArgumentTypeError(f"there is no part {', '.join(unknown)}")
    return names.split(",")


def main() -> int:
    """As the command line says; 1 when a part could not be measured."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--quick", action="store_true", help="less of everything")
    options.add_argument("--only", type=_parts, help=", ".join(PARTS))
    chosen = options.parse_args()
    scale = QUICK if chosen.quick else FULL
    usual = [name for name in PARTS if not (chosen.quick and name in LONG)]
    begin = time.monotonic()
    with stage() as on:
        names = chosen.only or usual
        found = measure(on, names, scale)
        whole = report.results(on, found, scale, time.monotonic() - begin)
    missing = set(names) - set(found.sections["seconds"])
    if chosen.only:
        print(json.dumps(found.sections, indent=2))
    elif not missing:
        report.write(whole)
    report.show(whole)
    return bool(missing)


if __name__ == "__main__":
    run(main)
