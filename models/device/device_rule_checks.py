# Copyright 2026 mqtt_listener contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
from odoo import api, models
from odoo.exceptions import ValidationError

from ...mqtt.json_path import JsonPathError, compile_path
from ...mqtt.pattern import TopicPattern
from ...mqtt.topic import TopicError


class MqttDeviceRule(models.Model):
    """What a rule may be set to, said when it is entered."""

    _inherit = "mqtt.device.rule"

    @api.constrains("key_from", "key_level", "key_path", "handler_id", "time_path")
    def _check_key(self):
        for rule in self:
            if rule.key_from == "level":
                rule._check_level(rule.pattern, rule.key_level or "")
            else:
                rule._check_path(rule.key_path, rule._fields["key_path"])
            if rule.time_path:
                rule._check_path(rule.time_path, rule._fields["time_path"])

    @api.constrains("availability_pattern", "key_from", "key_level")
    def _check_availability_pattern(self):
        for rule in self.filtered("availability_pattern"):
            try:
                rule._check_level(rule.availability_pattern, rule._availability_level())
            except TopicError as error:
                raise ValidationError(
                    rule.handler_id._describe_pattern_error(error.code, error.text)
                ) from error

    def _check_level(self, pattern, level):
        """:raise ValidationError: unless a pattern has a level of this name.
        :raise TopicError: when it is no pattern.
        """
        names = TopicPattern(pattern).names
        if level not in names:
            raise ValidationError(
                self.env._(
                    "Topic pattern “%(pattern)s” has no level {%(level)s}, which "
                    "names the device. Write the pattern with it, for example "
                    "plant/{%(level)s}/telemetry.",
                    pattern=pattern,
                    level=level or "device",
                )
            )

    def _check_path(self, path, field):
        """:raise ValidationError: unless a text is a path to one value."""
        try:
            compile_path(path or "")
        except JsonPathError as error:
            raise ValidationError(
                self.env["mqtt.metric"]._describe_path_error(
                    field._description_string(self.env), error
                )
            ) from error
