from odoo import api, models
from odoo.exceptions import AccessError

from ..mqtt.wording import short_line, short_trace

LINES = ("name", "exc_name", "exc_message", "result")
TRACE = "exc_info"
SAID = {*LINES, TRACE}
OWN_FIELDS = {  # stored ones, which say what a job of MQTT is for
    "mqtt_service_id",
    "mqtt_message_id",
    "mqtt_handler_id",
    "mqtt_told",
    "mqtt_cause",
}


class QueueJob(models.Model):
    """What enters the row of a job of MQTT, whoever writes it."""

    _inherit = "queue.job"

    @api.private
    @api.model_create_multi
    def create(self, vals_list):
        return super().create(
            [_storable(vals) if _is_of_mqtt(vals) else vals for vals in vals_list]
        )

    def write(self, vals):
        """Store what a device, a broker or an exception says as one short line: a job
        whose failure could not be stored would take its neighbours with it.

        :raise AccessError: when a user changes whose message a job is for.
        """
        if _is_of_mqtt(vals) and not self.env.su:
            raise AccessError(
                self.env._("What a job does with MQTT messages cannot be changed.")
            )
        own = self.browse()
        if SAID & set(vals):
            own = self.sudo().filtered("mqtt_service_id").with_env(self.env)
        result = super(QueueJob, self - own).write(vals) if self != own else True
        return super(QueueJob, own).write(_storable(vals)) if own else result


def _is_of_mqtt(vals):
    return not OWN_FIELDS.isdisjoint(vals)


def _storable(vals):
    return {name: _shortened(name, value) for name, value in vals.items()}


def _shortened(name, value):
    if value is None or value is False or name not in SAID:
        return value
    if name == TRACE:
        return short_trace(str(value))
    return short_line(value).removeprefix("builtins." * (name == "exc_name"))
