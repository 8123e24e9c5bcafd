# Copyright 2026 mqtt_listener contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""How much a part measures, and what it has found."""

from dataclasses import dataclass, field

FULL_SPEED = 0  # a rate: as fast as it can


@dataclass(frozen=True)
class Scale:
    """How much of everything.

    :ivar repeats: of what is measured in turns, medians of which are shown.
    :ivar rows: of the full history.
    :ivar old: of them, that are removed.
    :ivar latencies: lone messages, and lone jobs.
    :ivar rates: messages a second of the steady rates, and ``FULL_SPEED``.
    :ivar rate_seconds: of what a steady rate is measured for.
    :ivar long_seconds: of what may pile up: one core, a handler that always raises.
    :ivar overload_seconds: of being offered twice the full rate.
    :ivar part: of the messages in a round at full speed.
    :ivar handlers: of the database with many.
    """

    repeats: int
    rows: int
    old: int
    latencies: int
    rates: tuple[int, ...]
    rate_seconds: float
    long_seconds: float
    overload_seconds: float
    part: float
    handlers: int


FULL = Scale(
    repeats=3,
    rows=5_000_000,
    old=200_000,
    latencies=150,
    rates=(1, 10, 100, 1000, FULL_SPEED),
    rate_seconds=8,
    long_seconds=120,
    overload_seconds=60,
    part=1,
    handlers=10_000,
)
QUICK = Scale(
    repeats=1,
    rows=500_000,
    old=50_000,
    latencies=15,
    rates=(10, 100),
    rate_seconds=6,
    long_seconds=8,
    overload_seconds=5,
    part=0.25,
    handlers=2_000,
)


@dataclass
class Found:
    """What parts have measured.

    :ivar ratios: the figures of the table, by their keys.
    :ivar sections: further sections of ``results.json``: by name, figures by name.
    """

    ratios: dict[str, float] = field(default_factory=dict)
    sections: dict[str, dict] = field(default_factory=dict)

    def add(self, other: "Found") -> None:
        """Take in what another part has measured."""
        self.ratios |= other.ratios
        for name, figures in other.sections.items():
            self.sections[name] = self.sections.get(name, {}) | figures


def quantile(ordered: list[float], part: float) -> float:
    """The figure below which this part of the figures is."""
    return ordered[min(len(ordered) - 1, int(part * len(ordered)))]
