# Copyright 2026 mqtt_listener contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
from datetime import timedelta

from psycopg2 import DataError
from psycopg2.errors import SerializationFailure

from odoo import api, fields, models
from odoo.tools import SQL

from ...mqtt.log import get_logger
from ..common.wide_fields import BigInteger
from .mqtt_reading import TABLE

_logger = get_logger(__name__)
DUE = "mqtt_rollup_due"
HOUR = SQL("interval '1 hour'")
ROLL_UP_BATCH = 1_000  # hours of devices that one run of the cron works on
EXPIRED_BATCH = 20_000


class MqttRollup(models.Model):
    """Figures of one metric of one device by the hour.

    An hour is computed once it is over, and again when a late reading touches it: the
    job that stores readings notes which hours those are (``mqtt_rollup_due``).
    """

    _name = "mqtt.rollup"
    _description = "MQTT Hourly Figures"
    _rec_name = "metric_id"
    _order = "time desc, id desc"
    _log_access = False

    device_id = fields.Many2one(
        "mqtt.device",
        required=True,
        ondelete="cascade",
        help="Device that sent the values.",
    )
    metric_id = fields.Many2one(
        "mqtt.metric",
        required=True,
        ondelete="cascade",
        index=True,
        help="What the values say.",
    )
    time = fields.Datetime(string="Hour", required=True, help="Start of the hour.")
    count = BigInteger(
        string="Readings", aggregator="sum", help="Number of readings in the hour."
    )
    minimum = fields.Float(
        digits=False, aggregator="min", help="Smallest value in the hour."
    )
    maximum = fields.Float(
        digits=False, aggregator="max", help="Largest value in the hour."
    )
    mean = fields.Float(
        digits=False, aggregator="avg", help="Mean of the readings in the hour."
    )
    weighted_mean = fields.Float(
        string="Time-Weighted Mean",
        digits=False,
        aggregator="avg",
        help="Mean in which each value counts for as long as it held: until the next "
        "reading, at most until the hour ends.",
    )
    seconds = fields.Float(
        digits=False,
        aggregator="sum",
        help="Seconds from the first reading to the end of the hour.",
    )
    last = fields.Float(
        string="Last Value",
        digits=False,
        aggregator=None,
        help="Value of the last reading in the hour.",
    )

    _bucket_uniq = models.UniqueIndex("(device_id, metric_id, time)")

    def init(self):
        """Make the list of hours to compute. No ORM equivalent: it has no id, and is
        written by the statement that stores readings.
        """
        self.env.cr.execute(
            SQL(
                """
                CREATE TABLE IF NOT EXISTS %s (
                    device_id integer NOT NULL
                        REFERENCES mqtt_device ON DELETE CASCADE,
                    hour timestamp NOT NULL,
                    touched bigint NOT NULL DEFAULT 1,
                    PRIMARY KEY (device_id, hour)
                )
                """,
                SQL.identifier(DUE),
            )
        )

    @api.model
    def _roll_up(self):
        """Compute the hours that are over and that readings have touched.

        :return: whether there are more.
        """
        this_hour = fields.Datetime.now().replace(minute=0, second=0, microsecond=0)
        due = SQL(
            """
            SELECT device_id, hour FROM %s WHERE hour < %s
          ORDER BY hour, device_id LIMIT %s FOR UPDATE SKIP LOCKED
            """,
            SQL.identifier(DUE),
            this_hour,
            ROLL_UP_BATCH,
        )
        try:
            return self._compute_hours(due) == ROLL_UP_BATCH
        except SerializationFailure:
            return True  # a job has touched one of these hours since we began
        except DataError:
            return self._roll_up_apart(due)

    def _roll_up_apart(self, due):
        """Compute hours one by one, and leave out those that cannot be computed.

        :return: whether there may be more.
        """
        hours = self.env.execute_query(due)
        for device_id, hour in hours:
            one = SQL("SELECT %s::integer, %s::timestamp", device_id, hour)
            try:
                self._compute_hours(one)
            except SerializationFailure:
                continue  # as above: it stays in the list
            except DataError:
                # It would be in the way of all others, again and again.
                self._take_from_due(device_id, hour)
                _logger.warning(
                    "the hour from %s of device %s has no figures: its numbers are too "
                    "large or too small",
                    hour,
                    device_id,
                )
        return len(hours) == ROLL_UP_BATCH

    def _take_from_due(self, device_id, hour):
        self.env.cr.execute(
            SQL(
                "DELETE FROM %s WHERE device_id = %s AND hour = %s",
                SQL.identifier(DUE),
                device_id,
                hour,
            )
        )

    def _compute_hours(self, chosen):
        """Take hours of devices from the list and store their figures.

        :param chosen: query of ``device_id`` and ``hour``.
        :return: how many there were.
        """
        query = SQL(
            """
            WITH due AS (
                DELETE FROM %(due)s WHERE (device_id, hour) IN (%(chosen)s)
                RETURNING device_id, hour
            ), stored AS (
                INSERT INTO mqtt_rollup (device_id, metric_id, time, count, minimum,
                            maximum, mean, weighted_mean, seconds, last)
                %(figures)s
                ON CONFLICT (device_id, metric_id, time) DO UPDATE
                   SET count = EXCLUDED.count, minimum = EXCLUDED.minimum,
                       maximum = EXCLUDED.maximum, mean = EXCLUDED.mean,
                       weighted_mean = EXCLUDED.weighted_mean,
                       seconds = EXCLUDED.seconds, last = EXCLUDED.last
            )
            SELECT count(*) FROM due
            """,
            due=SQL.identifier(DUE),
            chosen=chosen,
            figures=figures(readings_of_hours(SQL("due")), HOUR),
        )
        with self.env.cr.savepoint():
            # No ORM equivalent: windows over readings.
            self.env.cr.execute(query, log_exceptions=False)
            (count,) = self.env.cr.fetchone()
        self.invalidate_model(flush=False)
        return count

    @api.model
    def _delete_expired(self):
        """Delete the hours that are older than their metrics keep them.

        :return: whether there are more.
        """
        metrics = self.env["mqtt.metric"].sudo().with_context(active_test=False)
        has_more = False
        for metric in metrics.search([("rollup_days", ">", 0)]):
            before = fields.Datetime.now() - timedelta(days=metric.rollup_days)
            old = self.sudo().search(
                [("metric_id", "=", metric.id), ("time", "<", before)],
                limit=EXPIRED_BATCH,
                order="id",
            )
            old.unlink()
            has_more = has_more or len(old) == EXPIRED_BATCH
        return has_more


def readings_of_hours(hours, metric_id=None):
    """Numbers of the readings in hours of devices, for :func:`figures`.

    :param hours: a source of ``device_id`` and ``hour``.
    :param metric_id: of which metric only.
    """
    # Metric by metric: the index is of device, metric and time. OFFSET has PostgreSQL
    # look each of them up, whatever it expects of a list of hours that is often empty.
    return SQL(
        """
        SELECT hours.device_id, metric.id AS metric_id, hours.hour AS bucket,
               reading.time, reading.message_id, reading.number
          FROM %(hours)s AS hours
          JOIN mqtt_device AS device ON device.id = hours.device_id
          JOIN mqtt_metric AS metric ON metric.rule_id = device.rule_id
               AND %(of_metric)s
         CROSS JOIN LATERAL (
            SELECT time, message_id, number FROM %(table)s
             WHERE device_id = device.id AND metric_id = metric.id
               AND time >= hours.hour AND time < hours.hour + %(hour)s
               AND number IS NOT NULL
            OFFSET 0) AS reading
        """,
        hours=hours,
        of_metric=SQL("metric.id = %s", metric_id) if metric_id else SQL("TRUE"),
        table=SQL.identifier(TABLE),
        hour=HOUR,
    )


def figures(readings, length):
    """Figures of buckets of time: device, metric, bucket, count, minimum, maximum,
    mean, time-weighted mean, the seconds these are of, and the last value.

    :param readings: query of ``device_id``, ``metric_id``, ``bucket``, ``time``,
        ``message_id`` and ``number``.
    :param length: of a bucket, as an interval.
    """
    return SQL(
        """
        SELECT device_id, metric_id, bucket, count(*) AS count,
               min(number) AS minimum, max(number) AS maximum, avg(number) AS mean,
               COALESCE(sum(number * held) / NULLIF(sum(held), 0), avg(number))
                   AS weighted_mean,
               sum(held) AS seconds,
               (array_agg(number ORDER BY time DESC, message_id DESC))[1] AS last
          FROM (SELECT *, extract(epoch FROM
                       lead(time, 1, bucket + %(length)s) OVER (
                           PARTITION BY device_id, metric_id, bucket
                               ORDER BY time, message_id) - time)::float8 AS held
                  FROM (%(readings)s) AS read) AS weighed
      GROUP BY device_id, metric_id, bucket
        """,
        length=length,
        readings=readings,
    )


def drop_tables(cr):
    """Drop what Odoo does not know of: the list of hours to compute."""
    cr.execute(SQL("DROP TABLE IF EXISTS %s", SQL.identifier(DUE)))
