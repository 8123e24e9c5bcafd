# Copyright 2026 mqtt_listener contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
from datetime import date

from dateutil.relativedelta import relativedelta

from odoo import api, fields, models
from odoo.tools import SQL

from ..common.actions import open_records
from ..common.wide_fields import BigInteger
from .mqtt_device_value import QUALITIES, QUALITY_HELP

TABLE = "mqtt_reading_all"
MONTH = "mqtt_reading_%Y_%m"  # name of the table of a month
LOCK_CLASS = 0x4D515244  # "MQRD": of the advisory lock under which months are made


class MqttReading(models.Model):
    """What a device measured at one time. Made for hundreds of millions of rows.

    The model is a view: Odoo takes a partitioned table for none. Each month is a table
    of its own, so that an old one goes in no time.
    """

    _name = "mqtt.reading"
    _description = "MQTT Reading"
    _auto = False
    _log_access = False
    _rec_name = "metric_id"
    _order = "time desc, id desc"

    device_id = fields.Many2one("mqtt.device", help="Device that sent the value.")
    metric_id = fields.Many2one("mqtt.metric", help="What the value says.")
    time = fields.Datetime(help="Time of the device, or of arrival if it sends none.")
    arrival = fields.Datetime(help="Time when the message arrived.")
    number = fields.Float(
        digits=False, aggregator="avg", help="The value, if it is a number."
    )
    text = fields.Char(help="The value, if it is a text.")
    value = fields.Char(compute="_compute_value", help="The value with its unit.")
    quality = fields.Selection(QUALITIES, help=QUALITY_HELP)
    message_id = BigInteger(
        string="Message", aggregator=None, help="Identifier of the stored message."
    )

    def init(self):
        """Make the partitioned table and the view on it. No ORM equivalent."""
        self.env.cr.execute(
            SQL(
                """
                CREATE SEQUENCE IF NOT EXISTS mqtt_reading_id_seq AS bigint;
                CREATE TABLE IF NOT EXISTS %(table)s (
                    id bigint NOT NULL DEFAULT nextval('mqtt_reading_id_seq'),
                    device_id integer NOT NULL,
                    metric_id integer NOT NULL,
                    time timestamp NOT NULL,
                    arrival timestamp NOT NULL,
                    number double precision,
                    text varchar,
                    quality varchar NOT NULL,
                    message_id bigint NOT NULL,
                    UNIQUE (device_id, metric_id, time, message_id)
                ) PARTITION BY RANGE (time);
                ALTER SEQUENCE mqtt_reading_id_seq OWNED BY %(table)s.id;
                CREATE INDEX IF NOT EXISTS mqtt_reading_time ON %(table)s (time);
                CREATE OR REPLACE VIEW %(view)s AS
                    SELECT id, device_id, metric_id, time, arrival, number, text,
                           quality, message_id
                      FROM %(table)s;
                """,
                table=SQL.identifier(TABLE),
                view=SQL.identifier(self._table),
            )
        )
        this_month = fields.Date.today().replace(day=1)
        self._make_months([this_month, this_month + relativedelta(months=1)])

    @api.depends("number", "text", "metric_id.kind", "metric_id.unit")
    @api.depends_context("lang")
    def _compute_value(self):
        for one in self:
            one.value = one.metric_id._shown(one.number, one.text)

    def action_open_message(self):
        """Open the messages that these readings were read from."""
        self.check_access("read")
        ids = self.mapped("message_id")
        return open_records(self.env, "mqtt_signal_history_action", [("id", "in", ids)])

    @api.model
    def _make_months(self, months):
        """Have tables for months.

        :param months: dates, each the first of its month.
        """
        names = {first.strftime(MONTH): first for first in months}
        self.env.cr.execute(
            "SELECT name FROM unnest(%s) AS name WHERE to_regclass(name) IS NULL",
            [list(names)],
        )
        missing = sorted(name for (name,) in self.env.cr.fetchall())
        if missing:
            # Two jobs may meet the first message of a month.
            self.env.cr.execute("SELECT pg_advisory_xact_lock(%s)", [LOCK_CLASS])
        for name in missing:
            self._make_month(name, names[name])

    def _make_month(self, name, first: date):
        # Attached, not created as a part: that would wait for all who read.
        self.env.cr.execute("SELECT to_regclass(%s)", [name])
        if self.env.cr.fetchone()[0]:
            return
        self.env.cr.execute(
            SQL(
                """
                CREATE TABLE %(name)s (LIKE %(table)s
                    INCLUDING DEFAULTS INCLUDING CONSTRAINTS);
                ALTER TABLE %(table)s ATTACH PARTITION %(name)s
                    FOR VALUES FROM (%(first)s) TO (%(next)s)
                """,
                name=SQL.identifier(name),
                table=SQL.identifier(TABLE),
                first=first.isoformat(),
                next=(first + relativedelta(months=1)).isoformat(),
            )
        )

    @api.model
    def _remove(self, column, ids):
        """Delete the readings of devices or metrics, which no foreign key does.

        :param column: ``device_id`` or ``metric_id``.
        """
        # Whoever may delete the device or metric deletes these.
        of_devices = SQL("device_id = ANY(%s)", list(ids))
        if column == "metric_id":  # by device, with which the index begins
            of_devices = SQL(
                """
                metric_id = ANY(%(ids)s) AND device_id IN (
                    SELECT device.id FROM mqtt_device AS device
                      JOIN mqtt_metric AS metric ON metric.rule_id = device.rule_id
                     WHERE metric.id = ANY(%(ids)s))
                """,
                ids=list(ids),
            )
        self.env.cr.execute(
            SQL("DELETE FROM %s WHERE %s", SQL.identifier(TABLE), of_devices)
        )
        self.invalidate_model(flush=False)


def drop_tables(cr):
    """Drop what Odoo does not know of: the table with its months, and the view."""
    cr.execute(SQL("DROP TABLE IF EXISTS %s CASCADE", SQL.identifier(TABLE)))
