# Copyright 2026 mqtt_listener contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""What forms show of a device, and at which cost."""

from odoo.exceptions import AccessError, UserError
from odoo.tests import new_test_user

from .test_devices import DeviceCase


class TestDeviceView(DeviceCase):
    def setUp(self):
        super().setUp()
        for number in range(12):
            self.send({"temp": number, "on": True, "mode": "auto"})
        self.press = self.device("press-1")
        self.partner = self.env["res.partner"].create({"name": "Press"})
        self.press.record = self.partner
        self.env.flush_all()

    def shown(self, record=None):
        if record is None:
            return self.press.widget_data()
        return self.env["mqtt.device"].widget_data(record._name, record.id)

    def test_what_is_shown(self):
        """Of the device itself, and of the record that it belongs to."""
        shown = self.shown(self.partner)
        self.assertEqual((shown["id"], shown["state"]), (self.press.id, "online"))
        self.assertEqual(
            [(one["name"], one["value"]) for one in shown["values"]],
            [("Temperature", "11 °C"), ("Running", "Yes"), ("Mode", "auto")],
        )
        self.assertEqual(shown["values"][0]["recent"], [5.5])
        self.assertEqual(shown, self.shown())
        other = self.env["res.partner"].create({"name": "Without"})
        self.assertFalse(self.shown(other))
        messages = self.press.last_messages()
        self.assertEqual(len(messages), 10)
        self.assertIn("temp 11", messages[0]["payload"])

    def test_queries(self):
        """Three: the device, its values, what its sparklines are of."""
        user = new_test_user(self.env, "viewer", groups="mqtt_listener.group_user")
        devices = self.env["mqtt.device"].with_user(user)
        devices.widget_data("res.partner", self.partner.id)  # access rules are cached
        devices.env.invalidate_all()
        with self.assertQueryCount(3):
            devices.widget_data("res.partner", self.partner.id)

    def test_who_sees_it(self):
        """Nobody who may not read devices; and none of another company."""
        employee = new_test_user(self.env, "employee", groups="base.group_user")
        with self.assertRaises(AccessError):
            self.env["mqtt.device"].with_user(employee).widget_data(
                "res.partner", self.partner.id
            )
        company = self.env["res.company"].create({"name": "Other"})
        elsewhere = new_test_user(
            self.env,
            "elsewhere",
            groups="mqtt_listener.group_manager",
            company_id=company.id,
            company_ids=[(6, 0, company.ids)],
        )
        self.service.company_id = self.env.company
        self.env.flush_all()
        devices = self.env["mqtt.device"].with_user(elsewhere)
        self.assertFalse(devices.widget_data("res.partner", self.partner.id))
        self.assertFalse(devices.env["mqtt.reading"].search([]))
        self.assertFalse(devices.env["mqtt.device.value"].search([]))
        with self.assertRaises(AccessError):
            devices.browse(self.press.id).chart_data(self.temperature.id, "day")

    def test_a_chart_that_does_not_exist(self):
        other = self.rule.copy().metric_ids[0]
        for metric, span in ((other, "day"), (self.temperature, "week")):
            with self.subTest(span=span), self.assertRaises(UserError):
                self.press.chart_data(metric.id, span)

    def test_a_message_and_its_readings(self):
        reading = self.readings(self.temperature)[0]
        action = reading.action_open_message()
        self.assertEqual(action["domain"], [("id", "in", [reading.message_id])])

    def test_views_of_the_menus_can_be_loaded(self):
        """All kinds of each window, as a browser asks for them."""
        for name in ("device", "reading", "rollup", "device_rule"):
            action = self.env.ref(f"mqtt_listener.mqtt_{name}_action")
            kinds = [(False, kind) for kind in action.view_mode.split(",")]
            with self.subTest(name=name):
                views = self.env[action.res_model].get_views(
                    [*kinds, (False, "search")]
                )
                self.assertEqual(len(views["views"]), len(kinds) + 1)
