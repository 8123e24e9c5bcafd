# Copyright 2026 mqtt_listener contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""Ten thousand failed messages, requeued by an operator in one go."""

import time

from ..console import Problem
from . import designs
from .database import FAILED, OPEN
from .found import Found, Scale
from .payloads import SIZES
from .services import JOBS, NEWEST_JOB
from .stage import Stage

MESSAGES = 10_000


def run(stage: Stage, _scale: Scale) -> Found:
    """Seconds until the operator can go on, and until all are handled."""
    on = stage.empty
    designs.handled(on, stage, "poison", SIZES[0], MESSAGES)
    failed = on.call("mqtt.bench.item", "fail", on.service, MESSAGES)
    if on.one(FAILED) != MESSAGES:
        raise Problem(f"{on.one(FAILED)} of {MESSAGES} messages have failed")
    newest = on.one(NEWEST_JOB)
    begin = time.monotonic()
    on.call("queue.job", "action_mqtt_requeue", failed)
    clicked = time.monotonic() - begin
    handled = on.wait_none(OPEN) - begin
    if on.one(FAILED):
        raise Problem(f"{on.one(FAILED)} messages have failed again")
    details = {
        "seconds until all are handled": round(handled, 1),
        "jobs added": on.one(JOBS, newest),
    }
    return Found({"requeue_10k_s": clicked}, {"requeue": details})
