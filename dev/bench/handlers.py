# Copyright 2026 mqtt_listener contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""What dispatching adds to the calls of handlers, and what many handlers cost."""

import statistics

from ..console import say
from . import designs
from .database import ITEMS, Database
from .found import Found, Scale
from .payloads import SIZES
from .stage import Stage

FEW = 10
DECORATED = 5  # that the addon of the benchmark has


def run(stage: Stage, scale: Scale) -> Found:
    """Calls a second: bare in a loop, by a job, by a job with many handlers around."""
    say("bench", f"adding {scale.handlers:,} handlers")
    for on, count in ((stage.empty, FEW), (stage.many, scale.handlers)):
        on.call("mqtt.bench.item", "add_handlers", count - DECORATED)
        designs.handled(on, stage, "single", SIZES[0], ITEMS)
        _dispatch(on)  # warm
    figures: dict[str, list[float]] = {"loop": [], "few": [], "many": []}
    for _ in range(scale.repeats):
        figures["loop"].append(_loop(stage.empty))
        figures["few"].append(_dispatch(stage.empty))
        figures["many"].append(_dispatch(stage.many))
    rate = {what: statistics.median(rates) for what, rates in figures.items()}
    ratios = {
        "handled_loop": rate["few"] / rate["loop"],
        "dispatch_10k": rate["many"] / rate["few"],
    }
    names = {"loop": "loop", "few": "dispatch bench", "many": "dispatch bench_many"}
    others = {names[what]: round(figure, 1) for what, figure in rate.items()}
    return Found(ratios, {"others": others})


def _loop(on: Database) -> float:
    """Calls a second of a handler's method, bare, in one transaction."""
    return ITEMS / on.call("mqtt.bench.item", "time_loop", on.service, "single", ITEMS)


def _dispatch(on: Database) -> float:
    """Messages a second of the job that calls the handler, in one worker."""
    timed = on.call("mqtt.bench.item", "time_dispatch", on.service, "single", ITEMS)
    return ITEMS / timed
