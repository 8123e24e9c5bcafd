# Copyright 2026 mqtt_listener contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""The number at Problems in the menu."""

from unittest.mock import patch

from odoo.tests import tagged

from ..models.service import problem_count
from .access_case import AccessCase


@tagged("post_install", "-at_install")
class TestProblemCount(AccessCase):
    def count(self, user):
        env = self.env(user=user, context={"allowed_company_ids": user.company_ids.ids})
        self.env.flush_all()
        return env["mqtt.service"].problem_count()

    def test_what_is_counted(self):
        """Failed messages, what is not stored, and paused topics."""
        operator = self.users["operator"]
        self.assertEqual(self.count(operator), 3)
        self.env["mqtt.paused.topic"].search([]).unlink()
        self.assertEqual(self.count(operator), 2)
        self.env["mqtt.quarantine"].search([]).unlink()
        self.assertEqual(self.count(operator), 1)
        self.job.state = "cancelled"
        self.assertEqual(self.count(operator), 0)
        self.env["mqtt.quarantine"]._put(
            self.service, [(number, self.message(), "No") for number in (1, 2)]
        )
        self.assertEqual(self.count(operator), 2)

    def test_in_another_company_nothing(self):
        self.assertEqual(self.count(self.users["manager"]), 3)
        self.assertEqual(self.count(self.elsewhere), 0)

    def test_it_stops_counting(self):
        """One query, and no more rows than are of interest."""
        operator = self.users["operator"]
        with patch.object(problem_count, "MOST_COUNTED", 2):
            self.assertEqual(self.count(operator), 2)
        services = self.env["mqtt.service"].with_user(operator)
        services.problem_count()  # groups and rules are known then
        with self.assertQueryCount(1):
            services.problem_count()
