# Copyright 2026 mqtt_listener contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
from odoo import api, fields, models


class MqttService(models.Model):
    """What a service still lacks to be of use, and the way there."""

    _inherit = "mqtt.service"

    lacks_filters = fields.Boolean(
        compute="_compute_lacks",
        help="The service has no topic filter, so it receives nothing.",
    )
    lacks_handlers = fields.Boolean(
        compute="_compute_lacks",
        help="No handler is for messages of the service, so they are stored only.",
    )

    @api.depends("subscription_ids")
    def _compute_lacks(self):
        handlers = self.env["mqtt.handler"]
        for service in self:
            service.lacks_filters = not service.subscription_ids
            is_saved = bool(service._origin.id)
            service.lacks_handlers = (
                is_saved
                and not service.lacks_filters
                and handlers._index(service._origin.id, "receive") is None
            )

    def action_new_handler(self):
        """Open a new handler for messages of this service.

        :raise AccessError: for a user who may not create one.
        """
        self.check_access("read")
        self.env["mqtt.handler"].check_access("create")
        return {
            "type": "ir.actions.act_window",
            "name": self.env._("New Handler"),
            "res_model": "mqtt.handler",
            "views": [(False, "form")],
            "context": {"default_service_id": self.id},
        }
