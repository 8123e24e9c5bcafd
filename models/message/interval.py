# Copyright 2026 mqtt_listener contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
from odoo import api, fields, models
from odoo.fields import Domain

from ..common.intervals import domain_of_interval, interval_sql, interval_text


class MqttSignalHistory(models.Model):
    """Messages by the hour and by the minute."""

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
            message.hour = interval_text(message, message.timestamp, "hour")
            message.minute = interval_text(message, message.timestamp, "minute")

    def _search_interval(self, name, operator, value):
        if operator != "in":
            return NotImplemented
        return Domain.OR(
            domain_of_interval(self.env, "timestamp", name, text)
            for text in value
            if isinstance(text, str)
        )

    def _interval_to_sql(self, name, alias, query):
        moment = self._field_to_sql(alias, "timestamp", query)
        return interval_sql(self.env, moment, name)
