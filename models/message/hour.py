from datetime import datetime, timedelta

import pytz

from odoo import api, fields, models
from odoo.fields import Domain
from odoo.tools import SQL

HOUR_FORMAT = "%Y-%m-%d %H:00"
HOUR_FORMAT_SQL = "YYYY-MM-DD HH24:00"


class MqttSignalHistory(models.Model):
    """Messages by the hour, which Odoo's search menu has no entry for.

    Its finest interval of a time is a day; ``hour`` is a text to it, and that it can be
    grouped by, in the user's time zone.
    """

    _inherit = "mqtt.signal.history"

    hour = fields.Char(compute="_compute_hour", search="_search_hour")

    @api.depends("timestamp")
    @api.depends_context("tz")
    def _compute_hour(self):
        for message in self:
            local = message.timestamp and fields.Datetime.context_timestamp(
                message, message.timestamp
            )
            message.hour = local and local.strftime(HOUR_FORMAT)

    def _search_hour(self, operator, value):
        if operator != "in":
            return NotImplemented
        return Domain.OR(
            self._domain_of_hour(hour) for hour in value if isinstance(hour, str)
        )

    def _domain_of_hour(self, hour):
        try:
            begin = datetime.strptime(hour, HOUR_FORMAT)
        except ValueError:
            return Domain.FALSE
        zone = self._hour_zone()
        # When clocks are put back, an hour has 120 minutes.
        first = zone.localize(begin, is_dst=True)
        last = zone.localize(begin, is_dst=False) + timedelta(hours=1)
        first, last = (
            at.astimezone(pytz.utc).replace(tzinfo=None) for at in (first, last)
        )
        return Domain("timestamp", ">=", first) & Domain("timestamp", "<", last)

    def _hour_zone(self):
        return pytz.timezone(self.env.context.get("tz") or self.env.user.tz or "UTC")

    def _hour_to_sql(self, alias, query):
        return SQL(
            "to_char(timezone(%s, timezone('UTC', %s)), %s)",
            self._hour_zone().zone,
            self._field_to_sql(alias, "timestamp", query),
            HOUR_FORMAT_SQL,
        )
