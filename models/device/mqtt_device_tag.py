# Copyright 2026 mqtt_listener contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
from random import randint

from odoo import fields, models


class MqttDeviceTag(models.Model):
    _name = "mqtt.device.tag"
    _description = "MQTT Device Tag"
    _order = "name"

    name = fields.Char(required=True, help="Name of the tag.")
    color = fields.Integer(
        default=lambda self: randint(1, 11), help="Color of the tag in lists."
    )
    company_id = fields.Many2one(
        "res.company",
        default=lambda self: self.env.company,
        help="Company whose devices may have this tag. Empty: those of all companies.",
    )

    _name_uniq = models.Constraint(
        "UNIQUE(name, company_id)", "There is a tag of this name."
    )
