"""What is measured beside throughput: latency, handlers, lists, memory, clean-up."""

import random
import statistics
import threading
import time

from ..process import wait_until
from .designs import WAITING, stored
from .stage import ITEMS, STEP, Database, Stage, memory

TICK = 0.0005  # seconds between two looks at a lone message
QUIET = 1.0  # seconds
PAGE = 80  # messages of a list's page
OLD_DAYS, KEPT_DAYS = 100, 30
IN_FLIGHT = 1500  # below the service's Receive Maximum
LAST_ROW = """
    SELECT COALESCE(max(sequence), 0) FROM mqtt_signal_history WHERE service_id = %s
"""
LAST_JOB = "SELECT count(*) FROM queue_job WHERE id > %s AND state = 'done'"


def latencies(stage: Stage, count: int) -> "tuple[list[float], list[float]]":
    """Milliseconds of lone messages, published until stored, and of lone jobs,
    enqueued until done, taking turns.
    """
    on = stage.empty
    messages, jobs = [], []
    for _ in range(count):
        _pause()
        last = on.one(LAST_ROW, on.service)
        publishing = stage.publish(f"{on.name}/stored", 60, 1)
        _watch(lambda last=last: on.one(LAST_ROW, on.service) > last)
        messages.append(1000 * (time.monotonic() - publishing.begin))
        _pause()
        last = on.one("SELECT COALESCE(max(id), 0) FROM queue_job")
        enqueued = on.call("mqtt.bench.item", "enqueue_nothing")
        _watch(lambda last=last: on.one(LAST_JOB, last))
        jobs.append(1000 * (time.time() - enqueued))
    return messages, jobs


def _pause() -> None:
    """All is quiet before a lone message, and nothing beats in time with it."""
    time.sleep(random.uniform(0.1, 0.2))


def _watch(seen) -> None:
    wait_until(seen, 60, "it does not come", TICK)


def loop(on: Database) -> float:
    """Calls a second of a handler's method, bare, in one transaction."""
    return ITEMS / on.call("mqtt.bench.item", "time_loop", on.service, "single", ITEMS)


def dispatch(on: Database) -> float:
    """Messages a second of the job that calls the handler, in one worker."""
    timed = on.call("mqtt.bench.item", "time_dispatch", on.service, "single", ITEMS)
    return ITEMS / timed


def page(on: Database) -> float:
    """Seconds until the list of messages has its first page, filtered by topic."""
    begin = time.perf_counter()
    on.call(
        "mqtt.signal.history",
        "web_search_read",
        domain=[("topic", "=", f"{on.name}/stored/7")],
        specification={
            "timestamp": {},
            "topic": {},
            "payload_preview": {},
            "qos": {},
            "state": {},
        },
        order="timestamp DESC, sequence DESC, id DESC",
        limit=PAGE,
        count_limit=10_001,
    )
    return time.perf_counter() - begin


def fill(on: Database, rows: int, topics: int, old: int = 0) -> None:
    """So many rows of history, the first of them older than the service keeps them.

    In SQL, for the sake of time; as ingest writes them, but for their sequences, which
    are below 0: those of the service's own messages begin at 1.
    """
    on.do(
        """
        INSERT INTO mqtt_signal_history (
            service_id, sequence, topic, payload, size, qos, retain, dup, direction,
            message_id, timestamp, has_handlers)
        SELECT %(service)s, number - %(rows)s, %(topic)s || number %% %(topics)s,
               '{"at": ' || 1700000000 + number || ', "values": [6000, 6001, 6002]}',
               54, 1, false, false, 'receive', number %% 65535 + 1,
               now() AT TIME ZONE 'utc' - make_interval(
                   days => CASE WHEN number <= %(old)s THEN %(old_days)s ELSE 1 END,
                   secs => (%(rows)s - number) / 1000.0), false
          FROM generate_series(1, %(rows)s) AS number
        """,
        service=on.service,
        topic=f"{on.name}/stored/",
        topics=topics,
        rows=rows,
        old=old,
        old_days=OLD_DAYS,
    )
    on.do("VACUUM ANALYZE mqtt_signal_history")


def clean_up(stage: Stage, size: int, count: int) -> "tuple[float, float]":
    """Rate of storing while old messages are removed, and how long that takes (s)."""
    on = stage.full
    on.call("mqtt.service", "write", [on.service], {"retention_days": KEPT_DAYS})

    def remove() -> None:
        while on.call("mqtt.bench.item", "clean_up"):
            pass

    begin = time.monotonic()
    remover = threading.Thread(target=remove, daemon=True)
    remover.start()
    rates = []
    while remover.is_alive():
        _accepted, rate = stored(on, stage, size, count)
        if remover.is_alive():
            rates.append(rate.per_second)
    return statistics.median(rates), time.monotonic() - begin


def memory_per_thousand(stage: Stage, size: int) -> float:
    """MiB that the listener's process takes for 1,000 messages which it has received
    and cannot commit: another transaction holds the row they need.

    To be measured before anything else: Python keeps what it once had.
    """
    on = stage.empty
    pid = on.listener_pid
    before = memory(pid)
    with stage.postgres.connect(on.name) as blocker:
        blocker.autocommit = False
        cursor = blocker.cursor()
        cursor.execute("SELECT FROM mqtt_connection FOR UPDATE")
        publishing = stage.publish(f"{on.name}/stored", size, IN_FLIGHT)
        publishing.join()
        peak = _settled(lambda: memory(pid))
    on.wait_none(WAITING)
    return 1000 * (peak - before) / IN_FLIGHT


def _settled(look) -> float:
    """A figure when it has not grown for a moment."""
    highest, since = look(), time.monotonic()
    while time.monotonic() - since < QUIET:
        time.sleep(STEP)
        now = look()
        if now > highest:
            highest, since = now, time.monotonic()
    return highest
