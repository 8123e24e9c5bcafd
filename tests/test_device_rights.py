# Copyright 2026 mqtt_listener contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""What a manager may do about devices, and what only jobs do."""

from odoo.tests import tagged

from .access_case import AccessCase


@tagged("post_install", "-at_install")
class TestDeviceRights(AccessCase):
    def setUp(self):
        super().setUp()
        self.as_manager = self.env(user=self.users["manager"])

    def test_a_manager_makes_a_rule(self):
        """With an availability topic, and without being a system administrator."""
        rule = self.as_manager["mqtt.device.rule"].create(
            {
                "name": "New",
                "pattern": "new/{device}",
                "service_id": self.service.id,
                "availability_pattern": "status/{device}",
                "metric_ids": [(0, 0, {"name": "Temperature", "path": "$.temp"})],
            }
        )
        self.assertEqual(rule.availability_handler_id.kind, "availability")
        rule.availability_pattern = "state/{device}"
        self.assertEqual(rule.availability_handler_id.pattern, "state/{device}")
        rule.unlink()
