# Copyright 2026 mqtt_listener contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""Load that the listener must hold.

make load                  # a backlog of 200,000 messages; a burst of 60 s
make load SOAK=60          # so many minutes at half of what is sustainable
python -m dev.load --messages 20000 --seconds 10
"""

import argparse
import json
import statistics
import time
from collections.abc import Callable
from pathlib import Path

from ..console import run, say
from .stage import STORED, Stage, memory, stage

RESULTS = Path(__file__).parent / "results.json"
GROWTH = 64  # MiB of memory that a backlog may cost
USABLE = 2.0  # seconds for a page of messages, at most in the middle of it all
SAMPLE = 20_000  # messages by which the sustainable rate is found
MINUTE = 60.0
TABLES = ("queue_job", "mqtt_batch", "mqtt_receipt")


def backlog(stage: Stage, messages: int) -> dict:
    """A service connects to a broker that has all these for it."""
    idle = stage.listener_memory
    stage.stop()
    stage.publisher.publish(messages)
    stage.start()
    begin = time.monotonic()
    with stage.watch() as watch:
        stage.wait_stored(stage.publisher.sent)
    seconds = time.monotonic() - begin
    lost, doubled = stage.missing()
    return {
        "messages": messages,
        "seconds": round(seconds, 1),
        "messages/s": round(messages / seconds),
        "idle MiB": round(idle, 1),
        "growth MiB": round(max(watch.memory) - idle, 1),
        "page s, median": round(statistics.median(watch.pages), 2),
        "page s, slowest": round(max(watch.pages), 2),
        "lost": lost,
        "doubled": doubled,
        "good": (
            not (lost or doubled)
            and max(watch.memory) - idle <= GROWTH
            and statistics.median(watch.pages) <= USABLE
        ),
    }


def sustainable(stage: Stage) -> float:
    """Messages a second that come in, are stored and do not pile up."""
    begin = time.monotonic()
    stage.publisher.publish(SAMPLE)
    stage.wait_stored(stage.publisher.sent)
    return SAMPLE / (time.monotonic() - begin)


def burst(stage: Stage, seconds: float) -> dict:
    """Ten times the sustainable rate, or as much as the broker takes."""
    rate = sustainable(stage)
    reconnects = stage.one("SELECT reconnects FROM mqtt_connection")
    idle = stage.listener_memory
    before = stage.publisher.sent
    stored = stage.one(STORED)
    with stage.watch() as watch:
        begin = time.monotonic()
        stage.publisher.publish(int(10 * rate * seconds), 10 * rate, seconds)
        published = stage.publisher.sent - before
        lasted = time.monotonic() - begin
        behind = published - (stage.one(STORED) - stored)
        stage.wait_stored(stage.publisher.sent)
        recovered = time.monotonic() - begin - lasted
    lost, doubled = stage.missing()
    renewed = stage.one("SELECT reconnects FROM mqtt_connection") - reconnects
    return {
        "sustainable messages/s": round(rate),
        "published": published,
        "seconds": round(lasted, 1),
        "times sustainable": round(published / lasted / rate, 1),
        "behind at its end": behind,
        "recovered after s": round(recovered, 1),
        "growth MiB": round(max(watch.memory) - idle, 1),
        "page s, median": round(statistics.median(watch.pages), 2),
        "reconnects": renewed,
        "lost": lost,
        "doubled": doubled,
        "good": not (lost or doubled or renewed) and max(watch.memory) - idle <= GROWTH,
    }


def soak(stage: Stage, minutes: int) -> dict:
    """Half of the sustainable rate, for long: memory and tables stay as they are."""
    rate = sustainable(stage) / 2
    seen = []
    for minute in range(1, minutes + 1):
        stage.publisher.publish(int(rate * MINUTE), rate)
        # The crons that Odoo runs by itself at night and queue_job each day.
        stage.odoo.call("queue.job", "autovacuum")
        lag = stage.publisher.sent - stage.one(STORED)
        now = {
            "listener MiB": stage.listener_memory,
            "Odoo MiB": sum(map(memory, stage.odoo.processes())),
            **{table: stage.one(f"SELECT count(*) FROM {table}") for table in TABLES},
        }
        seen.append(now)
        words = ", ".join(f"{name} {value:.0f}" for name, value in now.items())
        say(f"minute {minute}", f"lag {lag}, {words}")
    stage.wait_stored(stage.publisher.sent)
    lost, doubled = stage.missing()
    # The first third warms up.
    first, last = seen[len(seen) // 3], seen[-1]
    growth = last["listener MiB"] - first["listener MiB"]
    return {
        "minutes": minutes,
        "messages/s": round(rate),
        "listener MiB": round(last["listener MiB"], 1),
        "growth MiB": round(growth, 1),
        **{table: last[table] for table in TABLES},
        "lost": lost,
        "doubled": doubled,
        "good": not (lost or doubled) and growth <= 8,
    }


def main() -> int:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--messages", type=int, default=200_000, help="of the backlog")
    options.add_argument("--seconds", type=float, default=60, help="of the burst")
    options.add_argument("--soak", type=int, help="minutes; nothing else is done then")
    chosen = options.parse_args()
    scenarios: dict[str, Callable[[Stage], dict]] = {
        "backlog": lambda on: backlog(on, chosen.messages),
        "burst": lambda on: burst(on, chosen.seconds),
    }
    if chosen.soak:
        scenarios = {"soak": lambda on: soak(on, chosen.soak)}
    results = []
    for name, scenario in scenarios.items():
        say(name, "starting real servers")
        with stage() as on:
            results.append({"scenario": name, **scenario(on)})
        for what, figure in results[-1].items():
            print(f"{what:<24} {figure}", flush=True)
        print(flush=True)
    known = json.loads(RESULTS.read_text()) if RESULTS.exists() else []
    kept = [one for one in known if one["scenario"] not in scenarios]
    RESULTS.write_text(json.dumps([*kept, *results], indent=2) + "\n")
    return 0 if all(one["good"] for one in results) else 1


if __name__ == "__main__":
    run(main)
