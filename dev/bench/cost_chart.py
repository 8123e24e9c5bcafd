# Copyright 2026 mqtt_listener contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""The chart of what a message costs against how many come."""

import math

from .svg import COLOURS, FAINT, WIDTH, line, svg, text

LEFT, RIGHT, TOP, HEIGHT = 70, 190, 60, 320
LOWEST, HIGHEST = 1, 100_000  # messages a second
LEAST, MOST = 0.01, 100  # milliseconds of processor time a message
#: design -> (name, colour, dashes)
CURVES = {
    "stored": ("this, stored", COLOURS["ours"], ""),
    "handled": ("this, handled", COLOURS["ours"], "6 4"),
    "classic": ("classic: in on_message", "#c77700", ""),
    "sidecar": ("sidecar: XML-RPC each", COLOURS["job"], ""),
    "naive": ("naive: a job each", "#a33", ""),
}


def cost_chart(found: dict) -> str:
    """Milliseconds of processor time a message by rate, both logarithmic; the last
    point of a design is its full speed.
    """
    parts = _grid()
    labels = []
    for design, (name, colour, dashes) in CURVES.items():
        points = sorted(
            (figures["messages a second"], figures["ms a message"])
            for figures in found["steady rates"].get(design, {}).values()
        )
        if not points:
            continue
        at = [(_x(rate), _y(ms)) for rate, ms in points]
        path = " ".join(f"{x:.1f},{y:.1f}" for x, y in at)
        parts.append(
            f'<polyline points="{path}" fill="none" stroke="{colour}" '
            f'stroke-width="2.5" stroke-dasharray="{dashes}"/>'
        )
        parts += [
            f'<circle cx="{x:.1f}" cy="{y:.1f}" r="4" fill="{colour}"/>' for x, y in at
        ]
        labels.append((at[-1][1], at[-1][0], name, colour))
    parts += _labels(labels)
    title = "Processor time a message, against messages a second (logarithmic)"
    return svg(TOP + HEIGHT + 34, title, found, parts)


def _labels(labels: list[tuple]) -> list[str]:
    """At the ends of the curves, none over another."""
    parts, lowest = [], 0.0
    for y, x, name, colour in sorted(labels):
        lowest = max(y + 4, lowest + 16)
        parts.append(text(x + 10, lowest, name, colour))
    return parts


def _grid() -> list[str]:
    parts = []
    right, bottom = WIDTH - RIGHT, TOP + HEIGHT
    for power in range(_power(LOWEST), _power(HIGHEST) + 1):
        x = _x(10**power)
        parts.append(line(x, TOP, x, bottom))
        parts.append(text(x, bottom + 18, f"{10**power:,}/s", FAINT, "middle"))
    for power in range(_power(LEAST), _power(MOST) + 1):
        y = _y(10.0**power)
        parts.append(line(LEFT, y, right, y))
        parts.append(text(LEFT - 8, y + 4, f"{10.0**power:g} ms", FAINT, "end"))
    return parts


def _power(value: float) -> int:
    return round(math.log10(value))


def _x(rate: float) -> float:
    part = math.log10(max(rate, LOWEST) / LOWEST) / math.log10(HIGHEST / LOWEST)
    return LEFT + (WIDTH - LEFT - RIGHT) * part


def _y(milliseconds: float) -> float:
    part = math.log10(max(milliseconds, LEAST) / LEAST) / math.log10(MOST / LEAST)
    return TOP + HEIGHT * (1 - part)
