# Copyright 2026 mqtt_listener contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""Small windows: a broker that has few messages in flight at a time."""

import json
import statistics
import subprocess
import sys

from ..console import say
from . import designs
from .found import Found, Scale
from .goals import WINDOWS
from .payloads import SIZES
from .stage import Stage

SIZE = SIZES[0]
#: messages in a round, to last a second or two each: ours, and a commit per window
COUNTS = {
    1: (200, 1500),
    10: (1500, 6000),
    20: (3000, 10_000),
    100: (10_000, 20_000),
    2000: (30_000, 30_000),
}


def run(stage: Stage, scale: Scale) -> Found:
    """Messages a second that are durable, with each window, and that one commit per
    window allows.
    """
    ratios, figures = {}, {}
    for window in WINDOWS:
        prefix = f"window{window}"
        ours, limit = (max(window, int(n * scale.part)) for n in COUNTS[window])
        accepted, allowed = [], []
        with stage.empty.another_service(
            stage.broker, prefix, receive_maximum=window
        ) as on:
            designs.stored(on, stage, SIZE, max(10, ours // 10))  # warm
            for _ in range(scale.repeats):
                rate, _stored = designs.stored(on, stage, SIZE, ours)
                accepted.append(rate.per_second)
                allowed.append(_limit(stage, window, limit))
        rates = statistics.median(accepted), statistics.median(allowed)
        ratios[f"window_{window}"] = rates[0] / rates[1]
        figures[str(window)] = {
            "accepted": round(rates[0], 1),
            "a commit per window": round(rates[1], 1),
        }
        say("bench", f"window {window}: {rates[0]:,.0f} of {rates[1]:,.0f} a second")
    return Found(ratios, {"windows": figures})


def _limit(stage: Stage, window: int, count: int) -> float:
    """Messages a second of :mod:`.window_limit`."""
    reach = stage.postgres.parameters() | {"dbname": stage.empty.name}
    command = [sys.executable, "-m", "dev.bench.window_limit", stage.broker.host]
    command += [str(stage.broker.port), str(window), str(count)]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        print(json.dumps(reach), file=process.stdin, flush=True)
        process.stdout.readline()
        publishing = stage.publish("window_limit/stored", SIZE, count)
        end = json.loads(process.stdout.readline())["end"]
    publishing.join()
    return count / (end - publishing.begin)
