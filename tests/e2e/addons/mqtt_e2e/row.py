# Copyright 2026 mqtt_listener contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
import time
from pathlib import Path

from odoo import api, fields, models

from odoo.addons.mqtt_listener import mqtt_handler, mqtt_response
from odoo.addons.queue_job.exception import FailedJobError

SLOW = 0.004  # seconds a message, so that a job of 1,000 can be caught in the middle


class Row(models.Model):
    """A row for each message that was handled: what is missing or doubled shows."""

    _name = "mqtt.e2e.row"
    _description = "Handled message"
    _order = "id"

    topic = fields.Char()
    number = fields.Integer()

    def _add(self, message):
        self.create({"topic": message.topic, "number": int(message.payload)})

    @mqtt_handler("e2e/slow")
    def _on_slow(self, message):
        """Leaves a mark outside of the transaction, before it is committed."""
        self._add(message)
        with Path(self._parameter("marks")).open("a") as marks:
            marks.write(".")
        time.sleep(SLOW)

    @mqtt_handler("e2e/ordered/{topic}", ordered=True)
    def _on_ordered(self, message, topic):
        self._add(message)

    @mqtt_handler("e2e/poison", max_retries=2, retry_pattern={1: 1})
    def _on_poison(self, message):
        """Every hundredth message is more than it can bear, until it is repaired."""
        self._add(message)
        if int(message.payload) % 100 == 7 and not self._parameter("repaired"):
            raise ValueError(f"no {message.payload}")

    @mqtt_handler("e2e/refused")
    def _on_refused(self, message):
        """Every hundredth message fails at once, as no retry could help it."""
        self._add(message)
        if int(message.payload) % 100 == 7 and not self._parameter("repaired"):
            raise FailedJobError(f"no {message.payload}")

    @api.model
    def ask(self, service_id, topic, count, timeout):
        """Send so many requests in one transaction, each for a row of its own."""
        rows = self.create([{"topic": topic, "number": -1}] * count)
        for number, row in enumerate(rows):
            self.env["mqtt.service"].browse(service_id).mqtt_request(
                topic, str(number), timeout=timeout, on_response=row._on_answer
            )
        return rows.ids

    @mqtt_response
    def _on_answer(self, message):
        """Counts up from -1, so that whoever is told twice shows."""
        for row in self:
            row.number += int(message.payload or 1000) + 1

    def _parameter(self, name):
        return self.env["ir.config_parameter"].sudo().get_param(f"mqtt_e2e.{name}")
