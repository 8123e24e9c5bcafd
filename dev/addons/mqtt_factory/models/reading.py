# Copyright 2026 mqtt_listener contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
from odoo import fields, models


class Reading(models.Model):
    """What a machine measured at one time."""

    _name = "mqtt.factory.reading"
    _description = "Reading"
    _order = "timestamp desc, id desc"
    _log_access = False

    machine_id = fields.Many2one(
        "mqtt.factory.machine", required=True, ondelete="cascade", index=True
    )
    timestamp = fields.Datetime(required=True)
    temperature = fields.Float(aggregator="avg")
    pressure = fields.Float(aggregator="avg")
    pieces = fields.Integer(aggregator="max")
