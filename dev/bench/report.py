# Copyright 2026 mqtt_listener contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""What a run leaves: ``results.json``, charts, the table of a page, a table to read."""

import json
import os
import platform
from datetime import datetime, timezone
from importlib.metadata import version
from pathlib import Path

from .. import paths
from ..pages import replace_between
from .charts import latency_chart, throughput_chart
from .cost_chart import cost_chart
from .found import QUICK, Found, Scale
from .goals import FIGURES
from .stage import Stage

HERE = Path(__file__).parent
PAGE = paths.CHECKOUT / "docs/benchmarks.md"
BEGIN, END = "<!-- make bench writes this table -->\n", "<!-- until here -->\n"
CHARTS = {
    "throughput.svg": throughput_chart,
    "latency.svg": latency_chart,
    "cost.svg": cost_chart,
}


def results(on: Stage, found: Found, scale: Scale, seconds: float) -> dict:
    """What ``results.json`` holds."""
    return {
        "machine": _machine(),
        "versions": _versions(on),
        "date": datetime.now(timezone.utc).strftime("%Y-%m-%d %H:%M UTC"),
        "scale": {
            "quick": scale is QUICK,
            "repeats": scale.repeats,
            "rows of the full history": scale.rows,
            "rows removed": scale.old,
            "seconds": round(seconds),
        },
        "ratios": {key: round(value, 3) for key, value in found.ratios.items()},
        **found.sections,
    }


def write(whole: dict) -> None:
    """Keep a run; a quick one is not for the page's table."""
    (HERE / "results.json").write_text(json.dumps(whole, indent=2) + "\n")
    for name, chart in CHARTS.items():
        (HERE / name).write_text(chart(whole))
    if not whole["scale"]["quick"]:
        replace_between(PAGE, BEGIN, END, table(whole["ratios"]))


def table(ratios: dict[str, float]) -> str:
    """The page's table of all figures, as Markdown."""
    rows = ["| in one run | goal | is |", "| --- | --- | --- |"]
    for key, figure in FIGURES.items():
        value = _short(ratios[key]) if key in ratios else "–"
        rows.append(f"| {figure.words} | {figure.sign} {figure.goal} | {value} |")
    return "\n".join(rows) + "\n"


def show(whole: dict) -> None:
    """Print what was measured."""
    rates = whole.get("rates", {})
    for design, of in rates.items():
        sizes = "".join(f"{rate:>12,.0f} ({size} B)" for size, rate in of.items())
        print(f"{design:<20}{sizes}")
    print(f"\n{'figure':<66}{'':>8}  goal")
    for key, figure in FIGURES.items():
        if key in whole["ratios"]:
            value = whole["ratios"][key]
            mark = "" if figure.is_reached(value) else "  missed"
            goal = f"{figure.sign} {figure.goal}{mark}"
            print(f"{figure.words:<66}{_short(value):>8}  {goal}")


def _short(value: float) -> str:
    return (
        f"{value:.0f}"
        if value >= 20
        else f"{value:.2g}"
        if value < 2
        else f"{value:.1f}"
    )


def _versions(on: Stage) -> dict[str, str]:
    """Of all that took part."""
    return {
        "Odoo": on.odoo.version,
        "queue_job": version("odoo-addon-queue-job"),
        "paho": version("paho-mqtt"),
        "Python": platform.python_version(),
        "PostgreSQL": on.empty.one("SHOW server_version").split()[0],
        "Mosquitto": on.broker.version,
    }


def _machine() -> str:
    cpu = next(
        (
            line.partition(":")[2].strip()
            for line in Path("/proc/cpuinfo").read_text().splitlines()
            if line.startswith("model name")
        ),
        platform.machine(),
    )
    return f"{os.cpu_count()} × {cpu}, {platform.system()} {platform.release()}"
