# Copyright 2026 mqtt_listener contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
from odoo import api, fields, models


class MqttDecision(models.AbstractModel):
    """What is decided about failed messages, chosen one by one or by cause."""

    _name = "mqtt.decision"
    _description = "Decision about Failed MQTT Messages"

    job_ids = fields.Many2many("queue.job", string="Failed Messages")
    failure_ids = fields.Json(help="Identifiers of mqtt.failure, instead.")
    message_count = fields.Integer(compute="_compute_message_count")

    @api.depends("job_ids", "failure_ids")
    def _compute_message_count(self):
        for decision in self:
            jobs = decision.job_ids
            decision.message_count = sum(jobs.mapped("mqtt_message_count")) or sum(
                decision._failures().mapped("message_count")
            )

    def _failures(self):
        """The causes that were chosen, as far as the user may see them."""
        return self.env["mqtt.failure"].search([("id", "in", self.failure_ids or [])])

    def _decide(self, decision, **values):
        """Do it; what an operator is told. See ``_mqtt_decide`` of jobs."""
        if self.job_ids:
            said = self.job_ids._mqtt_decide(decision, **values)
            return self.job_ids._mqtt_notification(*said)
        return self._failures()._decide(decision, **values)
