# Copyright 2026 mqtt_listener contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
from odoo import fields, models

COPIED = ("enabled", "subscribe", "direction", "channel", "priority", "active")


class MqttDeviceRule(models.Model):
    """The topic on which devices, or the broker in their place, say that they are
    online or offline. A handler of its own reads it.
    """

    _inherit = "mqtt.device.rule"

    availability_pattern = fields.Char(
        string="Availability Topic",
        help="Topic pattern of the messages that say whether a device is online, for "
        "example plant/{device}/status. Many devices have the broker publish the last "
        "one when their connection breaks. Empty: devices have no such topic.",
    )
    payload_online = fields.Char(
        string="Online Payload",
        default="online",
        help="Payload with which a device says that it is online.",
    )
    payload_offline = fields.Char(
        string="Offline Payload",
        default="offline",
        help="Payload that says that a device is offline.",
    )
    availability_handler_id = fields.Many2one(
        "mqtt.handler", readonly=True, copy=False, ondelete="set null"
    )

    def _availability_level(self):
        """Name of the level that holds the key of the device in that topic."""
        by_level = self.key_from == "level" and self.key_level
        return by_level or "device"

    def _sync_availability(self):
        """Have each rule with an availability topic have a handler for it."""
        for rule in self:
            handler = rule.availability_handler_id
            if not rule.availability_pattern:
                handler.unlink()
                continue
            values = {
                "name": self.env._("%s: availability", rule.name),
                "pattern": rule.availability_pattern,
                "service_id": rule.service_id.id,
                **{name: rule.handler_id[name] for name in COPIED},
            }
            if not handler:
                new = {**values, "kind": "availability", "batch": True}
                rule.availability_handler_id = handler.create(new)
            elif changed := {
                name: value
                for name, value in values.items()
                if handler._fields[name].convert_to_write(handler[name], handler)
                != value
            }:
                handler.write(changed)
