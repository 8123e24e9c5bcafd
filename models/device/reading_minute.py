from odoo import fields, models
from odoo.fields import Domain
from odoo.tools import SQL

MINUTE_FORMAT_SQL = "YYYY-MM-DD HH24:MI"


class MqttReading(models.Model):
    """Readings by the minute, which Odoo's grouping does not know, as ``hour`` of
    messages is: a text to it, in the user's time zone.
    """

    _inherit = "mqtt.reading"

    minute = fields.Char(compute="_compute_minute", search="_search_minute")

    def _compute_minute(self):
        for reading in self:
            local = reading.time and fields.Datetime.context_timestamp(
                reading, reading.time
            )
            reading.minute = local and local.strftime("%Y-%m-%d %H:%M")

    def _search_minute(self, operator, value):
        if operator != "in":
            return NotImplemented
        minutes = tuple(one for one in value if isinstance(one, str))
        if not minutes:
            return Domain.FALSE
        return Domain.custom(
            to_sql=lambda model, alias, query: SQL(
                "%s IN %s", model._minute_to_sql(alias, query), minutes
            )
        )

    def _read_group_groupby(self, alias, groupby_spec, query):
        if groupby_spec == "minute":
            return self._minute_to_sql(alias, query)
        return super()._read_group_groupby(alias, groupby_spec, query)

    def _minute_to_sql(self, alias, query):
        zone = self.env["mqtt.signal.history"]._interval_zone().zone
        return SQL(
            "to_char(timezone(%s, timezone('UTC', %s)), %s)",
            zone,
            self._field_to_sql(alias, "time", query),
            MINUTE_FORMAT_SQL,
        )
