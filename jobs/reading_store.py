# Copyright 2026 mqtt_listener contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""Store readings: one statement for any number of them, which can run twice."""

from __future__ import annotations

from datetime import date, datetime
from typing import NamedTuple

from odoo import models

from ..mqtt.reading import CLOCK, GOOD, LATE, RETAINED


class Reading(NamedTuple):
    """A row of ``mqtt.reading``.

    :param is_timed: whether the device has said when, for a retained one.
    """

    device_id: int
    metric_id: int
    time: datetime
    arrival: datetime
    number: float | None
    text: str | None
    quality: str
    message_id: int
    is_timed: bool = False


class MqttReading(models.Model):
    _inherit = "mqtt.reading"

    def _store(self, rows: list[Reading]) -> None:
        """Store readings, note the hours they touch, and keep the newest of each.

        What was stored before is left out; so is a retained value where something as
        new is known.
        """
        if any(row.quality == RETAINED for row in rows):
            rows = self._without_old_news(rows)
        if not rows:
            return
        self._make_months({date(row.time.year, row.time.month, 1) for row in rows})
        # No ORM equivalent: one statement for all, which a second run changes nothing
        # by. A column is one parameter, an array: values take longer to quote and to
        # parse than to store.
        columns = list(zip(*rows, strict=True))[: len(COLUMNS)]
        self.env.cr.execute(
            STORE, dict(zip(COLUMNS, map(_array, columns), strict=True))
        )
        self.invalidate_model(flush=False)
        self.env["mqtt.device.value"].invalidate_model(flush=False)

    def _without_old_news(self, rows: list[Reading]) -> list[Reading]:
        """The same without the retained values that something is as new as: a last
        value that is known, or a reading before them.
        """
        retained = [row.device_id for row in rows if row.quality == RETAINED]
        known = self.env["mqtt.device.value"].search_fetch(
            [("device_id", "in", retained)], ["device_id", "metric_id", "time"]
        )
        newest = {(one.device_id.id, one.metric_id.id): one.time for one in known}
        kept = []
        for row in rows:
            series = row.device_id, row.metric_id
            before = newest.get(series)
            is_known = before and (not row.is_timed or before >= row.time)
            if row.quality == RETAINED and is_known:
                continue
            newest[series] = max(before, row.time) if before else row.time
            kept.append(row)
        return kept


def _array(values) -> str | list[str | None]:
    """A column as an array of PostgreSQL, in its own notation but for texts."""
    kinds = set(map(type, values))
    if str in kinds and not set(values) <= QUALITIES:
        return list(values)
    if kinds == {type(None)}:
        return "{}"  # unnest() fills it up
    if datetime in kinds:
        return "{" + ",".join(one.isoformat() for one in values) + "}"
    return "{" + ",".join("NULL" if one is None else str(one) for one in values) + "}"


COLUMNS = Reading._fields[:-1]
QUALITIES = {GOOD, LATE, CLOCK, RETAINED}
STORE = """
WITH new AS (
    INSERT INTO mqtt_reading_all
           (device_id, metric_id, time, arrival, number, text, quality, message_id)
    SELECT device_id, metric_id, time, arrival, number, text, quality, message_id
      FROM unnest(%(device_id)s::integer[], %(metric_id)s::integer[],
                  %(time)s::timestamp[], %(arrival)s::timestamp[],
                  %(number)s::float8[], %(text)s::varchar[], %(quality)s::varchar[],
                  %(message_id)s::bigint[]) AS sent (
           device_id, metric_id, time, arrival, number, text, quality, message_id)
        ON CONFLICT (device_id, metric_id, time, message_id) DO NOTHING
    RETURNING *
), due AS (
    INSERT INTO mqtt_rollup_due (device_id, hour)
    SELECT DISTINCT device_id, date_trunc('hour', time) FROM new ORDER BY 1, 2
        ON CONFLICT (device_id, hour) DO UPDATE
       SET touched = mqtt_rollup_due.touched + 1
)
INSERT INTO mqtt_device_value
       (device_id, metric_id, time, arrival, number, text, quality, message_id)
SELECT DISTINCT ON (device_id, metric_id)
       device_id, metric_id, time, arrival, number, text, quality, message_id
  FROM new ORDER BY device_id, metric_id, time DESC, message_id DESC
    ON CONFLICT (device_id, metric_id) DO UPDATE
   SET time = EXCLUDED.time, arrival = EXCLUDED.arrival, number = EXCLUDED.number,
       text = EXCLUDED.text, quality = EXCLUDED.quality,
       message_id = EXCLUDED.message_id
 WHERE (mqtt_device_value.time, mqtt_device_value.message_id)
       < (EXCLUDED.time, EXCLUDED.message_id)
"""
