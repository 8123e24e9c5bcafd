# Copyright 2026 mqtt_listener contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
from odoo import api, fields, models

from ...mqtt.reading import CHOICE, CLOCK, GOOD, LATE, RETAINED, TEXT, YES_NO
from ..common.wide_fields import BigInteger

LARGE = 1e6  # a number that is shown without decimals
SHOWN_VALUES = 5  # of a device in lists
QUALITIES = [
    (GOOD, "Good"),
    (LATE, "Late"),
    (CLOCK, "Clock off"),
    (RETAINED, "Retained"),
]
QUALITY_HELP = (
    "Good: it arrived in time. Late: the device took it more than 5 minutes before it "
    "arrived. Clock off: the device sent no valid time, or one that is more than 5 "
    "minutes ahead or more than a year ago, so the time of arrival counts. Retained: "
    "the broker had kept it from before the subscription."
)


class MqttDeviceValue(models.Model):
    """The newest value of a metric of a device, kept beside its readings."""

    _name = "mqtt.device.value"
    _description = "MQTT Last Value"
    _rec_name = "metric_id"
    _order = "device_id, metric_id"
    _log_access = False

    device_id = fields.Many2one(
        "mqtt.device", required=True, ondelete="cascade", help="Device that sent it."
    )
    metric_id = fields.Many2one(
        "mqtt.metric",
        required=True,
        ondelete="cascade",
        index=True,
        help="What the value says.",
    )
    time = fields.Datetime(required=True, help="Time of the device.")
    arrival = fields.Datetime(required=True, help="Time when it arrived.")
    number = fields.Float(digits=False, help="The value, if it is a number.")
    text = fields.Char(help="The value, if it is a text.")
    value = fields.Char(compute="_compute_value", help="The value with its unit.")
    quality = fields.Selection(QUALITIES, required=True, help=QUALITY_HELP)
    message_id = BigInteger(
        string="Message", aggregator=None, help="Identifier of the stored message."
    )

    _device_metric_uniq = models.UniqueIndex("(device_id, metric_id)")

    @api.depends("number", "text", "metric_id.kind", "metric_id.unit")
    @api.depends_context("lang")
    def _compute_value(self):
        for one in self:
            one.value = one.metric_id._shown(one.number, one.text)


class MqttMetric(models.Model):
    _inherit = "mqtt.metric"

    def _shown(self, number, text):
        """A value of this metric as people read it, with its unit."""
        return shown_value(self.env, self.kind, self.unit, number, text)


class MqttDevice(models.Model):
    _inherit = "mqtt.device"

    last_values = fields.Char(
        string="Values",
        compute="_compute_last_values",
        help="The last value of each metric of the device.",
    )

    @api.depends_context("lang")
    @api.depends("value_ids.number", "value_ids.text")
    def _compute_last_values(self):
        for device in self:
            values = device.value_ids.filtered("metric_id.active").sorted(
                lambda one: (one.metric_id.sequence, one.metric_id.id)
            )
            device.last_values = " · ".join(
                f"{one.metric_id.name} {one.value}" for one in values[:SHOWN_VALUES]
            )


def shown_value(env, kind, unit, number, text, **_other):
    """A value as people read it, with its unit.

    :param kind: of its metric.
    """
    if kind in (TEXT, CHOICE):
        shown = text or ""
    elif kind == YES_NO:
        shown = env._("Yes") if number else env._("No")
    else:
        number = number or 0.0
        shown = f"{number:.6g}" if abs(number) < LARGE else f"{number:,.0f}"
    return f"{shown} {unit}" if unit else shown
