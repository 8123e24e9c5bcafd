"""This design against others and the limit, in one run.

make bench
make bench QUICK=1      # fewer repeats, 500,000 rows instead of 5,000,000
make bench ONLY=rates   # one part; prints its figures, writes no file
"""

import argparse
import json
import os
import platform
import statistics
import time
from dataclasses import dataclass
from datetime import datetime, timezone
from importlib.metadata import version
from pathlib import Path

from ..console import run, say
from . import designs, measures, rates
from .charts import latency_chart, throughput_chart
from .costs import costs
from .goals import GOALS, WORDS
from .payloads import SIZES
from .stage import ITEMS, Stage, stage

HERE = Path(__file__).parent
FEW_HANDLERS, MANY_HANDLERS = 10, 10_000
DECORATED = 2  # that the addon of the benchmark has
SMALL_LIST = 1000  # rows
HEADLINE = SIZES[0]  # the payload whose rates the ratios are made of


@dataclass(frozen=True)
class Scale:
    """How much of everything."""

    repeats: int
    rows: int  # of the full history
    old: int  # of them, that are removed
    latencies: int
    rate_seconds: float  # of each steady rate
    counts: dict[int, dict[str, int]]  # by payload size and design


def _counts(part: float) -> dict[int, dict[str, int]]:
    """Messages in a round: enough to last a second or two."""
    whole = {
        60: dict(limit=50_000, classic=1000, naive=200, ours=50_000, handlers=8000),
        1024: dict(limit=40_000, classic=1000, naive=200, ours=30_000, handlers=8000),
        65_536: dict(limit=3000, classic=400, naive=100, ours=1500, handlers=1000),
    }
    return {
        size: {design: int(count * part) for design, count in of.items()}
        for size, of in whole.items()
    }


FULL_SCALE = Scale(5, 5_000_000, 1_000_000, 300, 15, _counts(1))
QUICK_SCALE = Scale(3, 500_000, 50_000, 30, 8, _counts(0.4))


class Bench:
    """What is measured, collected."""

    def __init__(self, stage: Stage, scale: Scale) -> None:
        self._stage, self._scale = stage, scale
        self.rates: dict[str, dict[int, list[float]]] = {}
        self.cpu: dict[str, list[float]] = {"limit": [], "ours": []}
        self.other: dict[str, list[float]] = {}
        self.messages_ms: list[float] = []
        self.jobs_ms: list[float] = []
        self.costs: dict[str, float] = {}
        self.steady: dict[str, dict[int, rates.Cost]] = {}

    def _note(self, design: str, size: int, rate: designs.Rate) -> None:
        by_size = self.rates.setdefault(design, {})
        by_size.setdefault(size, []).append(rate.per_second)

    def _measure(self, what: str, figure: float) -> None:
        self.other.setdefault(what, []).append(figure)

    def run(self) -> None:
        """All of it, interleaved."""
        stage, scale = self._stage, self._scale
        for size in SIZES[:2]:
            growth = measures.memory_per_thousand(stage, size)
            self._measure("memory_mib_per_1000", growth)
        self.steady = rates.run(stage, scale.rate_seconds)
        say("bench", f"filling a history with {scale.rows:,} rows")
        measures.fill(stage.full, scale.rows, ITEMS, scale.old)
        say("bench", f"adding {MANY_HANDLERS:,} handlers")
        for on, count in ((stage.empty, FEW_HANDLERS), (stage.many, MANY_HANDLERS)):
            on.call("mqtt.bench.item", "add_handlers", count - DECORATED)
        self._lists()
        self._warm_up()
        for round_ in range(scale.repeats):
            say("bench", f"round {round_ + 1} of {scale.repeats}")
            for size in SIZES:
                self._throughput(size)
            self._full_against_empty()
            self._dispatch()
        say("bench", "lone messages")
        self.messages_ms, self.jobs_ms = measures.latencies(stage, scale.latencies)
        count = scale.counts[HEADLINE]["ours"]
        self.costs = costs(stage, HEADLINE, count)
        say("bench", f"removing {scale.old:,} old messages")
        rate, seconds = measures.clean_up(stage, HEADLINE, count)
        self._measure("stored while removing", rate)
        self._measure("seconds of removing", seconds)

    def _lists(self) -> None:
        stage = self._stage
        measures.fill(stage.empty, SMALL_LIST, SMALL_LIST // 100)  # pages are full too
        for _ in range(3 * self._scale.repeats):
            for on in (stage.empty, stage.full):
                self._measure(f"page {on.name}", measures.page(on))

    def _warm_up(self) -> None:
        stage = self._stage
        for on in (stage.empty, stage.many):
            for kind in ("single", "batch"):
                designs.handled(on, stage, kind, HEADLINE, 1000)
            measures.dispatch(on)
        designs.stored(stage.full, stage, HEADLINE, 1000)
        designs.classic(stage, HEADLINE, 20)
        designs.naive(stage, HEADLINE, 10)

    def _throughput(self, size: int) -> None:
        stage, counts = self._stage, self._scale.counts[size]
        self._note("publisher", size, designs.publisher(stage, size, counts["limit"]))
        rate = designs.limit(stage, size, counts["limit"])
        self._note("limit", size, rate)
        self._note("classic", size, designs.classic(stage, size, counts["classic"]))
        self._note("naive", size, designs.naive(stage, size, counts["naive"]))
        accepted, stored = designs.stored(stage.empty, stage, size, counts["ours"])
        self._note("accepted", size, accepted)
        self._note("stored", size, stored)
        for kind in ("single", "batch"):
            handled = designs.handled(
                stage.empty, stage, kind, size, counts["handlers"]
            )
            self._note(f"handled, {kind}", size, handled)
        if size == HEADLINE:
            self.cpu["limit"].append(rate.cpu_per_100k)
            self.cpu["ours"].append(accepted.cpu_per_100k)

    def _full_against_empty(self) -> None:
        stage, count = self._stage, self._scale.counts[HEADLINE]["ours"]
        stage.empty.do("TRUNCATE mqtt_signal_history CASCADE")
        for on in (stage.empty, stage.full):
            _accepted, rate = designs.stored(on, stage, HEADLINE, count)
            self._measure(f"stored {on.name}", rate.per_second)

    def _dispatch(self) -> None:
        stage = self._stage
        designs.handled(stage.empty, stage, "single", HEADLINE, 1000)
        self._measure("loop", measures.loop(stage.empty))
        for on in (stage.empty, stage.many):
            self._measure(f"dispatch {on.name}", measures.dispatch(on))

    def versions(self) -> dict[str, str]:
        """Of all that took part."""
        stage = self._stage
        return {
            "Odoo": stage.odoo.version,
            "queue_job": version("odoo-addon-queue-job"),
            "paho": version("paho-mqtt"),
            "Python": platform.python_version(),
            "PostgreSQL": stage.empty.one("SHOW server_version").split()[0],
            "Mosquitto": stage.broker.version,
        }

    def ratios(self) -> dict[str, float]:
        """The figures that mean something on another machine too."""

        def rate(design: str) -> float:
            return statistics.median(self.rates[design][HEADLINE])

        def other(what: str) -> float:
            return statistics.median(self.other[what])

        names = self._stage.empty.name, self._stage.full.name, self._stage.many.name
        empty, full, many = names
        ours, jobs = sorted(self.messages_ms), sorted(self.jobs_ms)
        return {
            "accepted_limit": rate("accepted") / rate("limit"),
            "stored_classic": rate("stored") / rate("classic"),
            "handled_naive": rate("handled, single") / rate("naive"),
            "handled_batch_naive": rate("handled, batch") / rate("naive"),
            "handled_loop": other(f"dispatch {empty}") / other("loop"),
            "latency_p50": quantile(ours, 0.5) / quantile(jobs, 0.5),
            "latency_p99": quantile(ours, 0.99) / quantile(jobs, 0.99),
            "stored_5m": other(f"stored {full}") / other(f"stored {empty}"),
            "dispatch_10k": other(f"dispatch {many}") / other(f"dispatch {empty}"),
            "list_5m": other(f"page {full}") / other(f"page {empty}"),
            "listener_cpu": statistics.median(self.cpu["ours"])
            / statistics.median(self.cpu["limit"]),
            "memory_mib_per_1000": max(self.other["memory_mib_per_1000"]),
            "cleanup_stored": other("stored while removing") / other(f"stored {full}"),
            **rates.ratios(self.steady),
        }


def quantile(ordered: list[float], part: float) -> float:
    """The figure below which this part of the figures is."""
    return ordered[min(len(ordered) - 1, int(part * len(ordered)))]


def results(bench: Bench, scale: Scale, begin: float) -> dict:
    """What ``results.json`` holds."""
    return {
        "machine": _machine(),
        "versions": bench.versions(),
        "date": datetime.now(timezone.utc).strftime("%Y-%m-%d %H:%M UTC"),
        "scale": {
            "quick": scale is QUICK_SCALE,
            "repeats": scale.repeats,
            "rows of the full history": scale.rows,
            "rows removed": scale.old,
            "seconds": round(time.monotonic() - begin),
        },
        "rates": {
            design: {
                str(size): round(statistics.median(rates), 1)
                for size, rates in by_size.items()
            }
            for design, by_size in bench.rates.items()
        },
        "ratios": {key: round(value, 3) for key, value in bench.ratios().items()},
        "steady rates": rates.summary(bench.steady),
        "others": {
            what: round(statistics.median(figures), 4)
            for what, figures in bench.other.items()
        },
        "cpu seconds per 100,000 messages": {
            who: round(statistics.median(seconds), 2)
            for who, seconds in bench.cpu.items()
        },
        "cost of a message": {
            what: round(figure, 4) for what, figure in bench.costs.items()
        },
        # From p0 to p99.
        "latency ms": {
            who: [round(quantile(sorted(figures), p / 100), 1) for p in range(100)]
            for who, figures in (("message", bench.messages_ms), ("job", bench.jobs_ms))
        },
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


def show(found: dict) -> None:
    """Print the tables."""
    print(f"{'messages/s':<28}" + "".join(f"{size:>10} B" for size in SIZES))
    for design, of in found["rates"].items():
        print(f"{design:<28}" + "".join(f"{rate:>12,.0f}" for rate in of.values()))
    show_ratios(found["ratios"])


def show_ratios(ratios: dict[str, float]) -> None:
    """Print the figures that were measured, with their goals."""
    print(f"\n{'ratio':<52}{'':>8}  goal")
    for key, (sign, goal) in GOALS.items():
        if key in ratios:
            ratio = ratios[key]
            reached = ratio >= goal if sign == "≥" else ratio <= goal
            mark = "" if reached else "  missed"
            print(f"{WORDS[key]:<52}{ratio:>8.2f}  {sign} {goal}{mark}")


def _only_rates(on: Stage, scale: Scale) -> None:
    found = rates.run(on, scale.rate_seconds, (10, 100))
    print(json.dumps(rates.summary(found), indent=2))
    show_ratios(rates.ratios(found))


PARTS = {"rates": _only_rates}


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--quick", action="store_true", help="less of everything")
    options.add_argument("--only", choices=PARTS, help="one part of it")
    chosen = options.parse_args()
    scale = QUICK_SCALE if chosen.quick else FULL_SCALE
    if chosen.only:
        with stage() as on:
            PARTS[chosen.only](on, scale)
        return
    begin = time.monotonic()
    with stage() as on:
        bench = Bench(on, scale)
        bench.run()
        found = results(bench, scale, begin)
    (HERE / "results.json").write_text(json.dumps(found, indent=2) + "\n")
    (HERE / "throughput.svg").write_text(throughput_chart(found))
    (HERE / "latency.svg").write_text(latency_chart(found))
    show(found)


if __name__ == "__main__":
    run(main)
