# Copyright 2026 mqtt_listener contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
from datetime import timedelta

from odoo import fields, models
from odoo.exceptions import UserError
from odoo.tools import SQL

from ..common.intervals import zone_of_user
from .mqtt_reading import TABLE
from .mqtt_rollup import DUE, readings_of_hours

#: what a chart shows: the days it is of, and how long each point is
SPANS = {
    "day": (1, "minute"),
    "month": (31, "hour"),
    "year": (366, "hour"),
    "all": (3_660, "day"),
}


class MqttDevice(models.Model):
    """Figures of a metric over time, for a chart."""

    _inherit = "mqtt.device"

    def chart_data(self, metric_id, span):
        """What a chart of a metric of this device shows.

        :param span: ``day`` (by minute), ``month`` and ``year`` (by hour) or ``all``
            (by day).
        :return: ``{"begin", "end": seconds since 1970, "step": seconds, "points":
            [[seconds since 1970, minimum, maximum, mean]]}``, oldest first.
        """
        self.ensure_one()
        self.check_access("read")
        metrics = self.env["mqtt.metric"].with_context(active_test=False)
        metric = metrics.search(
            [("id", "=", metric_id), ("rule_id", "=", self.rule_id.id)]
        )
        if not metric or span not in SPANS:
            raise UserError(self.env._("The chart does not exist."))
        days, step = SPANS[span]
        end = fields.Datetime.now()
        begin = end - timedelta(days=days)
        if step == "minute":
            query = self._figures_by_minute(metric, begin)
        else:
            query = self._figures_by_hour(metric, begin)
        if step == "day":
            query = self._figures_by_day(query)
        # No ORM equivalent: readings by the minute, and hours that are not yet stored.
        self.env.cr.execute(
            SQL(
                """
                SELECT extract(epoch FROM bucket)::bigint, minimum, maximum, mean
                  FROM (%s) AS figures ORDER BY bucket
                """,
                query,
            )
        )
        points = [list(row) for row in self.env.cr.fetchall()]
        is_all = span == "all" and points
        return {
            "begin": points[0][0] if is_all else _seconds(begin),
            "end": _seconds(end),
            "step": {"minute": 60, "hour": 3_600, "day": 86_400}[step],
            "points": points,
        }

    def _figures_by_minute(self, metric, begin):
        return SQL(
            """
            SELECT date_trunc('minute', time) AS bucket, min(number) AS minimum,
                   max(number) AS maximum, avg(number) AS mean
              FROM %(table)s
             WHERE device_id = %(device)s AND metric_id = %(metric)s
               AND time >= %(begin)s AND number IS NOT NULL
          GROUP BY 1
            """,
            table=SQL.identifier(TABLE),
            device=self.id,
            metric=metric.id,
            begin=begin.replace(second=0, microsecond=0),
        )

    def _figures_by_hour(self, metric, begin):
        """Hours that are stored, and those that are to be computed, computed now."""
        due = SQL(
            "(SELECT device_id, hour FROM %s WHERE device_id = %s AND hour >= %s)",
            SQL.identifier(DUE),
            self.id,
            begin,
        )
        return SQL(
            """
            SELECT time AS bucket, count, minimum, maximum, mean
              FROM mqtt_rollup
             WHERE device_id = %(device)s AND metric_id = %(metric)s
               AND time >= %(begin)s
               AND time NOT IN (SELECT hour FROM %(due)s AS due)
             UNION ALL
            SELECT bucket, count(*), min(number), max(number), avg(number)
              FROM (%(readings)s) AS reading GROUP BY bucket
            """,
            device=self.id,
            metric=metric.id,
            begin=begin,
            due=due,
            readings=readings_of_hours(due, metric.id),
        )

    def _figures_by_day(self, hours):
        return SQL(
            """
            SELECT min(bucket) AS bucket, min(minimum) AS minimum,
                   max(maximum) AS maximum, sum(mean * count) / sum(count) AS mean
              FROM (%s) AS hours
          GROUP BY date_trunc('day', timezone(%s, timezone('UTC', bucket)))
            """,
            hours,
            zone_of_user(self.env).zone,
        )


def _seconds(moment):
    """A time in UTC as seconds since 1970."""
    return (moment - fields.Datetime.to_datetime("1970-01-01")).total_seconds()
