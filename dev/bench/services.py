# Copyright 2026 mqtt_listener contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""Many services of one node with little to do each."""

import time

from ..console import Problem, say
from . import steady
from .database import BATCHES, FAILED, ITEMS, OPEN
from .found import Found, Scale
from .processor import used
from .rates import idle
from .stage import Stage

SERVICES = 200  # with a message a second each
WARM_UP_SECONDS = 3
JOBS = "SELECT count(*) FROM queue_job WHERE id > %s"
NEWEST_JOB = "SELECT COALESCE(max(id), 0) FROM queue_job"
ALL_ENQUEUED = "SELECT sum(enqueued)::bigint FROM mqtt_connection"


def run(stage: Stage, scale: Scale) -> Found:
    """Jobs a second, and processor time of the whole stack."""
    on = stage.empty
    prefixes = [f"service{number}" for number in range(SERVICES)]
    say("bench", f"starting {SERVICES} services")
    begin = time.monotonic()
    with on.services(stage.broker, prefixes):
        started = time.monotonic() - begin
        resting = idle(stage, scale.rate_seconds / 2)
        _publish(stage, WARM_UP_SECONDS)
        before, first = used(stage), on.one(NEWEST_JOB)
        begin = time.monotonic()
        _publish(stage, 2 * scale.rate_seconds)
        seconds = time.monotonic() - begin
        cpu = used(stage).since(before)
        jobs = on.one(JOBS, first)
        begin = time.monotonic()
    stopped = time.monotonic() - begin
    if on.one(FAILED):
        raise Problem("a job has failed")
    ratios = {
        "services_200_jobs": jobs / seconds,
        "services_200_cpu": 100 * cpu.total / seconds,
    }
    details = {
        "seconds to create and start": round(started, 1),
        "seconds to stop": round(stopped, 1),
        "idle percent": round(100 * resting, 1),
        **{
            f"percent of {who}": round(100 * part / seconds, 1)
            for who, part in cpu.seconds.items()
        },
    }
    return Found(ratios, {"services": details})


def _publish(stage: Stage, seconds: float) -> None:
    """A message a second to each, until all is stored."""
    on, count = stage.empty, int(SERVICES * seconds)
    first = on.one(ALL_ENQUEUED)
    steady.publish(stage, _topic, count, SERVICES)
    on.wait(ALL_ENQUEUED, first + count)
    on.wait_none(BATCHES)
    on.wait_none(OPEN)


def _topic(number: int) -> str:
    return f"service{number % SERVICES}/stored/{number % ITEMS}"
