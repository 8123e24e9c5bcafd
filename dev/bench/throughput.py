# Copyright 2026 mqtt_listener contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""Each design at full speed, in turns."""

import statistics

from ..console import say
from . import designs
from .costs import costs
from .found import Found, Scale
from .payloads import SIZES
from .stage import Stage

HEADLINE = SIZES[0]  # the payload whose rates the ratios are made of
LARGE = SIZES[2]
#: messages in a round, to last a second or two: by payload size and design
COUNTS = {
    60: dict(limit=50_000, classic=1000, naive=200, ours=50_000, handlers=8000),
    1024: dict(limit=40_000, classic=1000, naive=200, ours=30_000, handlers=8000),
    65_536: dict(limit=3000, classic=400, naive=100, ours=3000, handlers=1000),
}


class _Throughput:
    def __init__(self, stage: Stage, part: float) -> None:
        self._stage, self._part = stage, part
        self.rates: dict[str, dict[int, list[float]]] = {}
        self.cpu: dict[str, list[float]] = {"limit": [], "ours": []}

    def warm_up(self) -> None:
        stage = self._stage
        for kind in ("single", "batch"):
            designs.handled(stage.empty, stage, kind, HEADLINE, 1000)
        designs.classic(stage, HEADLINE, 20)
        designs.naive(stage, HEADLINE, 10)

    def round(self, size: int) -> None:
        stage, counts = self._stage, self.counts(size)
        self._note("publisher", size, designs.publisher(stage, size, counts["limit"]))
        limit = designs.limit(stage, size, counts["limit"])
        self._note("limit", size, limit)
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
            self.cpu["limit"].append(limit.cpu_per_100k)
            self.cpu["ours"].append(accepted.cpu_per_100k)

    def counts(self, size: int) -> dict[str, int]:
        # Fewer large ones would measure how long the last job is waited for.
        part = 1 if size == LARGE else self._part
        return {who: int(count * part) for who, count in COUNTS[size].items()}

    def _note(self, design: str, size: int, rate: designs.Rate) -> None:
        by_size = self.rates.setdefault(design, {})
        by_size.setdefault(size, []).append(rate.per_second)

    def ratios(self) -> dict[str, float]:
        def rate(design: str, size: int = HEADLINE) -> float:
            return statistics.median(self.rates[design][size])

        cpu = {who: statistics.median(figures) for who, figures in self.cpu.items()}
        return {
            "accepted_limit": rate("accepted") / rate("limit"),
            "stored_classic": rate("stored") / rate("classic"),
            "stored_64k_classic": rate("stored", LARGE) / rate("classic", LARGE),
            "handled_naive": rate("handled, single") / rate("naive"),
            "handled_batch_naive": rate("handled, batch") / rate("naive"),
            "listener_cpu": cpu["ours"] / cpu["limit"],
        }


def run(stage: Stage, scale: Scale) -> Found:
    """Messages a second of each design and payload; what a stored message costs."""
    measured = _Throughput(stage, scale.part)
    measured.warm_up()
    for round_ in range(scale.repeats):
        say("bench", f"round {round_ + 1} of {scale.repeats}")
        for size in SIZES:
            measured.round(size)
    cost = costs(stage, HEADLINE, measured.counts(HEADLINE)["ours"])
    sections = {
        "rates": {
            design: {
                str(size): round(statistics.median(rates), 1)
                for size, rates in by_size.items()
            }
            for design, by_size in measured.rates.items()
        },
        "cpu seconds per 100,000 messages": {
            who: round(statistics.median(seconds), 2)
            for who, seconds in measured.cpu.items()
        },
        "cost of a message": {what: round(figure, 4) for what, figure in cost.items()},
    }
    return Found(measured.ratios(), sections)
