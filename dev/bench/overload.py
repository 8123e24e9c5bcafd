# Copyright 2026 mqtt_listener contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""Offered more than can be handled, and a backlog that piled up meanwhile."""

import time

from ..console import Problem, say
from . import steady
from .database import BATCHES, FAILED, OPEN
from .found import Found, Scale
from .one_core import NOTED, JobsWaiting
from .stage import Stage

FULL_RATE_MESSAGES = 20_000
BEHIND_SECONDS = 5  # that handlers may be behind when it is over
CHUNK_SECONDS = 2  # between two looks whether it is over
MOST_SECONDS = 240  # of waiting for that
BACKLOG = 100_000
NOTED_UNTIL = f"""
    SELECT count(*) FROM mqtt_bench_note
     WHERE {steady.COMMITTED} BETWEEN %s AND %s
"""


def run(stage: Stage, scale: Scale) -> Found:
    """Handled a second under overload, seconds until it is over, jobs of a backlog."""
    count = max(5000, int(FULL_RATE_MESSAGES * scale.part))
    _full_rate(stage, count // 4)  # warm
    full = _full_rate(stage, count)
    say("bench", f"handled {full:,.0f} a second; offering twice as much")
    found = _overload(stage, full, scale.overload_seconds)
    found.add(_backlog(stage, int(BACKLOG * min(1, 2 * scale.part))))
    return found


def _full_rate(stage: Stage, count: int) -> float:
    """Messages a second from the first that is published to the last that is noted."""
    on = stage.empty
    on.do("TRUNCATE mqtt_bench_note")
    sent = steady.publish(stage, _topic(stage), count, None)
    _wait_noted(stage, count)
    (last,) = on.row(f"SELECT max({steady.COMMITTED}) FROM mqtt_bench_note")
    return count / (last - sent[0])


def _overload(stage: Stage, full: float, seconds: float) -> Found:
    on, topic = stage.empty, _topic(stage)
    on.do("TRUNCATE mqtt_bench_note")
    with JobsWaiting(stage, on) as jobs:
        many = int(2 * full * seconds)
        sent = steady.publish(stage, topic, many, 2 * full, seconds=seconds)
        end, offered = time.time(), len(sent)
        while not _is_over(stage, sent):
            if time.time() > end + MOST_SECONDS:
                raise Problem(f"still behind {MOST_SECONDS} s after the overload")
            some = int(full / 2 * CHUNK_SECONDS)
            steady.publish(stage, topic, some, full / 2, sent)
        _wait_noted(stage, len(sent))
    meanwhile = on.one(NOTED_UNTIL, sent[0], end) / (end - sent[0])
    times = on.rows(steady.NOTED)
    late = [at for number, at in times if at - sent[number] > BEHIND_SECONDS]
    ratios = {
        "overload_handled": meanwhile / full,
        "overload_recovery_s": max([0.0, *(at - end for at in late)]),
    }
    details = {
        "full rate": round(full, 1),
        "offered a second": round(offered / (end - sent[0]), 1),
        "handled a second meanwhile": round(meanwhile, 1),
        "jobs waiting, at most": jobs.most,
        "least possible recovery s": round(
            _least_recovery(offered, end - sent[0], full), 1
        ),
    }
    return Found(ratios, {"overload": details})


def _least_recovery(offered: int, seconds: float, full: float) -> float:
    """Seconds of recovery of a design that handles at its full rate all the time.

    It handles what is left of the overload in ``left / full`` seconds, and messages
    that were published meanwhile at half the rate in half as many: it is as far behind
    as before, less by a second each second.
    """
    left = offered - full * seconds
    return max(0.0, 2 * left / full - BEHIND_SECONDS)


def _is_over(stage: Stage, sent: list[float]) -> bool:
    """Whether the oldest message that is not handled is young, or there is none."""
    handled = stage.empty.one(NOTED)
    return handled >= len(sent) or time.time() - sent[handled] < BEHIND_SECONDS


def _backlog(stage: Stage, count: int) -> Found:
    """Jobs that wait while so many messages do, because workers are stopped."""
    on = stage.empty
    on.do("TRUNCATE mqtt_bench_note")
    first = on.enqueued
    with JobsWaiting(stage, on) as jobs, stage.without_workers():
        steady.publish(stage, _topic(stage), count, None)
        on.wait_enqueued(first + count)
        time.sleep(2)  # in which jobs would be made
    begin = time.monotonic()
    _wait_noted(stage, count)
    seconds = time.monotonic() - begin
    details = {
        "backlog": count,
        "seconds until a backlog is handled": round(seconds, 1),
    }
    return Found({"backlog_jobs": jobs.most}, {"overload": details})


def _wait_noted(stage: Stage, count: int) -> None:
    on = stage.empty
    on.wait(NOTED, count, step=0.1)
    on.wait_none(BATCHES)
    on.wait_none(OPEN)
    if on.one(FAILED):
        raise Problem("a job has failed")


def _topic(stage: Stage):
    return steady.topics_below(f"{stage.empty.prefix}/noted")
