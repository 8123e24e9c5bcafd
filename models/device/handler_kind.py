# Copyright 2026 mqtt_listener contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
from odoo import api, fields, models


class MqttHandler(models.Model):
    """Handlers that a device rule has: one for readings, one for availability."""

    _inherit = "mqtt.handler"

    kind = fields.Selection(
        selection_add=[
            ("readings", "Device readings"),
            ("availability", "Device availability"),
        ],
        ondelete={"readings": "cascade", "availability": "cascade"},
    )

    _rule_batch = models.Constraint(
        "CHECK(batch OR kind NOT IN ('readings', 'availability'))",
        "The handler of a device rule is called with many messages.",
    )

    @api.ondelete(at_uninstall=False)
    def _unlink_collected(self):
        """Readings refer to devices, and PostgreSQL does not know it of a view."""
        rules = self.env["mqtt.device.rule"].sudo().with_context(active_test=False)
        rules.search([("handler_id", "in", self.ids)])._remove_collected()
