# Copyright 2026 mqtt_listener contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
from odoo import fields, models


class MqttCancellation(models.TransientModel):
    """Why failed messages are not tried again."""

    _name = "mqtt.cancellation"
    _inherit = "mqtt.decision"
    _description = "Cancellation of Failed MQTT Messages"

    reason = fields.Char(
        required=True,
        help="Why these messages are not to be handled. Users see it as the reason.",
    )

    def action_cancel_jobs(self):
        """Cancel them for the reason given.

        :raise AccessError: for a user who is no MQTT operator.
        """
        self.ensure_one()
        return self._decide("cancel", reason=self.reason)
