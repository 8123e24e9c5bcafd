# Copyright 2026 mqtt_listener contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""A history that is full, with messages in all states."""

from collections.abc import Iterator
from contextlib import contextmanager

from .database import Database

OLD_DAYS = 100  # the age of the first messages
ROWS = """
    INSERT INTO mqtt_signal_history (
        service_id, sequence, topic, payload, size, qos, retain, dup, direction,
        message_id, timestamp, has_handlers, cancel_reason)
    SELECT %(service)s, number - %(rows)s, %(topic)s || number %% %(topics)s,
           '{"at": ' || 1700000000 + number || ', "values": [6000, 6001, 6002]}',
           54, 1, false, false, 'receive', number %% 65535 + 1,
           now() AT TIME ZONE 'utc' - make_interval(
               days => CASE WHEN number <= %(old)s THEN %(old_days)s ELSE 1 END,
               secs => (%(rows)s - number) / 1000.0),
           number %% 2 = 0,
           CASE WHEN number %% 5000 = 0 THEN 'Cancelled by a person' END
      FROM generate_series(1, %(rows)s) AS number
"""
# Open messages are the oldest but for those that are to be removed: a search for them
# that walks through history finds them last.
SUSPEND = """
    UPDATE mqtt_handler SET suspended_since = now(), suspension_told = true,
           next_probe = now() + interval '1 day'
     WHERE pattern = '+/poison/{key}'
"""
WAITING = """
    INSERT INTO mqtt_dispatch (service_id, channel, priority, first_sequence,
           last_sequence, message_count, handlers, handler_id)
    SELECT %(service)s, handler.channel, handler.priority, first, first + 999, 1000,
           to_jsonb(ARRAY[handler.id]), handler.id
      FROM mqtt_handler AS handler,
           generate_series(%(first)s, %(first)s + 99000, 1000) AS first
     WHERE pattern = '+/poison/{key}'
"""
JOBS = """
    INSERT INTO queue_job (uuid, name, state, retry, max_retries, eta, date_created,
           model_name, method_name, mqtt_service_id, mqtt_handler_id, mqtt_message_id)
    SELECT gen_random_uuid()::text, 'benchmark', open.state, open.retry, 5,
           now() + interval '1 day', now(), 'mqtt.signal.history', '_job_handle',
           %(service)s, handler.id, message.id
      FROM mqtt_handler AS handler, mqtt_signal_history AS message,
           (VALUES (0, 'failed', 5), (1, 'pending', 1)) AS open (part, state, retry)
     WHERE pattern = '+/poison/{key}' AND message.service_id = %(service)s
       AND message.sequence >= %(first)s + 100000
       AND message.sequence < %(first)s + 102000
       AND message.has_handlers AND abs(message.sequence / 2) %% 2 = open.part
"""
WELL = """
    DELETE FROM queue_job WHERE name = 'benchmark';
    DELETE FROM mqtt_dispatch WHERE handler_id IS NOT NULL;
    UPDATE mqtt_handler SET suspended_since = NULL, suspension_told = false,
           next_probe = NULL
     WHERE suspended_since IS NOT NULL
"""


INDEXES = """
    SELECT indexname, indexdef FROM pg_indexes
     WHERE tablename = 'mqtt_signal_history' AND indexname <> 'mqtt_signal_history_pkey'
"""


def fill(on: Database, rows: int, topics: int, old: int = 0) -> None:
    """So many rows of history, the first of them older than the service keeps them;
    every other one has been handled, one in 5,000 cancelled.

    In SQL, for the sake of time; as ingest writes them, but for their sequences, which
    are up to 0: those of the service's own messages begin at 1.
    """
    with _unchecked(on):
        on.do(
            ROWS,
            service=on.service,
            topic=f"{on.name}/stored/",
            topics=topics,
            rows=rows,
            old=old,
            old_days=OLD_DAYS,
        )
    on.do("VACUUM ANALYZE mqtt_signal_history")


@contextmanager
def _unchecked(on: Database) -> Iterator[None]:
    """Without foreign keys and indexes, which are made in the end: in half the time."""
    indexes = on.rows(INDEXES)
    on.do("SET session_replication_role = replica")
    for name, _definition in indexes:
        on.do(f'DROP INDEX "{name}"')
    yield
    for _name, definition in indexes:
        on.do(definition)
    on.do("RESET session_replication_role")


@contextmanager
def with_open_messages(on: Database) -> Iterator[None]:
    """A suspended handler for which 100,000 messages wait, 500 that have failed and 500
    that are retried; in the end nothing is open.
    """
    first = on.one("SELECT min(sequence) FROM mqtt_signal_history") + on.one(
        "SELECT count(*) FROM mqtt_signal_history"
        " WHERE timestamp < now() AT TIME ZONE 'utc' - interval '30 days'"
    )
    on.do(SUSPEND)
    for sql in (WAITING, JOBS):
        on.do(sql, service=on.service, first=first)
    on.do("ANALYZE queue_job; ANALYZE mqtt_dispatch")
    try:
        yield
    finally:
        on.do(WELL)
