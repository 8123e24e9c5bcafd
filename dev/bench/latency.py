# Copyright 2026 mqtt_listener contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""Lone messages, urgent messages of a steady stream, and lone jobs beside them."""

import itertools
import random
import time

from ..process import wait_until
from . import steady
from .database import BATCHES, OPEN, Database
from .found import Found, Scale, quantile
from .stage import Stage

TICK = 0.0005  # seconds between two looks at a lone message
URGENT_RATE = 100  # messages a second
WARM_UP = 100  # messages
LAST_ROW = """
    SELECT COALESCE(max(sequence), 0) FROM mqtt_signal_history WHERE service_id = %s
"""
LAST_JOB = "SELECT count(*) FROM queue_job WHERE id > %s AND state = 'done'"


def run(stage: Stage, scale: Scale) -> Found:
    """Milliseconds: of messages from published to stored, of jobs from enqueued to
    done.
    """
    _lone(stage, 6)  # warm
    messages, jobs = _lone(stage, scale.latencies)
    urgent = _urgent(stage, scale.rate_seconds)
    ratios = {
        f"{key}_{name}": quantile(figures, part) / quantile(jobs, part)
        for key, figures in (("latency", messages), ("urgent", urgent))
        for name, part in (("p50", 0.5), ("p99", 0.99))
    }
    of = (("message", messages), ("job", jobs), ("urgent", urgent))
    curves = {
        who: [round(quantile(figures, p / 100), 1) for p in range(100)]
        for who, figures in of
    }
    return Found(ratios, {"latency ms": curves})  # from p0 to p99


def _lone(stage: Stage, count: int) -> "tuple[list[float], list[float]]":
    """Of lone messages and of lone jobs, taking turns; in ascending order.

    The databases take turns, too: a listener paces what one of them gets each second.
    """
    databases = itertools.cycle((stage.empty, stage.full, stage.many))
    messages, jobs = [], []
    for on in itertools.islice(databases, count):
        _pause()
        messages.append(_message(stage, on))
        _pause()
        jobs.append(_job(on))
    return sorted(messages), sorted(jobs)


def _message(stage: Stage, on: Database) -> float:
    last = on.one(LAST_ROW, on.service)
    publishing = stage.publish(f"{on.prefix}/stored", 60, 1)
    _watch(lambda: on.one(LAST_ROW, on.service) > last)
    return 1000 * (time.monotonic() - publishing.begin)


def _job(on: Database) -> float:
    last = on.one("SELECT COALESCE(max(id), 0) FROM queue_job")
    enqueued = on.call("mqtt.bench.item", "enqueue_nothing")
    _watch(lambda: on.one(LAST_JOB, last))
    return 1000 * (time.time() - enqueued)


def _pause() -> None:
    """All is quiet before a lone message, and nothing beats in time with it."""
    time.sleep(random.uniform(0.2, 0.3))


def _watch(seen) -> None:
    wait_until(seen, 60, "it does not come", TICK)


def _urgent(stage: Stage, seconds: float) -> list[float]:
    """Of a subscription with *Deliver at Once*, in ascending order."""
    with stage.empty.another_service(stage.broker, "urgent", at_once=True) as on:
        topic = steady.topics_below(f"{on.prefix}/stored")
        for count in (WARM_UP, int(URGENT_RATE * seconds)):
            first = on.enqueued
            sent = steady.publish(stage, topic, count, URGENT_RATE)
            on.wait_enqueued(first + count)
            on.wait_none(BATCHES)
            on.wait_none(OPEN)
        return [1000 * delay for delay in steady.delays_stored(on, first, sent)]
