# Copyright 2026 mqtt_listener contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""What a mapping costs beside the same batch handler in Python."""

import statistics

from . import designs
from .database import ITEMS
from .found import Found, Scale
from .payloads import SIZES
from .stage import Stage

UNCHANGED = 100_000  # messages that change nothing


def run(stage: Stage, scale: Scale) -> Found:
    """Messages a second of a job in one worker: by Python, by a mapping, in turns; then
    by the mapping where nothing is left to write.
    """
    on = stage.empty
    on.call("mqtt.bench.item", "add_mapping")
    designs.handled(on, stage, "mapped", SIZES[0], ITEMS)
    figures: dict[str, list[float]] = {"python": [], "mapping": []}
    seconds, writes = 0.0, 0
    for number in range(max(UNCHANGED // ITEMS, scale.repeats)):
        timed, again, written = on.call(
            "mqtt.bench.item", "time_mapping", on.service, ITEMS
        )
        seconds, writes = seconds + again, writes + written
        if number < scale.repeats * 3:
            figures["mapping"].append(ITEMS / timed)
            python = on.call(
                "mqtt.bench.item", "time_dispatch", on.service, "mapped", ITEMS
            )
            figures["python"].append(ITEMS / python)
    rate = {what: statistics.median(rates) for what, rates in figures.items()}
    ratios = {
        "mapping_batch": rate["mapping"] / rate["python"],
        "mapping_unchanged": UNCHANGED / seconds,
        "mapping_unchanged_writes": float(writes),
    }
    others = {f"mapped by {what}": round(figure, 1) for what, figure in rate.items()}
    return Found(ratios, {"others": others})
