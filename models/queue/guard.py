from odoo import models
from odoo.exceptions import AccessError

from ...mqtt.wording import short_line, short_trace

LINES = ("name", "exc_name", "exc_message", "result")
TRACE = "exc_info"
SAID = {*LINES, TRACE}


class QueueJob(models.Model):
    """What enters the row of a job of MQTT, whichever user writes it."""

    _inherit = "queue.job"

    def _mqtt_guarded(self, vals):
        """These values as a job may have them.

        What a device, a broker or an exception says becomes one short line: a job whose
        failure could not be stored would take its neighbours with it.

        :raise AccessError: when a user changes whose message a job is for.
        """
        if is_of_mqtt(vals) and not self.env.su:
            raise AccessError(
                self.env._("What a job does with MQTT messages cannot be changed.")
            )
        if SAID & set(vals) and self.sudo().mqtt_service_id:
            return storable(vals)
        return vals


def is_of_mqtt(vals):
    """Whether values link a job to a message, a handler or a service."""
    return any(name.startswith("mqtt_") for name in vals)


def storable(vals):
    """Values of a job with its texts as short lines."""
    return {name: _shortened(name, value) for name, value in vals.items()}


def _shortened(name, value):
    if value is None or value is False or name not in SAID:
        return value
    if name == TRACE:
        return short_trace(str(value))
    return short_line(value).removeprefix("builtins." * (name == "exc_name"))
