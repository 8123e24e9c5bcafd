# Copyright 2026 mqtt_listener contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""The system parameters of MQTT in Odoo's settings."""

from odoo.exceptions import AccessError, ValidationError
from odoo.tests import Form, TransactionCase, new_test_user, tagged

from ..models.extensions.res_config_settings import LIMITS
from ..models.handler.mqtt_handler import SECONDS


@tagged("post_install", "-at_install")
class TestSettings(TransactionCase):
    def parameters(self):
        found = self.env["ir.config_parameter"].search(
            [("key", "=like", "mqtt_listener.%")]
        )
        return {one.key.partition(".")[2]: one.value for one in found}

    def settings(self):
        return self.env["res.config.settings"].create({})

    def test_defaults(self):
        """They are shown, and saving them sets nothing."""
        before = self.parameters()
        with Form(self.env["res.config.settings"]) as form:
            for field_name, name in LIMITS.items():
                self.assertEqual(form[field_name], SECONDS[name])
        form.record.execute()
        self.assertEqual(self.parameters(), before)

    def test_what_is_set_counts(self):
        """0 as well; and the default again is no parameter."""
        before = self.parameters()
        with Form(self.env["res.config.settings"]) as form:
            form.mqtt_storing_job_seconds = 0
            form.mqtt_job_seconds = 5
            form.mqtt_interrupt_calls = True
        form.record.execute()
        handlers = self.env["mqtt.handler"]
        self.assertEqual(handlers._seconds("storing_job_seconds"), 0)
        self.assertEqual(handlers._seconds("job_seconds"), 5)
        self.assertEqual(handlers._guard("job_seconds")._seconds, 5)
        self.assertEqual(self.parameters()["interrupt_calls"], "True")
        self.assertEqual(self.settings().mqtt_job_seconds, 5)
        with Form(self.env["res.config.settings"]) as form:
            self.assertTrue(form.mqtt_interrupt_calls)
            form.mqtt_storing_job_seconds = SECONDS["storing_job_seconds"]
            form.mqtt_job_seconds = SECONDS["job_seconds"]
            form.mqtt_interrupt_calls = False
        form.record.execute()
        self.assertEqual(self.parameters(), before)

    def test_what_is_no_time(self):
        for seconds in (-1, 86_401, float("nan")):
            with self.subTest(seconds), self.assertRaises(ValidationError):
                self.env["res.config.settings"].create({"mqtt_call_seconds": seconds})

    def test_who_may(self):
        """As of all settings: administrators."""
        manager = new_test_user(
            self.env, "settings_manager", groups="mqtt_listener.group_manager"
        )
        with self.assertRaises(AccessError):
            self.env["res.config.settings"].with_user(manager).create({})
