# Copyright 2026 mqtt_listener contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""What a full history costs: storing, lists, states, removing what is old."""

import statistics
import threading
import time
import xmlrpc.client

from ..console import Problem, say
from . import designs
from .database import ITEMS, Database
from .fill import fill, with_open_messages
from .found import Found, Scale
from .payloads import SIZES
from .stage import Stage
from .throughput import COUNTS

SIZE = SIZES[0]
SMALL_LIST = 1000  # rows
PAGE = 80  # messages of a list's page
KEPT_DAYS = 30
STATES = ("stored", "queued", "retrying", "failed", "cancelled", "done")
MOST_SECONDS = 15  # after which a query ends that takes too long
CANCEL = """
    SELECT pg_cancel_backend(pid) FROM pg_stat_activity
     WHERE datname = current_database() AND pid <> pg_backend_pid()
       AND state = 'active' AND query LIKE '%mqtt_signal_history%'
"""
COLUMNS = {"timestamp": {}, "topic": {}, "payload_preview": {}, "qos": {}, "state": {}}


def run(stage: Stage, scale: Scale) -> Found:
    """The full history beside an empty one, in turns."""
    empty, full = stage.empty, stage.full
    count = int(COUNTS[SIZE]["ours"] * scale.part)
    empty.do("TRUNCATE mqtt_signal_history CASCADE")
    say("bench", f"filling a history with {scale.rows:,} rows")
    fill(full, scale.rows, ITEMS, scale.old)
    fill(empty, SMALL_LIST, SMALL_LIST // 100)  # pages are full too
    pages = {on.name: [_page(on, _topic(on)) for _ in range(9)] for on in (empty, full)}
    states, grouped = _states(full)
    rates: dict[str, list[float]] = {empty.name: [], full.name: []}
    designs.stored(full, stage, SIZE, 1000)  # warm
    for _ in range(scale.repeats):
        empty.do("TRUNCATE mqtt_signal_history CASCADE")
        for on in (empty, full):
            _accepted, rate = designs.stored(on, stage, SIZE, count)
            rates[on.name].append(rate.per_second)
    say("bench", f"removing {scale.old:,} old messages")
    removing, seconds = _remove(stage, count)
    page = {name: statistics.median(figures) for name, figures in pages.items()}
    rate = {name: statistics.median(figures) for name, figures in rates.items()}
    ratios = {
        "stored_5m": rate[full.name] / rate[empty.name],
        "list_5m": page[full.name] / page[empty.name],
        "state_page_5m_s": max(states.values()),
        "state_group_5m_s": grouped,
        "cleanup_stored": removing / rate[full.name],
    }
    others = {
        **{f"page {name}": figure for name, figure in page.items()},
        **{f"page of {state}": figure for state, figure in states.items()},
        **{f"stored {name}": figure for name, figure in rate.items()},
        "stored while removing": removing,
        "seconds of removing": seconds,
    }
    others = {what: round(figure, 4) for what, figure in others.items()}
    return Found(ratios, {"others": others})


def _topic(on: Database) -> list:
    return [("topic", "=", f"{on.name}/stored/7")]


def _page(on: Database, domain: list) -> float:
    """Seconds until the list of messages has its first page."""
    return _seconds(
        on,
        "web_search_read",
        domain=domain,
        specification=COLUMNS,
        order="timestamp DESC, sequence DESC, id DESC",
        limit=PAGE,
        count_limit=10_001,
    )


def _seconds(on: Database, method: str, **arguments: object) -> float:
    """Seconds that a person's browser waits for messages, or after which it gave up.

    :raise Problem: when it was refused.
    """
    ended = threading.Event()
    limit = threading.Thread(target=_cancel_queries, args=(on, ended), daemon=True)
    limit.start()
    begin = time.perf_counter()
    try:
        on.call("mqtt.signal.history", method, **arguments)
    except xmlrpc.client.Fault as fault:
        if time.perf_counter() < begin + MOST_SECONDS:
            raise Problem(fault.faultString.strip().splitlines()[-1]) from fault
    finally:
        ended.set()
        limit.join()
    return time.perf_counter() - begin


def _cancel_queries(on: Database, ended: threading.Event) -> None:
    wait = MOST_SECONDS
    while not ended.wait(wait):
        on.do(CANCEL)
        wait = 1


def _states(on: Database) -> "tuple[dict[str, float], float]":
    """Seconds for the first page of each state, and for messages grouped by state."""
    with with_open_messages(on):
        pages = {state: _page(on, [("state", "=", state)]) for state in STATES}
        grouped = {"groupby": ["state"], "aggregates": ["__count"]}
        return pages, _seconds(on, "web_read_group", domain=[], **grouped)


def _remove(stage: Stage, count: int) -> "tuple[float, float]":
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
        _accepted, rate = designs.stored(on, stage, SIZE, count)
        if remover.is_alive() or not rates:
            rates.append(rate.per_second)
    return statistics.median(rates), time.monotonic() - begin
