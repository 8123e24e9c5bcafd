# Copyright 2026 mqtt_listener contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""``make stop``: stop what runs for this checkout."""

from .console import run, say
from .stack import Stack


def main() -> None:
    Stack().stop()
    say("stopped", "nothing of this checkout runs")


if __name__ == "__main__":
    run(main)
