# Copyright 2026 mqtt_listener contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""What each design makes of the same stream: messages a second."""

import json
import subprocess
import sys
import time
from dataclasses import dataclass

from ..console import Problem
from .database import BATCHES, FAILED, OPEN, Database
from .stage import Stage, cpu_seconds

CLASSIC = "SELECT count(*) FROM mqtt_bench_message"
HISTORY = """
    SELECT count(*) FROM mqtt_signal_history WHERE sequence > %s AND service_id = %s
"""


@dataclass(frozen=True)
class Rate:
    """How fast, and what it took of the receiving process's processor time."""

    per_second: float
    cpu_per_100k: float = 0.0


def publisher(stage: Stage, size: int, count: int) -> Rate:
    """What the broker takes of the publisher when nobody has subscribed: how far it is
    from being the bottleneck.
    """
    publishing = stage.publish("nobody/stored", size, count)
    publishing.join()
    return Rate(count / (time.monotonic() - publishing.begin))


def limit(stage: Stage, size: int, count: int) -> Rate:
    """Paho alone, see :mod:`.limit`."""
    host, port = stage.broker.host, stage.broker.port
    command = [sys.executable, "-m", "dev.bench.limit", host, str(port), str(count)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        process.stdout.readline()
        publishing = stage.publish("limit/stored", size, count)
        result = json.loads(process.stdout.readline())
    publishing.join()
    seconds = result["end"] - publishing.begin
    return Rate(count / seconds, result["cpu"] * 100_000 / count)


def classic(stage: Stage, size: int, count: int) -> Rate:
    """A record created and committed for each message, in a listener thread."""
    stage.empty.do("TRUNCATE mqtt_bench_message")
    listen(stage, "classic", count)
    publishing = stage.publish("classic/stored", size, count)
    end = stage.empty.wait(CLASSIC, count)
    return Rate(count / (end - publishing.begin))


def naive(stage: Stage, size: int, count: int) -> Rate:
    """A job for each message, which stores and handles it."""
    stage.empty.do("TRUNCATE mqtt_bench_message")
    listen(stage, "naive", count)
    publishing = stage.publish("naive/single", size, count)
    stage.empty.wait(CLASSIC, count)
    return Rate(count / (stage.empty.wait_none(OPEN) - publishing.begin))


def listen(stage: Stage, design: str, count: int) -> None:
    """Have a listener thread of another design receive so many messages."""
    broker = stage.broker
    listen = design, broker.host, broker.port, count
    stage.empty.call("mqtt.bench.message", "listen", *listen)


def stored(on: Database, stage: Stage, size: int, count: int) -> "tuple[Rate, Rate]":
    """Ours: accepted (durably enqueued), and stored (visible in history)."""
    sequence = on.enqueued
    pid = on.listener_pid
    cpu = cpu_seconds(pid)
    publishing = stage.publish(f"{on.prefix}/stored", size, count)
    accepted = on.wait_enqueued(sequence + count)
    cpu = cpu_seconds(pid) - cpu
    end = on.wait_none(BATCHES)
    _check(on, sequence, count)
    return (
        Rate(count / (accepted - publishing.begin), cpu * 100_000 / count),
        Rate(count / (end - publishing.begin)),
    )


def handled(on: Database, stage: Stage, kind: str, size: int, count: int) -> Rate:
    """Ours, with a handler for each message: its effects are committed.

    :param kind: of topics: ``single``, ``batch`` or ``poison``.
    """
    sequence = on.enqueued
    publishing = stage.publish(f"{on.prefix}/{kind}", size, count)
    on.wait_enqueued(sequence + count)
    on.wait_none(BATCHES)
    rate = Rate(count / (on.wait_none(OPEN) - publishing.begin))
    _check(on, sequence, count)
    return rate


def _check(on: Database, sequence: int, count: int) -> None:
    """All is there, nothing has failed: else a rate means nothing."""
    on.wait_none(OPEN)
    if on.one(HISTORY, sequence, on.service) != count or on.one(FAILED):
        raise Problem(f"{on.name}: not all is stored and handled")
