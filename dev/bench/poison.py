# Copyright 2026 mqtt_listener contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""A handler that always raises, and what waits for it once it works again."""

import time

from ..console import Problem, say
from . import designs, steady
from .database import BATCHES, OPEN, Database
from .found import Found, Scale
from .payloads import SIZES
from .processor import used
from .services import NEWEST_JOB
from .stage import Stage

RATE = 500  # messages a second
USUAL = 8000  # messages, whose rate is the handler's usual one
BY_METHOD = """
    SELECT method_name, count(*) FROM queue_job WHERE id > %s GROUP BY method_name
"""
STORING = "_job_ingest"  # jobs that there are without a handler, too
HELD = "SELECT COALESCE(sum(message_count), 0)::bigint FROM mqtt_dispatch"
DISPATCHING = """
    SELECT count(*) FROM queue_job
     WHERE method_name = '_job_dispatch' AND state NOT IN ('done', 'failed')
"""
OWN_JOBS = "method_name = '_job_handle' AND state IN ('pending', 'failed')"


def run(stage: Stage, scale: Scale) -> Found:
    """Its jobs, its processor time, and how fast it handles what has waited."""
    on = stage.empty
    count = int(USUAL * max(scale.part, 0.5))
    designs.handled(on, stage, "poison", SIZES[0], 1000)  # warm
    usual = designs.handled(on, stage, "poison", SIZES[0], count).per_second
    say("bench", f"{RATE} messages a second, stored only")
    without = _cpu(stage, "stored", scale.rate_seconds)
    say("bench", f"{RATE} messages a second, to a handler that raises")
    on.call("mqtt.bench.item", "poison", True)
    newest = on.one(NEWEST_JOB)
    cpu = _cpu(stage, "poison", scale.long_seconds)
    jobs = dict(on.rows(BY_METHOD, newest))
    on.call("mqtt.bench.item", "poison", False)
    held = on.one(HELD)
    resumed = _resume(on)
    ratios = {
        "poison_jobs": sum(jobs.values()) - jobs.get(STORING, 0),
        "poison_cpu": 100 * (cpu - without),
        "resumed_handled": resumed / usual,
    }
    details = {
        "percent of a core, stored only": round(100 * without, 1),
        "jobs by method": jobs,
        "messages that waited": held,
        "handled a second, usually": round(usual, 1),
        "handled a second, resumed": round(resumed, 1),
    }
    return Found(ratios, {"poison": details})


def _cpu(stage: Stage, kind: str, seconds: float) -> float:
    """Seconds of processor time a second, of the whole stack."""
    on, count = stage.empty, int(RATE * seconds)
    first, topic = on.enqueued, steady.topics_below(f"{on.prefix}/{kind}")
    before, begin = used(stage), time.monotonic()
    steady.publish(stage, topic, count, RATE)
    on.wait_enqueued(first + count)
    on.wait_none(BATCHES)
    return used(stage).since(before).total / (time.monotonic() - begin)


def _resume(on: Database) -> float:
    """Messages a second that are handled once an operator has resumed the handler.

    :raise Problem: when nothing waited, or something is left.
    """
    held = on.one(HELD)
    if not held:
        raise Problem("the handler was not suspended")
    begin = time.monotonic()
    on.call("mqtt.bench.item", "resume")
    on.wait_none(HELD)
    rate = held / (on.wait_none(DISPATCHING) - begin)
    # What has a job of its own comes last, or it would come in a quarter of an hour.
    jobs = [job for (job,) in on.rows(f"SELECT id FROM queue_job WHERE {OWN_JOBS}")]
    on.call("queue.job", "requeue", jobs)
    on.wait_none(OPEN)
    return rate
