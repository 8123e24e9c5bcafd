# Copyright 2026 mqtt_listener contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
from datetime import timedelta

import psycopg2
from dateutil.relativedelta import relativedelta

from odoo import api, fields, models
from odoo.tools import SQL

from ...mqtt.log import get_logger
from .mqtt_reading import MONTH, TABLE

_logger = get_logger(__name__)

EXPIRED_BATCH = 20_000  # readings of a metric that one run deletes
LOCK_TIMEOUT = "1s"  # for which those who store may have to wait
CRON = "mqtt_listener.cron_look_after_readings"


class MqttReading(models.Model):
    """Months that come and go, and what metrics keep for a shorter time."""

    _inherit = "mqtt.reading"

    @api.model
    def _look_after(self):
        """Called by cron: make the next month, drop old ones, figures by the hour.

        What goes wrong with one keeps no other from being done.
        """
        for work in (
            self._make_next_months,
            self.env["mqtt.rollup"]._roll_up,
            self._delete_expired,
            self.env["mqtt.rollup"]._delete_expired,
            self.env["mqtt.device.rule"]._link_unlinked,
            self._drop_old_months,  # last: nobody stores until it is committed
        ):
            try:
                with self.env.cr.savepoint():
                    has_more = work()
            except Exception:
                # A guard: the others have to be done all the same.
                _logger.exception("readings could not be looked after")
                continue
            if has_more:
                self.env.ref(CRON).sudo()._trigger()

    @api.model
    def _make_next_months(self):
        this_month = fields.Date.today().replace(day=1)
        self._make_months([this_month, this_month + relativedelta(months=1)])

    @api.model
    def _drop_old_months(self):
        """Drop the months that no metric keeps readings of."""
        days = self._retention_days()
        if 0 in days:
            return  # without limit
        keep_from = fields.Date.today() - timedelta(days=max(days, default=0))
        oldest = keep_from.strftime(MONTH)
        for name in self._month_names():
            if name < oldest:
                self._drop_month(name)

    def _retention_days(self):
        metrics = self.env["mqtt.metric"].sudo().with_context(active_test=False)
        return {days for (days,) in metrics._read_group([], ["retention_days"])}

    def _month_names(self):
        self.env.cr.execute(
            "SELECT inhrelid::regclass::text FROM pg_inherits"
            " WHERE inhparent = %s::regclass ORDER BY 1",
            [TABLE],
        )
        return [name for (name,) in self.env.cr.fetchall()]

    def _drop_month(self, name):
        try:
            with self.env.cr.savepoint():
                # It waits for those who store, and these would wait behind it.
                self.env.cr.execute("SET LOCAL lock_timeout = %s", [LOCK_TIMEOUT])
                self.env.cr.execute(
                    SQL("DROP TABLE %s", SQL.identifier(name)), log_exceptions=False
                )
                self.env.cr.execute("SET LOCAL lock_timeout TO DEFAULT")
        except psycopg2.errors.LockNotAvailable:
            _logger.info("%s is in use and is dropped later", name)
            return
        self.invalidate_model(flush=False)
        _logger.info("dropped %s", name)

    @api.model
    def _delete_expired(self):
        """Delete what its metric keeps for less time than another one.

        :return: whether there is more.
        """
        metrics = self.env["mqtt.metric"].sudo().with_context(active_test=False)
        has_more = False
        for metric in metrics.search([("retention_days", ">", 0)]):
            before = fields.Datetime.now() - timedelta(days=metric.retention_days)
            # Device by device: that is how the index is ordered.
            self.env.cr.execute(
                SQL(
                    """
                    DELETE FROM %(table)s AS old
                     USING (SELECT reading.tableoid, reading.ctid
                              FROM mqtt_device AS device
                              JOIN %(table)s AS reading
                                ON reading.device_id = device.id
                               AND reading.metric_id = %(metric)s
                               AND reading.time < %(before)s
                             WHERE device.rule_id = %(rule)s
                             LIMIT %(limit)s) AS found
                     WHERE old.tableoid = found.tableoid AND old.ctid = found.ctid
                    """,
                    table=SQL.identifier(TABLE),
                    metric=metric.id,
                    rule=metric.rule_id.id,
                    before=before,
                    limit=EXPIRED_BATCH,
                )
            )
            has_more = has_more or self.env.cr.rowcount == EXPIRED_BATCH
        self.invalidate_model(flush=False)
        return has_more
