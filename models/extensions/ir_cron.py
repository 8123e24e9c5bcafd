# Copyright 2026 mqtt_listener contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
from odoo import api, fields, models

from .ir_actions_server_publish import PUBLISH


class IrCron(models.Model):
    """Publish on a schedule: a kind to choose, and a preview that has no record."""

    _inherit = "ir.cron"

    # Of its own, not of its action: kinds that run on records would do nothing here.
    allowed_states = fields.Json(compute="_compute_allowed_states")
    mqtt_preview = fields.Text(compute="_compute_mqtt_preview", string="Preview")

    @api.depends("state")
    def _compute_allowed_states(self):
        for cron in self:
            kinds = ["code", PUBLISH]
            # Another addon's, which stays what it is.
            other = cron.state and cron.state not in kinds
            cron.allowed_states = [cron.state, *kinds] if other else kinds

    @api.depends("state", "model_id", "mqtt_topic", "mqtt_payload")
    @api.depends_context("lang", "tz", "uid", "allowed_company_ids")
    def _compute_mqtt_preview(self):
        actions = self.env["ir.actions.server"]
        for cron in self:
            is_ready = cron.state == PUBLISH and cron.model_id and cron.mqtt_topic
            cron.mqtt_preview = bool(is_ready) and actions._mqtt_preview_of(cron, None)
