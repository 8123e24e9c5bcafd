"""What a message costs at everyday rates, for each design on the same stack.

Delays need no polling, which would cost the server what is being measured: PostgreSQL
records when each transaction was committed (``track_commit_timestamp``), and a row's
``xmin`` names the transaction that inserted it.
"""

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass

from ..console import Problem, say
from . import designs
from .processor import Processors, used
from .stage import ITEMS, OPEN, Stage

SIZE = 100  # bytes of a payload
LONGER = 2  # times as long at one message a second
QUIET_SECONDS = 2  # before each measurement, so that what came before has ended
#: design -> (kind of topic, highest rate that it carries)
DESIGNS = {
    "stored": ("stored", 1000),
    "handled": ("batch", 1000),
    "classic": ("stored", 100),
    "classic handled": ("single", 100),
    "sidecar": ("stored", 100),
    "naive": ("single", 10),
}
RATES = (1, 10, 100, 1000)
OURS = ("stored", "handled")
COMMITTED = "extract(epoch FROM pg_xact_commit_timestamp(xmin))::float"
HISTORY_TIMES = f"""
    SELECT sequence - %s - 1, {COMMITTED}
      FROM mqtt_signal_history WHERE sequence > %s AND direction = 'receive'
"""
MESSAGE_TIMES = f"""
    SELECT substring(payload FROM '[0-9]+')::int, {COMMITTED} FROM mqtt_bench_message
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
        return self.delays[min(len(self.delays) - 1, int(part * len(self.delays)))]


def idle(stage: Stage, seconds: float) -> float:
    """Seconds of processor time a second, of the stack without any message."""
    time.sleep(QUIET_SECONDS)
    before, begin = used(stage), time.monotonic()
    time.sleep(seconds)
    return used(stage).since(before).total / (time.monotonic() - begin)


def measure(stage: Stage, design: str, rate: int, seconds: float, idle: float) -> Cost:
    """One design at one rate.

    :param seconds: of publishing.
    :param idle: see :func:`idle`.
    :raise Problem: when a message was not stored, or a job failed.
    """
    count = max(1, int(rate * seconds))
    on, kind = stage.empty, DESIGNS[design][0]
    on.do("TRUNCATE mqtt_bench_message")
    first = on.one(designs.ENQUEUED)
    with _receiving(stage, design, count) as more:
        time.sleep(QUIET_SECONDS)
        before, begin = used(stage, **more), time.monotonic()
        sent = _publish(stage, f"{_prefix(stage, design)}/{kind}", count, rate)
        _wait_stored(stage, design, first, count)
        after, end = used(stage, **more), time.monotonic()
    delays = _delays(stage, design, first, sent)
    if len(delays) != count or on.one(designs.FAILED):
        raise Problem(f"{design}: {len(delays)} of {count} messages stored")
    return Cost(count, end - begin, after.since(before), idle, delays)


def _prefix(stage: Stage, design: str) -> str:
    return stage.empty.name if design in OURS else design.split()[0]


def _publish(stage: Stage, topic: str, count: int, rate: int) -> list[float]:
    """Publish at a steady rate; when each message was handed over, since 1970."""
    sent: list[float] = []
    begin = stage.publisher.sent

    def message(number: int) -> tuple[bytes, bytes]:
        number -= begin
        sent.append(time.time())
        payload = b'{"n": %d, "values": "' % number
        payload += b"x" * (SIZE - len(payload) - 2) + b'"}'
        return b"%s/%d" % (topic.encode(), number % ITEMS), payload

    stage.publisher.message = message
    stage.publisher.publish(count, rate, block=max(1, rate // 100))
    return sent


def _wait_stored(stage: Stage, design: str, first: int, count: int) -> None:
    on = stage.empty
    if design in OURS:
        on.wait(designs.ENQUEUED, first + count)
        on.wait_none(designs.WAITING)
    else:
        on.wait(designs.CLASSIC, count)
    on.wait_none(OPEN)


def _delays(stage: Stage, design: str, first: int, sent: list[float]) -> list[float]:
    """Seconds from publishing to the commit of each message that is there."""
    if design in OURS:
        rows = stage.empty.rows(HISTORY_TIMES, first, first)
    else:
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


def run(
    stage: Stage, seconds: float, rates: tuple[int, ...] = RATES
) -> dict[str, dict[int, Cost]]:
    """All designs at all rates that they carry, one at a time."""
    say("bench", "processor time of the idle stack")
    nothing = idle(stage, seconds)
    found: dict[str, dict[int, Cost]] = {design: {} for design in DESIGNS}
    for design, (_kind, highest) in DESIGNS.items():
        measure(stage, design, 10, 2, nothing)  # warm: caches, prepared registries
        for rate in rates:
            if rate <= highest:
                lasting = seconds * (LONGER if rate == 1 else 1)
                cost = measure(stage, design, rate, lasting, nothing)
                found[design][rate] = cost
                say("bench", _line(design, rate, cost))
    return found


def _line(design: str, rate: int, cost: Cost) -> str:
    delays = f"{cost.delay(0.5):.3f}, {cost.delay(0.99):.3f} s"
    return (
        f"{design}, {rate} a second: {cost.percent:.1f} % of a core"
        f" (idle {100 * cost.idle:.1f}), {cost.ms:.2f} ms a message, delay {delays}"
    )


def ratios(found: dict[str, dict[int, Cost]]) -> dict[str, float]:
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


def summary(found: dict[str, dict[int, Cost]]) -> dict:
    """What ``results.json`` holds of it."""
    return {
        design: {
            str(rate): {
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
