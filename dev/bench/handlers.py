"""What handlers cost, against one queue job a message and against a bare loop.

    python -m dev.bench.handlers

Real PostgreSQL, the real prefork server with two workers, jobs run by queue_job's
runner. Everything is measured in one run, interleaved; medians of ROUNDS.
"""

import platform
import statistics
import time
from collections.abc import Callable

from .. import paths
from ..console import run, say
from ..servers import Odoo, Postgres, wait_until

ROUNDS = 5
ITEMS = 1000
BATCHES = 5  # of ITEMS messages, that come one after the other
NAIVE = 300  # jobs in a round
LATENCIES = 100
HANDLERS = 10_000
ITEM = "mqtt.bench.item"
CHANNELS = "root:4,root.mqtt:3,root.mqtt.ingest:2,root.mqtt.dispatch:1"
LAST_DONE = """
    SELECT EXTRACT(epoch FROM max(date_done) - min(date_created))
      FROM queue_job WHERE id > %s
"""
OPEN = "SELECT count(*) FROM queue_job WHERE state NOT IN ('done', 'failed')"


class Bench:
    """One server, and what is measured on it."""

    def __init__(self, odoo: Odoo, postgres: Postgres) -> None:
        self.odoo = odoo
        self._ask = postgres.connect(odoo.database).cursor()
        self.service = self.call("set_up", ITEMS)

    def call(self, method: str, *arguments: object) -> object:
        return self.odoo.call(ITEM, method, *arguments)

    def _one(self, sql: str, *values: object) -> object:
        self._ask.execute(sql, values)
        return self._ask.fetchone()[0]

    def _span(self, enqueue: Callable[[], object]) -> float:
        """Seconds from the creation of the first job to the end of the last."""
        last = self._one("SELECT COALESCE(max(id), 0) FROM queue_job")
        enqueue()
        wait_until(lambda: not self._one(OPEN), 120, "jobs do not end", step=0.002)
        return float(self._one(LAST_DONE, last))

    def naive(self) -> float:
        """Messages a second. To create the jobs is not counted."""
        self.call("enqueue_naive", NAIVE)
        begin = time.perf_counter()
        left = self._one(OPEN)
        wait_until(lambda: not self._one(OPEN), 120, "jobs do not end", step=0.002)
        return left / (time.perf_counter() - begin)

    def ours(self, kind: str) -> float:
        """Messages a second: stored, dispatched, handled."""

        def receive() -> None:
            for _ in range(BATCHES):
                self.call("receive", self.service, kind, ITEMS)

        return BATCHES * ITEMS / self._span(receive)

    def loop(self) -> float:
        return ITEMS / self.call("time_loop", self.service, "single", ITEMS)

    def dispatch(self, kind: str) -> float:
        return ITEMS / self.call("time_dispatch", self.service, kind, ITEMS)

    def latencies(self) -> tuple[list[float], list[float]]:
        """Milliseconds of a lone message and of a lone job, taking turns."""
        ours, job = [], []
        for _ in range(LATENCIES):
            receive = self._span(
                lambda: self.call("receive", self.service, "single", 1)
            )
            ours.append(1000 * receive)
            job.append(1000 * self._span(lambda: self.call("enqueue_nothing")))
        return sorted(ours), sorted(job)


def measure(bench: Bench) -> list[tuple[str, object, object]]:
    """Rows of the table: what, figure, goal."""
    rates: dict[str, list[float]] = {}

    def note(name: str, rate: float) -> None:
        rates.setdefault(name, []).append(rate)

    bench.ours("single")  # fills the caches
    for _ in range(ROUNDS):
        note("naive", bench.naive())
        note("single", bench.ours("single"))
        note("batch", bench.ours("batch"))
        note("loop", bench.loop())
        note("dispatch", bench.dispatch("single"))
        note("dispatch batch", bench.dispatch("batch"))
    say("bench", f"adding {HANDLERS} handlers")
    bench.call("add_handlers", HANDLERS)
    bench.dispatch("single")
    for _ in range(ROUNDS):
        note("dispatch, 10,000 handlers", bench.dispatch("single"))
    ours, job = bench.latencies()
    median = {name: statistics.median(values) for name, values in rates.items()}
    middle, late = LATENCIES // 2, LATENCIES * 99 // 100
    return [
        *((f"{name}, messages/s", round(rate), "") for name, rate in median.items()),
        ("single / naive", median["single"] / median["naive"], "≥ 6"),
        ("batch / naive", median["batch"] / median["naive"], "≥ 50"),
        ("dispatch / loop", median["dispatch"] / median["loop"], "≥ 0.8"),
        (
            "10,000 handlers / 3",
            median["dispatch, 10,000 handlers"] / median["dispatch"],
            "≥ 0.9",
        ),
        ("message → handled, p50 ms", ours[middle], ""),
        ("job enqueued → done, p50 ms", job[middle], ""),
        ("p50 ratio", ours[middle] / job[middle], "< 3"),
        ("p99 ratio", ours[late] / job[late], ""),
    ]


def main() -> None:
    folder = paths.OWN / "bench"
    with Postgres(folder / "postgresql", port=26432) as postgres:
        name = "bench"
        if postgres.has(name):
            postgres.drop(name)
        postgres.create(name)
        odoo = Odoo(folder / "odoo", postgres, name, port=8369, channels=CHANNELS)
        odoo.install("mqtt_listener", "mqtt_bench")
        with odoo:
            say("bench", f"{platform.machine()}, Python {platform.python_version()}")
            for what, figure, goal in measure(Bench(odoo, postgres)):
                text = f"{figure:.2f}" if isinstance(figure, float) else figure
                print(f"{what:<32} {text:>9}  {goal}", flush=True)


if __name__ == "__main__":
    run(main)
