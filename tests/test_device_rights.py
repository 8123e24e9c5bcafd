# Copyright 2026 mqtt_listener contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""What a manager may do about devices, and what only jobs do."""

from odoo.exceptions import AccessError
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

    def test_what_jobs_say_of_a_device(self):
        """Is written by nobody else: rule, service, company, key, and the record."""
        device = self.records["mqtt.device"].with_env(self.as_manager)
        partner = self.env["res.partner"].create({"name": "Press"})
        device.write({"name": "Press 1"})
        for values in (
            {"rule_id": device.rule_id.id},
            {"service_id": device.service_id.id},
            {"company_id": self.env.company.id},
            {"key": "other"},
            {"res_model": "res.partner", "res_id": partner.id},
            {"res_id": partner.id},
        ):
            with self.subTest(values=values), self.assertRaises(AccessError):
                device.write(values)
        device.record = partner
        self.assertEqual(device.res_id, partner.id)
