# Copyright 2026 mqtt_listener contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
from odoo import api, fields, models

# What jobs say of a device. Its record is chosen in the field `record`, which checks.
OWN_FIELDS = {"rule_id", "service_id", "company_id", "key", "res_model", "res_id"}


class MqttDevice(models.Model):
    """What sends messages. Devices are created by the jobs that meet their keys."""

    _name = "mqtt.device"
    _inherit = ["mqtt.short.topics"]
    _description = "MQTT Device"
    _order = "name, id"
    _rec_names_search = ("name", "key")

    name = fields.Char(required=True, help="Name of the device. At first, its key.")
    key = fields.Char(
        required=True,
        readonly=True,
        help="What names the device in its messages: a level of the topic, or a value "
        "in the payload.",
    )
    active = fields.Boolean(
        default=True,
        help="When archived, readings of the device are no longer stored.",
    )
    accepted = fields.Boolean(
        default=True,
        help="A device that is not accepted is a proposal. Its readings are not "
        "stored.",
    )
    rule_id = fields.Many2one(
        "mqtt.device.rule",
        required=True,
        readonly=True,
        ondelete="cascade",
        help="Rule that reads the messages of the device.",
    )
    service_id = fields.Many2one(
        "mqtt.service",
        required=True,
        readonly=True,
        ondelete="restrict",  # as of messages; readings would stay
        index=True,
        help="Service that receives the messages of the device.",
    )
    company_id = fields.Many2one(
        related="service_id.company_id", store=True, index=True
    )
    tag_ids = fields.Many2many(
        "mqtt.device.tag", string="Tags", help="Tags to group devices by."
    )
    topic = fields.Char(readonly=True, help="Topic of the last message of the device.")
    first_seen = fields.Datetime(
        readonly=True, help="Time of arrival of the first message of the device."
    )
    last_seen = fields.Datetime(
        readonly=True,
        help="Time of arrival of the last message of the device. Retained messages, "
        "which the broker has kept from before, do not count.",
    )
    value_ids = fields.One2many(
        "mqtt.device.value", "device_id", string="Last Values", readonly=True
    )

    _key_uniq = models.UniqueIndex("(rule_id, service_id, key)")
    _proposals = models.Index("(rule_id) WHERE accepted IS NOT TRUE")

    @api.model
    def _has_field_access(self, field, operation):
        is_own = operation == "write" and field.name in OWN_FIELDS
        return (self.env.su or not is_own) and super()._has_field_access(
            field, operation
        )

    def unlink(self):
        self.check_access("unlink")
        self.env["mqtt.reading"]._remove("device_id", self.ids)
        # sudo: whoever may delete a device makes room for another one
        rules = self.rule_id.sudo()
        result = super().unlink()
        rules.filtered("limit_reached").limit_reached = False
        return result

    def action_accept(self):
        """Accept proposals: their readings are stored from now on."""
        self.check_access("write")
        self.accepted = True
        return True
