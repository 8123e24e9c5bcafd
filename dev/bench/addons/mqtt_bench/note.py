# Copyright 2026 mqtt_listener contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
from odoo import fields, models

from odoo.addons.mqtt_listener import mqtt_handler


class Note(models.Model):
    """What a handler noted: a record for each message, whose commit has a time."""

    _name = "mqtt.bench.note"
    _description = "Note"
    _log_access = False

    number = fields.Integer()

    @mqtt_handler("+/noted/{key}", batch=True)
    def _on_noted(self, messages, key):
        self.create([{"number": message.json()["n"]} for message in messages])
