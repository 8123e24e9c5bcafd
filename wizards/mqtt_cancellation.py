from odoo import api, fields, models


class MqttCancellation(models.TransientModel):
    """Why failed messages are not tried again."""

    _name = "mqtt.cancellation"
    _description = "Cancellation of Failed MQTT Messages"

    job_ids = fields.Many2many("queue.job", string="Failed Messages", required=True)
    message_count = fields.Integer(compute="_compute_message_count")
    reason = fields.Char(required=True)

    @api.depends("job_ids")
    def _compute_message_count(self):
        for cancellation in self:
            jobs = cancellation.job_ids
            cancellation.message_count = sum(jobs.mapped("mqtt_message_count"))

    def action_cancel_jobs(self):
        """Cancel them for the reason given."""
        self.ensure_one()
        self.job_ids._mqtt_cancel(self.reason)
        return {"type": "ir.actions.client", "tag": "soft_reload"}
