# Copyright 2026 mqtt_listener contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""Devices that appear with their messages, and whether they are there."""

from datetime import timedelta

from odoo import fields
from odoo.exceptions import UserError, ValidationError

from .common import MqttCase


class DeviceCase(MqttCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.rule = cls.env["mqtt.device.rule"].create(
            {
                "name": "Machines",
                "pattern": "plant/{device}/telemetry",
                "service_id": cls.service.id,
                "metric_ids": [
                    (0, 0, {"name": "Temperature", "path": "$.temp", "unit": "°C"}),
                    (0, 0, {"name": "Running", "path": "$.on", "kind": "yes_no"}),
                    (0, 0, {"name": "Mode", "path": "$.mode", "kind": "text"}),
                ],
            }
        )
        cls.temperature, cls.running, cls.mode = cls.rule.metric_ids

    def device(self, key):
        devices = self.env["mqtt.device"].with_context(active_test=False)
        return devices.search([("key", "=", key)])

    def send(self, payload, device="press-1", **options):
        """Receive a message of a device, which has to be handled."""
        message = self.mqtt_receive(f"plant/{device}/telemetry", payload, **options)
        self.assertMqttHandled(message)
        return message

    def readings(self, metric=None, device="press-1"):
        domain = [("device_id.key", "=", device)]
        if metric:
            domain.append(("metric_id", "=", metric.id))
        return self.env["mqtt.reading"].search(domain, order="time, id")


class TestDevices(DeviceCase):
    def test_a_device_appears(self):
        """With the first message, by a level of its topic."""
        message = self.send({"temp": 20})
        device = self.device("press-1")
        self.assertEqual(device.name, "press-1")
        self.assertEqual(device.rule_id, self.rule)
        self.assertEqual(device.service_id, self.service)
        self.assertEqual(device.first_seen, message.timestamp)
        self.assertEqual(device.last_seen, message.timestamp)
        self.assertEqual(device.topic, "plant/press-1/telemetry")
        self.assertEqual(device.state, "online")
        later = self.send({"temp": 21})
        self.assertEqual(device.first_seen, message.timestamp)
        self.assertEqual(device.last_seen, later.timestamp)
        self.assertEqual(self.rule.device_count, 1)

    def test_a_key_in_the_payload(self):
        """Text or a whole number; anything else is a failure that names it."""
        self.rule.write({"key_from": "payload", "key_path": "$.serial"})
        self.send({"serial": "A-7", "temp": 20})
        self.send({"serial": 12, "temp": 20})
        self.assertTrue(self.device("A-7"))
        self.assertTrue(self.device("12"))
        for serial in ([1, 2], None, "", True, {"a": 1}, "x" * 300, "a\0b"):
            with self.subTest(serial=serial):
                message = self.mqtt_receive(
                    "plant/x/telemetry", {"serial": serial, "temp": 1}
                )
                self.assertEqual(message.state, "failed")
                said = message.job_ids.exc_message
                self.assertIn("plant/x/telemetry: the device key", said)
                self.assertNotIn("\n", said)
        self.assertEqual(self.rule.device_count, 2)

    def test_proposals(self):
        """Their readings are stored once they are accepted."""
        self.rule.acceptance = "propose"
        self.send({"temp": 20})
        device = self.device("press-1")
        self.assertFalse(device.accepted)
        self.assertEqual(self.rule.proposal_count, 1)
        self.assertFalse(self.readings())
        device.action_accept()
        self.send({"temp": 21})
        self.assertEqual(self.readings().mapped("number"), [21])

    def test_an_archived_device_is_left_alone(self):
        self.send({"temp": 20})
        self.device("press-1").active = False
        self.send({"temp": 21})
        self.assertEqual(len(self.device("press-1")), 1)
        self.assertEqual(self.readings().mapped("number"), [20])

    def test_hostile_keys(self):
        """Make as many devices as the rule allows; that there are more is said once."""
        self.rule.device_limit = 3
        topics = [f"plant/{number}/telemetry" for number in range(10)]
        messages = [self.message(topic, b'{"temp": 1}') for topic in topics]
        self.assertMqttHandled(self.receive(*messages))
        self.assertEqual(self.rule.device_count, 3)
        self.assertTrue(self.rule.limit_reached)
        said = self.rule.handler_id.message_ids.filtered(
            lambda one: "as many as it may" in one.body
        )
        self.assertEqual(len(said), 1)
        self.send({"temp": 1}, device="another")
        self.assertFalse(self.device("another"))
        self.assertEqual(len(self.rule.handler_id.message_ids & said), 1)
        self.rule.device_limit = 4
        self.assertFalse(self.rule.limit_reached)
        self.send({"temp": 1}, device="another")
        self.assertTrue(self.device("another"))
        self.send({"temp": 1}, device="one more")
        self.assertTrue(self.rule.limit_reached)
        self.device("another").unlink()
        self.assertFalse(self.rule.limit_reached)
        self.send({"temp": 1}, device="one more")
        self.assertTrue(self.device("one more"))

    def test_silence(self):
        """State by time, in the form, in searches and in groups."""
        self.rule.silent_after = 60
        self.send({"temp": 20})
        self.send({"temp": 20}, device="press-2")
        old = fields.Datetime.now() - timedelta(seconds=61)
        device = self.device("press-1")
        device.last_seen = old
        self.assertEqual(device.state, "silent")
        devices = self.env["mqtt.device"].search([("rule_id", "=", self.rule.id)])
        found = devices.search(
            [("rule_id", "=", self.rule.id), ("state", "=", "silent")]
        )
        self.assertEqual(found, device)
        groups = dict(
            devices._read_group([("id", "in", devices.ids)], ["state"], ["__count"])
        )
        self.assertEqual(groups, {"online": 1, "silent": 1})
        self.rule.silent_after = 0
        self.assertEqual(device.state, "online")

    def test_availability(self):
        """Its topic overrides time; what came before it does not count."""
        self.rule.availability_pattern = "plant/{device}/status"
        self.send({"temp": 20})
        device = self.device("press-1")
        self.mqtt_receive("plant/press-1/status", "offline", retain=True)
        self.assertEqual(device.state, "offline")
        self.mqtt_receive("plant/press-1/status", "online")
        self.assertEqual(device.state, "online")
        self.mqtt_receive("plant/press-1/status", "what?")
        self.mqtt_receive("plant/unknown/status", "online")
        self.assertEqual(device.state, "online")
        self.assertFalse(self.device("unknown"))
        early = self.message("plant/press-1/status", b"offline", timestamp=1)
        self.assertMqttHandled(self.receive(early))
        self.assertEqual(device.state, "online")
        handler = self.rule.availability_handler_id
        self.rule.availability_pattern = False
        self.assertFalse(handler.exists())

    def test_a_record_has_one_device(self):
        self.send({"temp": 20})
        self.send({"temp": 20}, device="press-2")
        partner = self.env["res.partner"].create({"name": "Press"})
        first, second = self.device("press-1"), self.device("press-2")
        first.record = partner
        self.assertEqual((first.res_model, first.res_id), ("res.partner", partner.id))
        with self.assertRaisesRegex(ValidationError, "one device at most"):
            second.record = partner
        partner.unlink()
        self.env.invalidate_all()
        self.assertFalse(first.record)

    def test_devices_find_their_records(self):
        """By a field that has their key: new ones at once, others by the cron."""
        with self.assertRaises(ValidationError):
            self.rule.write({"record_model": "res.partner", "record_field": "x"})
        with self.assertRaises(ValidationError):  # computed, cannot be searched
            self.rule.write(
                {"record_model": "res.partner", "record_field": "tz_offset"}
            )
        self.rule.write({"record_model": "res.partner", "record_field": "ref"})
        partner = self.env["res.partner"].create({"name": "Press", "ref": "press-1"})
        self.send({"temp": 20})
        self.send({"temp": 20}, device="press-2")
        self.assertEqual(self.device("press-1").record, partner)
        self.assertFalse(self.device("press-2").record)
        other = self.env["res.partner"].create({"name": "Press", "ref": "press-2"})
        self.send({"temp": 20}, device="press-2")
        self.assertFalse(self.device("press-2").record)
        self.env["mqtt.reading"]._look_after()
        self.assertEqual(self.device("press-2").record, other)

    def test_keys_that_are_no_numbers_of_records(self):
        """A field that is a number is only compared with numbers."""
        self.rule.write({"record_model": "res.partner", "record_field": "color"})
        partner = self.env["res.partner"].create({"name": "Press", "color": 812345})
        for key in ("press-1", "9" * 20, "٣", "812345"):
            self.send({"temp": 20}, device=key)
        self.assertEqual(self.device("812345").record, partner)

    def test_a_metric_goes_with_its_readings(self):
        self.send({"temp": 20, "on": True})
        self.temperature.unlink()
        self.assertEqual(self.readings().metric_id, self.running)

    def test_what_a_rule_refuses(self):
        for values in (
            {"key_level": "machine"},
            {"key_from": "payload", "key_path": False},
            {"key_from": "payload", "key_path": "$..x"},
            {"time_path": "ts"},
            {"availability_pattern": "plant/+/status"},
            {"availability_pattern": "plant/{device/status"},
            {"metric_ids": [(0, 0, {"name": "X", "path": "$.*"})]},
            {"metric_ids": [(0, 0, {"name": "X", "kind": "choice"})]},
        ):
            with self.subTest(values=values), self.assertRaises(UserError):
                self.rule.write(values)

    def test_a_rule_goes_with_what_it_collected(self):
        self.rule.availability_pattern = "plant/{device}/status"
        self.send({"temp": 20})
        handlers = self.rule.handler_id + self.rule.availability_handler_id
        device = self.device("press-1")
        self.rule.unlink()
        self.assertFalse(handlers.exists())
        self.assertFalse(device.exists())
        self.assertFalse(self.env["mqtt.reading"].search([]))

    def test_its_handler_takes_the_rule_along(self):
        self.send({"temp": 20})
        self.rule.handler_id.unlink()
        self.env.invalidate_all()
        self.assertFalse(self.rule.exists())
        self.assertFalse(self.env["mqtt.reading"].search([]))

    def test_a_copy_of_a_rule(self):
        copy = self.rule.copy()
        self.assertNotEqual(copy.handler_id, self.rule.handler_id)
        self.assertEqual(copy.pattern, self.rule.pattern)
        self.assertEqual(len(copy.metric_ids), 3)
