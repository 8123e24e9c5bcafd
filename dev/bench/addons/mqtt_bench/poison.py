# Copyright 2026 mqtt_listener contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
from odoo import api, models

from odoo.addons.mqtt_listener import mqtt_handler
from odoo.addons.mqtt_listener.jobs.failure import Failure
from odoo.addons.queue_job.exception import FailedJobError

PATTERN = "+/poison/{key}"
SWITCH = "mqtt_bench.poison"


class Item(models.Model):
    """A handler that raises for each message while it is poisoned."""

    _inherit = "mqtt.bench.item"

    @mqtt_handler(PATTERN)
    def _on_poison(self, message, key):
        if self.env["ir.config_parameter"].sudo().get_param(SWITCH):
            raise ValueError(f"message {message.id} of {key} has no temperature")
        self._find_and_write(key, message.payload[:100])

    # Called by the benchmark, over RPC

    @api.model
    def poison(self, is_on):
        """Have the handler raise from now on, or work again."""
        self.env["ir.config_parameter"].sudo().set_param(SWITCH, is_on and "1")
        return True

    @api.model
    def resume(self):
        """Resume the handler, as an operator does."""
        self._poisoned_handler().action_resume()
        return True

    @api.model
    def fail(self, service_id, count):
        """Have so many messages of a service fail: a job each, its tries used up.

        Without the runner, which would take minutes: as they fail in a job for many.

        :return: ids of the jobs.
        """
        handler = self._poisoned_handler().sudo()
        newest = self.env["queue.job"].sudo().search([], order="id desc", limit=1)
        for message in self._last(service_id, "poison", count):
            error = FailedJobError(f"message {message.id} has no temperature")
            message._enqueue_handle(handler, Failure.of(error))
        return self.env["queue.job"].sudo().search([("id", ">", newest.id)]).ids

    def _poisoned_handler(self):
        return self.env["mqtt.handler"].search([("pattern", "=", PATTERN)])
