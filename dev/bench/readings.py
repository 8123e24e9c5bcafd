# Copyright 2026 mqtt_listener contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""What readings cost: storing them, last values, charts, and months that go."""

import statistics
import time

from ..console import say
from . import designs
from .database import Database
from .found import Found, Scale
from .payloads import SIZES
from .stage import Stage
from .throughput import COUNTS

SIZE = SIZES[0]
METRICS = 3  # that are read from a message
DEVICES, PER_DEVICE = 10_000, 5  # whose last values are read
SERIES = 1_000  # beside the one that a chart shows
SERIES_METRICS = 5  # of each of their devices
REPEATS = 5
LAST_MONTH = "mqtt_reading_2001_01"
MEASURED = """
    INSERT INTO mqtt_reading_all
           (device_id, metric_id, time, arrival, number, quality, message_id)
    SELECT device.id, metric.id, time, time, sin(extract(epoch FROM time)), 'good', 1
      FROM mqtt_device AS device
      JOIN mqtt_metric AS metric ON metric.rule_id = device.rule_id,
           generate_series(now() AT TIME ZONE 'UTC' - interval '1 day',
                           now() AT TIME ZONE 'UTC', %(step)s::interval) AS time
     WHERE device.rule_id = %(rule)s
"""
HOURS = """
    INSERT INTO mqtt_rollup (device_id, metric_id, time, count, minimum, maximum, mean,
                weighted_mean, seconds, last)
    SELECT device.id, metric.id, hour, 60, 0, 2, 1, 1, 3600, 1
      FROM mqtt_device AS device
      JOIN mqtt_metric AS metric ON metric.rule_id = device.rule_id,
           generate_series(date_trunc('hour', now() AT TIME ZONE 'UTC')
                           - interval '366 days',
                           now() AT TIME ZONE 'UTC', '1 hour') AS hour
     WHERE device.rule_id = ANY(%(rules)s)
"""
MONTH = """
    CREATE TABLE {month} (LIKE mqtt_reading_all
        INCLUDING DEFAULTS INCLUDING CONSTRAINTS);
    ALTER TABLE mqtt_reading_all ATTACH PARTITION {month}
        FOR VALUES FROM ('2001-01-01') TO ('2001-02-01');
    INSERT INTO {month} (device_id, metric_id, time, arrival, number, quality,
                message_id)
    SELECT number %% 100, 1, '2001-01-01'::timestamp + number * interval '0.2 second',
           '2001-01-01', number, 'good', number
      FROM generate_series(1, %(rows)s) AS number
"""
DEVICES_SQL = """
    INSERT INTO mqtt_device (rule_id, service_id, key, name, active, accepted,
                last_seen)
    SELECT %(rule)s, %(service)s, number, number, TRUE, TRUE,
           now() AT TIME ZONE 'UTC'
      FROM generate_series(1, %(count)s) AS number
"""
LAST_VALUES = """
    INSERT INTO mqtt_device_value
           (device_id, metric_id, time, arrival, number, quality, message_id)
    SELECT device.id, metric.id, now(), now(), device.id, 'good', 1
      FROM mqtt_device AS device
      JOIN mqtt_metric AS metric ON metric.rule_id = device.rule_id
     WHERE device.rule_id = %(rule)s
"""
READ_LAST_VALUES = """
    SELECT device_id, metric_id, number
      FROM mqtt_device_value
     WHERE device_id IN (SELECT id FROM mqtt_device WHERE rule_id = %s)
"""


def run(stage: Stage, scale: Scale) -> Found:
    """Messages a second with and without readings; seconds of what people look at."""
    on = stage.empty
    stored, handled = _rates(stage, scale)
    last_values = _last_values(on)
    day, year = _charts(on)
    drop = _drop_month(on, 2 * scale.rows)
    ratios = {
        "readings_stored": handled / stored,
        "last_values_s": last_values,
        "graph_day_s": day,
        "graph_year_s": year,
        "drop_month_s": drop,
    }
    others = {"stored alone": stored, "stored with readings": handled}
    return Found(ratios, {"others": {key: round(one) for key, one in others.items()}})


def _new_rule(on: Database, name: str, metrics: int) -> int:
    return on.call(
        "mqtt.device.rule",
        "create",
        {
            "name": name,
            "pattern": f"+/{name}/{{device}}",
            "metric_ids": [
                (0, 0, {"name": f"Value {at}", "path": f"$.values[{at % METRICS}]"})
                for at in range(metrics)
            ],
        },
    )


def _rates(stage: Stage, scale: Scale) -> "tuple[float, float]":
    """Messages a second that are stored alone, and with three readings each."""
    on, count = stage.empty, int(COUNTS[SIZE]["ours"] * scale.part)
    _new_rule(on, "readings", METRICS)
    designs.handled(on, stage, "readings", SIZE, 1000)  # warm
    stored, handled = [], []
    for _ in range(scale.repeats):
        _accepted, rate = designs.stored(on, stage, SIZE, count)
        stored.append(rate.per_second)
        rate = designs.handled(on, stage, "readings", SIZE, count)
        handled.append(rate.per_second)
    return statistics.median(stored), statistics.median(handled)


def _last_values(on: Database) -> float:
    """Seconds for the last value of each metric of many devices."""
    rule = _new_rule(on, "last", PER_DEVICE)
    on.do(DEVICES_SQL, rule=rule, service=on.service, count=DEVICES)
    on.do(LAST_VALUES, rule=rule)
    on.do("VACUUM ANALYZE mqtt_device_value")
    on.do("VACUUM ANALYZE mqtt_device")
    return _median(lambda: on.rows(READ_LAST_VALUES, rule))


def _charts(on: Database) -> "tuple[float, float]":
    """Seconds for a metric with a reading a second, by minute over a day and by hour
    over a year, among 1,000 others.
    """
    say("bench", f"filling a day of readings and a year of hours of {SERIES:,} metrics")
    others, shown = _new_rule(on, "others", SERIES_METRICS), _new_rule(on, "shown", 1)
    on.do(DEVICES_SQL, rule=others, service=on.service, count=SERIES // SERIES_METRICS)
    on.do(DEVICES_SQL, rule=shown, service=on.service, count=1)
    on.call("ir.cron", "method_direct_trigger", _cron(on))
    on.do("SET session_replication_role = replica")  # no foreign keys: in half the time
    on.do(MEASURED, rule=others, step="1 minute")
    on.do(MEASURED, rule=shown, step="1 second")
    on.do(HOURS, rules=[others, shown])
    on.do("RESET session_replication_role")
    on.do("VACUUM ANALYZE mqtt_reading_all")
    on.do("VACUUM ANALYZE mqtt_rollup")
    device = on.one("SELECT id FROM mqtt_device WHERE rule_id = %s", shown)
    metric = on.one("SELECT id FROM mqtt_metric WHERE rule_id = %s", shown)

    def chart(span: str) -> float:
        timed = "mqtt.bench.item", "time_chart", device, metric, span
        return statistics.median(on.call(*timed) for _ in range(REPEATS))

    return chart("day"), chart("year")


def _cron(on: Database) -> list[int]:
    return [
        on.one(
            "SELECT res_id FROM ir_model_data WHERE name = 'cron_look_after_readings'"
        )
    ]


def _drop_month(on: Database, rows: int) -> float:
    """Seconds until a month is gone."""
    say("bench", f"filling a month with {rows:,} readings")
    on.do(MONTH.format(month=LAST_MONTH), rows=rows)
    begin = time.perf_counter()
    on.do(f"DROP TABLE {LAST_MONTH}")
    return time.perf_counter() - begin


def _median(work) -> float:
    seconds = []
    for _ in range(REPEATS):
        begin = time.perf_counter()
        work()
        seconds.append(time.perf_counter() - begin)
    return statistics.median(seconds)
