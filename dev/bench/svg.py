# Copyright 2026 mqtt_listener contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""The pieces of a chart, as SVG."""

from html import escape

WIDTH = 760
TEXT, FAINT, GRID = "#333", "#777", "#ddd"
COLOURS = {"ours": "#714b67", "others": "#b8b0b5", "job": "#017e84"}


def svg(height: float, title: str, found: dict, parts: list[str]) -> str:
    """A whole chart, with the machine and the versions below it.

    :param height: of what is in it; ``parts`` are its elements.
    """
    versions = ", ".join(
        f"{name} {number}" for name, number in found["versions"].items()
    )
    lines = (found["machine"], f"{versions} · {found['date']}")
    footer = [
        text(16, height + 14 + 16 * number, words, FAINT, size=11)
        for number, words in enumerate(lines)
    ]
    whole = height + 44
    return "\n".join(
        (
            '<svg xmlns="http://www.w3.org/2000/svg" role="img" '
            f'viewBox="0 0 {WIDTH} {whole:.0f}" width="{WIDTH}" height="{whole:.0f}" '
            'font-family="Helvetica, Arial, sans-serif">',
            f"<title>{escape(title)}</title>",
            f'<rect width="{WIDTH}" height="{whole:.0f}" fill="#fff"/>',
            text(16, 28, title, size=16, weight="bold"),
            *parts,
            *footer,
            "</svg>\n",
        )
    )


def text(
    x: float,
    y: float,
    words: str,
    colour: str = TEXT,
    anchor: str = "start",
    size: int = 12,
    weight: str = "normal",
) -> str:
    """Words at a place; ``anchor`` is what of them is there."""
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" fill="{colour}" font-size="{size}" '
        f'text-anchor="{anchor}" font-weight="{weight}">{escape(words)}</text>'
    )


def line(x1: float, y1: float, x2: float, y2: float) -> str:
    """A line of the grid."""
    return (
        f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" '
        f'stroke="{GRID}"/>'
    )
