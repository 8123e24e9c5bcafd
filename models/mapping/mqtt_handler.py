# Copyright 2026 mqtt_listener contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
from odoo import fields, models


class MqttHandler(models.Model):
    """A handler that is a mapping is shown as one."""

    _inherit = "mqtt.handler"

    mapping_ids = fields.One2many(
        "mqtt.mapping", "handler_id", context={"active_test": False}
    )

    def action_open(self):
        """Open the form of this handler, or of the mapping that it is."""
        self.ensure_one()
        self.check_access("read")
        return self.get_formview_action()

    def get_formview_action(self, access_uid=None):
        """Links to a handler lead to its mapping, where it is one."""
        mapping = self.mapping_ids
        if len(mapping) == 1:
            return mapping.get_formview_action(access_uid=access_uid)
        return super().get_formview_action(access_uid=access_uid)
