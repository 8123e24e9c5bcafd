# Copyright 2026 mqtt_listener contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""A steady stream of numbered messages, and how long each took.

Delays need no polling, which would cost the server what is being measured: PostgreSQL
records when each transaction was committed (``track_commit_timestamp``), and a row's
``xmin`` names the transaction that inserted it.
"""

import time
from collections.abc import Callable

from .database import ITEMS, Database
from .stage import Stage

SIZE = 100  # bytes of a payload
BLOCKS = 100  # a second, at most
COMMITTED = "extract(epoch FROM pg_xact_commit_timestamp(xmin))::float"
STORED = f"""
    SELECT sequence - %s - 1, {COMMITTED} FROM mqtt_signal_history
     WHERE sequence > %s AND service_id = %s AND direction = 'receive'
"""
NOTED = f"SELECT number, {COMMITTED} FROM mqtt_bench_note"


def topics_below(topic: str) -> Callable[[int], str]:
    """The topics of a thousand items: ``topic/<key>``."""
    return lambda number: f"{topic}/{number % ITEMS}"


def publish(
    stage: Stage,
    topic: Callable[[int], str],
    count: int,
    rate: "float | None",
    sent: "list[float] | None" = None,
    seconds: "float | None" = None,
) -> list[float]:
    """Publish messages whose payloads have their number, from 0 on.

    :param topic: of a number.
    :param rate: messages a second; as fast as the broker takes them without.
    :param sent: of messages before, whose numbers these go on with.
    :param seconds: after which it ends with fewer.
    :return: when each message was handed over, in seconds since 1970.
    """
    sent = [] if sent is None else sent
    begin = stage.publisher.sent - len(sent)

    def message(number: int) -> tuple[bytes, bytes]:
        number -= begin
        sent.append(time.time())
        payload = b'{"n": %d, "values": "' % number
        payload += b"x" * (SIZE - len(payload) - 2) + b'"}'
        return topic(number).encode(), payload

    stage.publisher.message = message
    block = max(1, int(rate) // BLOCKS) if rate else BLOCKS
    stage.publisher.publish(count, rate, seconds, block)
    return sent


def delays_stored(on: Database, first: int, sent: list[float]) -> list[float]:
    """Seconds from publishing to the commit of each message, in ascending order.

    :param first: sequence of the last message before.
    """
    return _delays(on.rows(STORED, first, first, on.service), sent)


def delays_noted(on: Database, sent: list[float]) -> list[float]:
    """Seconds from publishing to the commit of what the handler noted, ascending."""
    return _delays(on.rows(NOTED), sent)


def _delays(rows: list[tuple], sent: list[float]) -> list[float]:
    return sorted(committed - sent[number] for number, committed in rows)
