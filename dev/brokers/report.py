# Copyright 2026 mqtt_listener contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""How the results are kept and shown: as JSON, and as a table of a page."""

import json
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path

from .. import paths
from ..pages import replace_between
from .kinds import KINDS
from .trial import NOT_DONE, Row

RESULTS = Path(__file__).parent / "results.json"
PAGE = paths.CHECKOUT / "docs/guarantees.md"
BEGIN = "<!-- make brokers writes from here … -->\n"
END = "<!-- … to here -->\n"


def write(rows: "Iterable[Row]") -> None:
    """Write results; those of brokers and checks that were not tried now are kept."""
    known = json.loads(RESULTS.read_text()) if RESULTS.exists() else []
    results = {_key(one): one for one in known}
    for row in rows:
        results[_key(asdict(row))] = asdict(row)
    order = [kind.title for kind in KINDS]
    values = sorted(results.values(), key=lambda one: order.index(one["broker"]))
    RESULTS.write_text(json.dumps(values, indent=2) + "\n")
    show(values)


def _key(result: "dict[str, object]") -> "tuple[object, ...]":
    return result["broker"], result["mqtt"], result["check"]


def show(results: "list[dict]") -> None:
    """Write the table between its marks into the page."""
    replace_between(PAGE, BEGIN, END, table(results))


def table(results: "list[dict]") -> str:
    """Brokers as rows, checks as columns."""
    checks = list(dict.fromkeys(one["check"] for one in results))
    lines = {}
    for one in results:
        title = f"{_name(one)}, {one['mqtt']}"
        lines.setdefault(title, {})[one["check"]] = cell(one)
    head = ["broker", *checks]
    body = [
        [title, *(line.get(c, "–") for c in checks)] for title, line in lines.items()
    ]
    return "".join(
        f"| {' | '.join(words)} |\n" for words in [head, ["---"] * len(head), *body]
    )


def _name(result: dict) -> str:
    """The broker with its version: `Mosquitto 2.1.2, sqlite`."""
    words, _, form = result["broker"].partition(", ")
    name = words.rstrip("0123456789.").strip()
    return f"{name} {result['version']}" + (f", {form}" if form else "")


def cell(result: dict) -> str:
    """A check in a few words."""
    if result["lost"] or result["doubled"]:
        words = [f"{result[w]:,} {w}" for w in ("lost", "doubled") if result[w]]
        return f"**{', '.join(words)}** of {result['published']:,}"
    if not result["published"]:
        return "**not done**" if result["note"].startswith(NOT_DONE) else "–"
    return f"{result['published']:,}"
