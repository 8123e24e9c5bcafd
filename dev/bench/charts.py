# Copyright 2026 mqtt_listener contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""The charts that docs/benchmarks.md shows, as SVG."""

import math

from .svg import COLOURS, FAINT, WIDTH, line, svg, text

LEFT, RIGHT = 150, 70
OURS = ("accepted", "stored", "handled, single", "handled, batch")
SIZE_NAMES = {"60": "60 B", "1024": "1 KiB", "65536": "64 KiB"}
BAR, GAP = 16, 5


def throughput_chart(found: dict) -> str:
    """Messages a second by design and payload, on a logarithmic scale."""
    rates = found["rates"]
    sizes = list(next(iter(rates.values())))
    lowest = 10
    highest = 10 ** math.ceil(math.log10(max(max(r.values()) for r in rates.values())))
    plot = WIDTH - LEFT - RIGHT

    def x(rate: float) -> float:
        span = math.log10(highest / lowest)
        return LEFT + plot * math.log10(max(rate, lowest) / lowest) / span

    parts, y = [], 64
    for size in sizes:
        parts.append(text(LEFT, y, f"payload {SIZE_NAMES[size]}", weight="bold"))
        y += 10
        for design, by_size in rates.items():
            rate = by_size[size]
            colour = COLOURS["ours" if design in OURS else "others"]
            name = f"ours: {design}" if design in OURS else design
            middle = y + BAR * 0.75
            parts.append(text(LEFT - 8, middle, name, anchor="end"))
            parts.append(
                f'<rect x="{LEFT}" y="{y}" width="{x(rate) - LEFT:.1f}" '
                f'height="{BAR}" fill="{colour}"/>'
            )
            parts.append(text(x(rate) + 6, middle, f"{rate:,.0f}"))
            y += BAR + GAP
        y += 26
    grid = []
    for power in range(int(math.log10(lowest)), int(math.log10(highest)) + 1):
        at = x(10**power)
        grid.append(line(at, 48, at, y - 22))
        grid.append(text(at, y - 8, f"{10**power:,}", FAINT, "middle"))
    title = "Messages a second, by design (logarithmic)"
    return svg(y + 8, title, found, [*grid, *parts])


def latency_chart(found: dict) -> str:
    """Which part of lone messages, and of lone jobs, took how long."""
    top, height, bottom = 96, 240, 382
    messages, jobs = (found["latency ms"][who] for who in ("message", "job"))
    highest = 10 * math.ceil(1.1 * max(messages[-1], jobs[-1]) / 10)
    plot = WIDTH - LEFT - RIGHT

    def x(milliseconds: float) -> float:
        return LEFT + plot * min(milliseconds, highest) / highest

    def y(part: float) -> float:
        return top + height * (1 - part)

    parts = []
    for part in (0, 0.25, 0.5, 0.75, 0.99):
        parts.append(line(LEFT, y(part), LEFT + plot, y(part)))
        parts.append(text(LEFT - 8, y(part) + 4, f"{part:.0%}", FAINT, "end"))
    for tenth in range(0, 11, 2):
        label = f"{highest * tenth / 10:g} ms"
        at = x(highest * tenth / 10)
        parts.append(text(at, top + height + 20, label, FAINT, "middle"))
    curves = (
        (messages, COLOURS["ours"], "a message: published → stored"),
        (jobs, COLOURS["job"], "queue_job alone: enqueued → done"),
    )
    for number, (figures, colour, name) in enumerate(curves):
        points = " ".join(
            f"{x(figure):.1f},{y(percent / 100):.1f}"
            for percent, figure in enumerate(figures)
        )
        parts.append(
            f'<polyline points="{points}" fill="none" stroke="{colour}" '
            f'stroke-width="2.5"/>'
        )
        percentiles = ", ".join(f"p{p} {figures[p]:.0f} ms" for p in (50, 99))
        parts.append(
            text(
                LEFT,
                52 + 18 * number,
                f"{name}, {percentiles}",
                colour,
            )
        )
    title = "A lone message, and a lone queue job: which part within which time"
    return svg(bottom, title, found, parts)
