# Copyright 2026 mqtt_listener contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
from odoo import api, fields, models
from odoo.fields import Domain

from ..common.intervals import domain_of_interval, interval_sql, interval_text


class MqttReading(models.Model):
    """Readings by the minute."""

    _inherit = "mqtt.reading"

    minute = fields.Char(
        compute="_compute_minute",
        search="_search_minute",
        help="Minute of the reading, for grouping.",
    )

    @api.depends("time")
    @api.depends_context("tz")
    def _compute_minute(self):
        for reading in self:
            reading.minute = interval_text(reading, reading.time, "minute")

    def _search_minute(self, operator, value):
        if operator != "in":
            return NotImplemented
        return Domain.OR(
            domain_of_interval(self.env, "time", "minute", text)
            for text in value
            if isinstance(text, str)
        )

    def _read_group_groupby(self, alias, groupby_spec, query):
        if groupby_spec == "minute":
            moment = self._field_to_sql(alias, "time", query)
            return interval_sql(self.env, moment, "minute")
        return super()._read_group_groupby(alias, groupby_spec, query)
