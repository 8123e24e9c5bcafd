# Copyright 2026 mqtt_listener contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
from odoo import api, fields, models
from odoo.exceptions import ValidationError

from ...mqtt.json_path import JsonPathError, compile_path
from ...mqtt.reading import read_choices
from ..common.wide_fields import BigInteger

MOST_DAYS = 36_500  # that far back, each day is a date


class MqttMetric(models.Model):
    """A value that devices send over time."""

    _name = "mqtt.metric"
    _description = "MQTT Metric"
    _order = "rule_id, sequence, id"

    rule_id = fields.Many2one(
        "mqtt.device.rule",
        required=True,
        ondelete="cascade",
        index=True,
        help="Rule that reads this value from messages.",
    )
    sequence = fields.Integer(default=10)
    active = fields.Boolean(
        default=True,
        help="When archived, this value is no longer read. Its readings stay.",
    )
    name = fields.Char(
        required=True, translate=False, help="Name of the value: Temperature."
    )
    path = fields.Char(
        required=True,
        default="$",
        help="Where the payload holds the value, as JSONPath: $.motor.temp or "
        "$.values[0]. $ is the whole payload.",
    )
    kind = fields.Selection(
        [
            ("number", "Number"),
            ("text", "Text"),
            ("yes_no", "Yes/no"),
            ("choice", "Choice"),
        ],
        default="number",
        required=True,
        help="Number: it can be charted. Text: up to 1,000 characters. Yes/no: true, "
        "on, yes or 1, and their opposites. Choice: one of the values below.",
    )
    unit = fields.Char(help="Unit of the value: °C, bar, kWh.")
    factor = fields.Float(
        default=1,
        digits=False,
        help="Numbers are multiplied by it: 0.1 for a device that sends tenths.",
    )
    offset = fields.Float(
        digits=False, help="It is added to numbers after they were multiplied."
    )
    choices = fields.Text(
        help="Values that the device may send, one a line. Write 0 = Idle to show a "
        "name in place of the value."
    )
    retention_days = fields.Integer(
        string="Keep Readings",
        default=365,
        required=True,
        help="Readings are kept for this number of days. 0: without limit.",
    )
    rollup_days = fields.Integer(
        string="Keep Hourly Figures",
        default=1_825,
        required=True,
        help="Figures by hour are kept for this number of days. 0: without limit.",
    )
    good_count = BigInteger(
        string="Read",
        readonly=True,
        copy=False,
        help="Number of values that were read.",
    )
    zero_count = BigInteger(
        string="Zero",
        readonly=True,
        copy=False,
        help="Number of values among them that were 0 or false.",
    )
    missing_count = BigInteger(
        string="Missing",
        readonly=True,
        copy=False,
        help="Number of messages without this value.",
    )
    empty_count = BigInteger(
        string="Empty",
        readonly=True,
        copy=False,
        help="Number of messages in which this value was null or an empty text.",
    )
    wrong_count = BigInteger(
        string="Wrong",
        readonly=True,
        copy=False,
        help="Number of values that could not be converted. They are not stored.",
    )
    last_wrong = fields.Char(
        string="Last Wrong Value",
        readonly=True,
        copy=False,
        help="Topic and value of the last one that could not be converted.",
    )

    _days = models.Constraint(
        f"CHECK(retention_days BETWEEN 0 AND {MOST_DAYS}"
        f" AND rollup_days BETWEEN 0 AND {MOST_DAYS})",
        "A number of days is 0 to 36,500.",
    )

    @api.depends("name", "unit")
    def _compute_display_name(self):
        for metric in self:
            unit = f" ({metric.unit})" if metric.unit else ""
            metric.display_name = f"{metric.name or ''}{unit}"

    @api.constrains("path")
    def _check_path(self):
        for metric in self:
            try:
                compile_path(metric.path or "")
            except JsonPathError as error:
                raise ValidationError(
                    self._describe_path_error(metric.name, error)
                ) from error

    @api.constrains("kind", "choices")
    def _check_choices(self):
        for metric in self:
            if metric.kind == "choice" and not read_choices(metric.choices or ""):
                raise ValidationError(
                    self.env._("“%s” is a choice: enter its values.", metric.name)
                )

    @api.model
    def _describe_path_error(self, name, error):
        """Why a path is not valid, in the user's words.

        :param name: of what has the path.
        :param error: a ``JsonPathError``.
        """
        if error.code == "many":
            return self.env._(
                "%(name)s: path “%(path)s” may find several values. Write a path to "
                "one value, for example $.motor.temp or $.values[0].",
                name=name,
                path=error.text,
            )
        return self.env._(
            "%(name)s: path “%(path)s” is not valid. Write a path such as $.motor.temp "
            "or $.values[0]; $ is the whole payload. %(reason)s",
            name=name,
            path=error.text,
            reason=error.reason,
        )

    @api.model_create_multi
    def create(self, vals_list):
        metrics = super().create(vals_list)
        metrics.rule_id._check_rights()
        return metrics

    def write(self, vals):
        self.rule_id._check_rights()
        result = super().write(vals)
        self.rule_id._check_rights()
        return result

    def unlink(self):
        self.check_access("unlink")
        self.rule_id._check_rights()
        self.env["mqtt.reading"]._remove("metric_id", self.ids)
        return super().unlink()
