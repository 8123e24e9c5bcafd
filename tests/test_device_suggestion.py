# Copyright 2026 mqtt_listener contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""What *Read as Metric* begins with, from a value in the pane of a topic."""

from odoo.exceptions import AccessError
from odoo.tests import Form, new_test_user

from .test_devices import DeviceCase


class TestDeviceSuggestion(DeviceCase):
    def form(self, message, path):
        action = message.action_read_as_metric(path)
        model = self.env[action["res_model"]].with_context(**action["context"])
        return Form(model)

    def test_a_rule_reads_these_messages(self):
        """The metric is of that rule: name, path and kind are there."""
        message = self.send({"motor": {"oil_level": 3}, "door": False})
        form = self.form(message, "$.motor.oil_level")
        metric = form.save()
        self.assertEqual(metric.rule_id, self.rule)
        self.assertEqual(metric.name, "Motor oil level")
        self.assertEqual((metric.path, metric.kind), ("$.motor.oil_level", "number"))
        self.assertEqual(self.form(message, "$.door").kind, "yes_no")

    def test_no_rule_reads_them(self):
        """A new rule begins with this value; the last level names its devices."""
        message = self.mqtt_receive("hall/line1/press-7/state", {"mode": "auto"})
        rule = self.form(message, "$.mode").save()
        self.assertEqual(rule.pattern, "hall/{line}/{press}/state")
        self.assertEqual(rule.key_level, "press")
        self.assertEqual(rule.service_id, self.service)
        self.assertEqual(rule.metric_ids.mapped("kind"), ["text"])
        message = self.mqtt_receive("hall/line2/press-8/state", {"mode": "manual"})
        self.assertMqttHandled(message)
        self.assertEqual(self.device("press-8").rule_id, rule)

    def test_who_may(self):
        message = self.send({"temp": 20})
        operator = new_test_user(
            self.env, "metric_operator", groups="mqtt_listener.group_operator"
        )
        with self.assertRaises(AccessError):
            message.with_user(operator).action_read_as_metric("$.temp")
