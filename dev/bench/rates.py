# Copyright 2026 mqtt_listener contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""What a message costs at everyday rates, and at full speed, for each design."""

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass

from ..console import Problem, say
from . import designs, steady
from .database import BATCHES, FAILED, OPEN
from .found import FULL_SPEED, Found, Scale, quantile
from .processor import Processors, used
from .stage import Stage

LONGER = {1: 2, 10: 1.25}  # times as long at low rates, by rate
SHORTER = 0.625  # times as long at others
QUIET_SECONDS = 1.0  # before each measurement, so that what came before has ended
LOOK_SECONDS = 0.1  # between two looks whether all is stored: they cost, too
#: design -> (kind of topic, rates that it carries, messages at full speed)
DESIGNS = {
    "stored": ("stored", (1, 10, 100, 1000, FULL_SPEED), 50_000),
    "handled": ("batch", (10, 100, 1000, FULL_SPEED), 20_000),
    "classic": ("stored", (1, 10, 100, FULL_SPEED), 1000),
    "classic handled": ("single", (10, 100), 0),
    "sidecar": ("stored", (1, 10, 100, FULL_SPEED), 500),
    "naive": ("single", (1, 10, FULL_SPEED), 200),
}
OURS = ("stored", "handled")
MESSAGE_TIMES = f"""
    SELECT substring(payload FROM '[0-9]+')::int, {steady.COMMITTED}
      FROM mqtt_bench_message
"""


@dataclass(frozen=True)
class Cost:
    """What one design takes at one rate."""

    count: int
    seconds: float
    used: Processors
    idle: float  # seconds of processor time a second, of the idle stack
    delays: list[float]  # seconds from publishing to the commit, in ascending order

    @property
    def percent(self) -> float:
        """Processor time of all processes, in percent of a core, idle part included."""
        return 100 * self.used.total / self.seconds

    @property
    def ms(self) -> float:
        """Milliseconds of processor time a message, without the idle stack's."""
        return 1000 * (self.used.total - self.idle * self.seconds) / self.count

    def delay(self, part: float) -> float:
        """Seconds below which this part of the delays is."""
        return quantile(self.delays, part)


def idle(stage: Stage, seconds: float) -> float:
    """Seconds of processor time a second, of the stack without any message."""
    time.sleep(QUIET_SECONDS)
    before, begin = used(stage), time.monotonic()
    time.sleep(seconds)
    return used(stage).since(before).total / (time.monotonic() - begin)


def measure(stage: Stage, design: str, rate: int, count: int, idle: float) -> Cost:
    """One design at one rate.

    :param rate: messages a second, or ``FULL_SPEED``.
    :param idle: see :func:`idle`.
    :raise Problem: when a message was not stored, or a job failed.
    """
    on, kind = stage.empty, DESIGNS[design][0]
    on.do("TRUNCATE mqtt_bench_message")
    first = on.enqueued
    topic = steady.topics_below(f"{_prefix(stage, design)}/{kind}")
    with _receiving(stage, design, count) as more:
        time.sleep(QUIET_SECONDS)
        before, begin = used(stage, **more), time.monotonic()
        sent = steady.publish(stage, topic, count, rate or None)
        _wait_stored(stage, design, first, count)
        after, end = used(stage, **more), time.monotonic()
    delays = _delays(stage, design, first, sent)
    if len(delays) != count or on.one(FAILED):
        raise Problem(f"{design}: {len(delays)} of {count} messages stored")
    return Cost(count, end - begin, after.since(before), idle, delays)


def _prefix(stage: Stage, design: str) -> str:
    return stage.empty.prefix if design in OURS else design.split()[0]


def _wait_stored(stage: Stage, design: str, first: int, count: int) -> None:
    on = stage.empty
    if design in OURS:
        on.wait_enqueued(first + count, step=LOOK_SECONDS)
        on.wait_none(BATCHES, step=LOOK_SECONDS)
    else:
        on.wait(designs.CLASSIC, count, step=LOOK_SECONDS)
    on.wait_none(OPEN, step=LOOK_SECONDS)


def _delays(stage: Stage, design: str, first: int, sent: list[float]) -> list[float]:
    """Seconds from publishing to the commit of each message that is there."""
    if design in OURS:
        return steady.delays_stored(stage.empty, first, sent)
    rows = stage.empty.rows(MESSAGE_TIMES)
    return sorted(committed - sent[number] for number, committed in rows)


@contextmanager
def _sidecar(stage: Stage) -> Iterator[dict[str, int]]:
    broker, odoo, on = stage.broker, stage.odoo, stage.empty
    command = [sys.executable, "-m", "dev.bench.sidecar", broker.host, str(broker.port)]
    command += [odoo.url, on.name, str(on.user_id), "admin"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            if not process.stdout.readline():
                raise Problem("the sidecar did not start")
            yield {"sidecar": process.pid}
        finally:
            process.terminate()


def _receiving(stage: Stage, design: str, count: int):
    """What receives: nothing more than the service for our own design."""
    if design == "sidecar":
        return _sidecar(stage)
    if design not in OURS:
        designs.listen(stage, design.split()[0], count)
    return nullcontext({})


def run(stage: Stage, scale: Scale) -> Found:
    """All designs at all rates that they carry, one at a time."""
    say("bench", "processor time of the idle stack")
    nothing = idle(stage, scale.rate_seconds)
    found: dict[str, dict[int, Cost]] = {design: {} for design in DESIGNS}
    for design, (_kind, rates, full_count) in DESIGNS.items():
        measure(stage, design, 10, 10, nothing)  # warm: caches, prepared registries
        for rate in rates:
            if rate not in scale.rates:
                continue
            seconds = scale.rate_seconds * LONGER.get(rate, SHORTER)
            count = int(rate * seconds)
            count = count or int(full_count * scale.part)
            cost = found[design][rate] = measure(stage, design, rate, count, nothing)
            say("bench", _line(design, rate, cost))
    return Found(_ratios(found), {"steady rates": _summary(found)})


def _line(design: str, rate: int, cost: Cost) -> str:
    return (
        f"{design}, {rate or 'full'} a second: {cost.percent:.1f} % of a core"
        f" (idle {100 * cost.idle:.1f}), {cost.ms:.2f} ms a message,"
        f" delay {cost.delay(0.5):.3f}, {cost.delay(0.99):.3f} s"
    )


def _ratios(found: dict[str, dict[int, Cost]]) -> dict[str, float]:
    """The figures of the table: costs of a message relative to others', and delays."""
    named = {
        f"cpu_{rate}_{ours}_{other.split()[0]}": found[ours][rate].ms
        / found[other][rate].ms
        for rate, ours, other in (
            (10, "stored", "classic"),
            (10, "handled", "classic handled"),
            (100, "stored", "classic"),
            (100, "handled", "classic handled"),
            (100, "stored", "sidecar"),
        )
    }
    delays = {
        f"delay_{rate}_p99": found["stored"][rate].delay(0.99) for rate in (10, 100)
    }
    return named | delays


def _summary(found: dict[str, dict[int, Cost]]) -> dict:
    """What ``results.json`` holds of it."""
    return {
        design: {
            str(rate or "full"): {
                "messages a second": round(cost.count / cost.seconds, 1),
                "messages": cost.count,
                "percent of a core": round(cost.percent, 2),
                "idle percent": round(100 * cost.idle, 2),
                "ms a message": round(cost.ms, 3),
                "delay p50 s": round(cost.delay(0.5), 4),
                "delay p99 s": round(cost.delay(0.99), 4),
                "percent of": {
                    who: round(100 * seconds / cost.seconds, 2)
                    for who, seconds in cost.used.seconds.items()
                },
            }
            for rate, cost in by_rate.items()
        }
        for design, by_rate in found.items()
    }
