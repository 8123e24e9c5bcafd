from odoo import fields, models


class MqttCancellation(models.TransientModel):
    """Why failed messages are not tried again."""

    _name = "mqtt.cancellation"
    _description = "Cancellation of Failed MQTT Messages"

    job_ids = fields.Many2many("queue.job", string="Failed Messages", required=True)
    reason = fields.Char(required=True)

    def action_cancel_jobs(self):
        """Cancel them for the reason given."""
        self.ensure_one()
        self.job_ids._mqtt_cancel(self.reason)
        return {"type": "ir.actions.client", "tag": "soft_reload"}
