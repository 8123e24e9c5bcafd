# Copyright 2026 mqtt_listener contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
from odoo.tests import tagged

from .mapping_case import MappingCase
from .test_handler_trial import TrialCase


@tagged("post_install", "-at_install")
class TestMappingTrial(MappingCase, TrialCase):
    def test_try_it(self):
        """A mapping is tried as each handler: shown, and undone."""
        partner = self.partner("press")
        partner.city = "Graz"
        mapping = self.mapping(values=[self.path("city", "$.c")])
        self.assertEqual(mapping.action_try()["res_model"], "mqtt.handler.trial")
        trial = self.run_trial(mapping.handler_id, "plant/press", '{"c": "Linz"}')
        self.assertEqual(trial.state, "done", trial.error)
        self.assert_changed(trial, "Graz", "Linz")
        self.assertEqual(partner.city, "Graz")
        trial = self.run_trial(mapping.handler_id, "plant/press", '{"c": []}')
        self.assertEqual(trial.state, "failed")
        self.assertIn("City ← $.c: a list of 0 is not a text", trial.error)

    def test_what_is_created_is_shown(self):
        name = {"field_name": "name", "source": "level", "value": "ref"}
        mapping = self.mapping(defaults=[name], not_found="create")
        trial = self.run_trial(mapping.handler_id, "plant/press", "{}")
        self.assertEqual(
            trial.summary, "It would have changed 1 record. Nothing was kept."
        )
        self.assertIn("press", trial.changes)
        self.assertFalse(self.env["res.partner"].search([("ref", "=", "press")]))
