# Copyright 2026 mqtt_listener contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
from odoo import fields, models

from odoo.addons.mqtt_listener import mqtt_handler

from .traps import is_set, kill_here


class MqttFaultsRow(models.Model):
    """A row for each message that was handled: what is missing or doubled shows."""

    _name = "mqtt.faults.row"
    _description = "Handled message"
    _log_access = False

    payload = fields.Char()
    sequence = fields.Integer()

    @mqtt_handler("faults/#", batch=True)
    def _on_message(self, messages):
        self.create(
            [{"payload": one.payload, "sequence": one.sequence} for one in messages]
        )


class MqttFaultsLate(models.Model):
    """The same, by a handler that raises as long as a test wants it to."""

    _name = "mqtt.faults.late"
    _description = "Handled message, late"
    _log_access = False

    payload = fields.Char()
    sequence = fields.Integer()

    @mqtt_handler("faults/#", batch=True, max_retries=3, retry_pattern={1: 1})
    def _on_message(self, messages):
        self.create(
            [{"payload": one.payload, "sequence": one.sequence} for one in messages]
        )
        if is_set("raises"):
            raise ValueError("the expected key is missing")


class MqttService(models.Model):
    _inherit = "mqtt.service"

    def _store_together(self, messages):
        result = super()._store_together(messages)
        kill_here("ingest")
        return result

    def _dispatch_stored(self, matches):
        result = super()._dispatch_stored(matches)
        kill_here("where stored")
        return result

    def _job_dispatch(self, *args, **kwargs):
        kill_here("between")
        result = super()._job_dispatch(*args, **kwargs)
        kill_here("dispatch")
        return result
