from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial

import pytz

from odoo import api, fields, models
from odoo.fields import Domain
from odoo.tools import SQL


@dataclass(frozen=True)
class Interval:
    """One in which messages are counted.

    :ivar length: of it.
    :ivar text: how its beginning is written, as Python's ``strftime`` takes it.
    :ivar sql: the same, as PostgreSQL's ``to_char`` takes it.
    """

    length: timedelta
    text: str
    sql: str


INTERVALS = {
    "minute": Interval(timedelta(minutes=1), "%Y-%m-%d %H:%M", "YYYY-MM-DD HH24:MI"),
    "hour": Interval(timedelta(hours=1), "%Y-%m-%d %H:00", "YYYY-MM-DD HH24:00"),
}


class MqttSignalHistory(models.Model):
    """Messages by the hour and by the minute, which Odoo cannot group by: the search
    menu's finest interval of a time is a day, that of any view an hour.

    These are texts to Odoo, and texts can be grouped by; in the user's time zone.
    """

    _inherit = "mqtt.signal.history"

    hour = fields.Char(
        compute="_compute_intervals",
        search=lambda self, *condition: self._search_interval("hour", *condition),
        help="Hour of the message, for grouping.",
    )
    minute = fields.Char(
        compute="_compute_intervals",
        search=lambda self, *condition: self._search_interval("minute", *condition),
        help="Minute of the message, for grouping.",
    )

    @api.depends("timestamp")
    @api.depends_context("tz")
    def _compute_intervals(self):
        for message in self:
            local = message.timestamp and fields.Datetime.context_timestamp(
                message, message.timestamp
            )
            for name, interval in INTERVALS.items():
                message[name] = local and local.strftime(interval.text)

    def _search_interval(self, name, operator, value):
        if operator != "in":
            return NotImplemented
        domain_of = partial(self._domain_of_interval, INTERVALS[name])
        return Domain.OR(domain_of(text) for text in value if isinstance(text, str))

    def _domain_of_interval(self, interval, text):
        try:
            begin = datetime.strptime(text, interval.text)
        except ValueError:
            return Domain.FALSE
        zone = self._interval_zone()
        # When clocks are put back, an interval of this name comes twice.
        begins = {
            zone.localize(begin, is_dst=is_dst)
            .astimezone(pytz.utc)
            .replace(tzinfo=None)
            for is_dst in (True, False)
        }
        return Domain.OR(
            Domain("timestamp", ">=", at)
            & Domain("timestamp", "<", at + interval.length)
            for at in begins
        )

    def _interval_zone(self):
        return pytz.timezone(self.env.context.get("tz") or self.env.user.tz or "UTC")

    def _interval_to_sql(self, name, alias, query):
        return SQL(
            "to_char(timezone(%s, timezone('UTC', %s)), %s)",
            self._interval_zone().zone,
            self._field_to_sql(alias, "timestamp", query),
            INTERVALS[name].sql,
        )
