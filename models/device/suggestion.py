# Copyright 2026 mqtt_listener contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
from odoo import models
from odoo.fields import Command

from ...mqtt.json_path import JsonPathError, compile_path, path_label
from ...mqtt.pattern import TopicPattern
from ...mqtt.payload import PayloadError
from ...mqtt.suggestion import suggest_pattern
from ...mqtt.topic import TopicFilter
from ..common.groups import MANAGER, check_group


class MqttSignalHistory(models.Model):
    _inherit = "mqtt.signal.history"

    def action_read_as_metric(self, path):
        """Open the form of a new metric for a value of messages like this one: of the
        rule that reads them already, else of a new rule.

        :param path: of the value, as JSONPath.
        :raise AccessError: for a user who is not an MQTT manager.
        """
        check_group(
            self.env, MANAGER, self.env._("Only an MQTT manager may define metrics.")
        )
        self.ensure_one()
        self.check_access("read")
        metric = self._suggested_metric(path)
        if rule := self._find_device_rule():
            return {
                "type": "ir.actions.act_window",
                "name": self.env._("Read as Metric"),
                "res_model": "mqtt.metric",
                "views": [(False, "form")],
                "context": {
                    "default_rule_id": rule.id,
                    **{f"default_{name}": value for name, value in metric.items()},
                },
            }
        pattern = suggest_pattern(self.topic)
        names = TopicPattern(pattern).names if pattern else []
        return {
            "type": "ir.actions.act_window",
            "name": self.env._("Read as Metric"),
            "res_model": "mqtt.device.rule",
            "views": [(False, "form")],
            "context": {
                "default_name": self.env._("Readings of %s", self.topic),
                "default_pattern": pattern,
                "default_service_id": self.service_id.id,
                "default_key_level": names[-1] if names else False,
                "default_metric_ids": [Command.create(metric)],
            },
        }

    def _suggested_metric(self, path):
        try:
            value = compile_path(path).find(self.json())
        except (JsonPathError, PayloadError):
            value = None
        kinds = {bool: "yes_no", str: "text"}
        name = path_label(path).replace(".", " ").replace("_", " ").capitalize()
        return {"name": name, "path": path, "kind": kinds.get(type(value), "number")}

    def _find_device_rule(self):
        """The rule that reads messages of this topic, if there is one."""
        services = [False, self.service_id.id]
        rules = self.env["mqtt.device.rule"].search([("service_id", "in", services)])
        topic = TopicFilter(self.topic)
        matching = (
            rule for rule in rules if TopicPattern(rule.pattern).filter.covers(topic)
        )
        return next(matching, rules.browse())
