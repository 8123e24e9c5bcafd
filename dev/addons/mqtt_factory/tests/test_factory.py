# Copyright 2026 mqtt_listener contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
import time

from odoo.tests import tagged

from odoo.addons.mqtt_listener.tests.common import MqttCase


@tagged("post_install", "-at_install")
class TestFactory(MqttCase):
    def machine(self, name):
        return self.env["mqtt.factory.machine"].search([("name", "=", name)])

    def test_state(self):
        """A new machine appears; a fault raises the alarm, without any code."""
        message = self.mqtt_receive("factory/press-1/state", "fault run1-1")
        self.assertMqttHandled(message, "mqtt.factory.machine._on_state", times=1)
        self.assertMqttHandled(message, "Alarm of a machine", times=1)
        press = self.machine("press-1")
        self.assertEqual((press.state, press.alarm), ("fault", True))
        self.mqtt_receive("factory/press-1/state", "running run1-2")
        self.assertEqual((press.state, press.alarm), ("running", False))

    def test_state_by_a_mapping(self):
        """The mapping does the same as the method, which is off here."""
        handlers = self.env["mqtt.handler"]
        handlers.search([("method_name", "=", "_on_state")]).enabled = False
        for state in ("fault", "running"):
            message = self.mqtt_receive("factory/press-1/state", f"{state} run1-1")
            self.assertMqttHandled(message, "State of a machine")
            press = self.machine("press-1")
            self.assertEqual((len(press), press.state), (1, state))
            self.assertEqual(press.last_seen, message.timestamp.replace(microsecond=0))

    def test_telemetry(self):
        """Each message becomes a reading, the last one is the machine's."""
        for temperature in (60.5, 61.5):
            telemetry = {"temperature": temperature, "pressure": 4, "pieces": 7}
            message = self.mqtt_receive("factory/press-1/telemetry", telemetry)
            self.assertMqttHandled(message, "mqtt.factory.machine._on_telemetry")
        press = self.machine("press-1")
        self.assertEqual(press.temperature, 61.5)
        self.assertEqual(press.reading_ids.mapped("temperature"), [61.5, 60.5])

    def test_nonsense_fails_and_says_so(self):
        message = self.mqtt_receive("factory/press-1/telemetry", "{")
        self.assertEqual(message.state, "failed")
        for job in message.job_ids:  # of the method, and of the device rule
            self.assertIn("not JSON", job.exc_message)
        self.assertFalse(self.machine("press-1"))

    def test_what_a_trial_of_a_handler_shows(self):
        handler = self.env["mqtt.handler"].search(
            [
                ("model_name", "=", "mqtt.factory.machine"),
                ("method_name", "=", "_on_state"),
            ]
        )
        trial = self.env["mqtt.handler.trial"].create(
            {
                "handler_id": handler.id,
                "service_id": self.service.id,
                "topic": "factory/press-1/state",
                "payload": "fault run1-1",
            }
        )
        with self.enter_registry_test_mode():
            trial.action_run()
        self.assertEqual(
            trial.summary, "It would have changed 1 record. Nothing was kept."
        )
        self.assertIn("mqtt.factory.machine", trial.changes)
        self.assertFalse(self.machine("press-1"))

    def test_a_command_and_its_answer(self):
        """What the machine answers stands on its form; so does its silence."""
        self.service.write({"host": "127.0.0.1", "port": 1})
        self.service.start_mqtt_service()
        self.mqtt_receive("factory/press-1/state", "running run1-1")
        press = self.machine("press-1")
        press.action_reset()
        request = self.env["mqtt.request"].search([])
        self.assertEqual(request.message_id.topic, "factory/press-1/command")
        self.assertIn("waiting", press.last_command)
        self.mqtt_answer(request, {"counted": 7})
        self.assertIn("7 pieces", press.last_command)
        press.action_reset()
        self.mqtt_run_jobs(later=True)
        self.assertIn("no answer", press.last_command)

    def test_a_device_on_the_form_of_a_machine(self):
        """Readings without code beside those in Python; the form finds the device."""
        for temperature in (60.5, 61.5):
            telemetry = {"temperature": temperature, "pressure": 4, "pieces": 7}
            at = {"at": time.time()}
            self.mqtt_receive("factory/press-1/telemetry", telemetry | at)
        press = self.machine("press-1")
        shown = self.env["mqtt.device"].widget_data(press._name, press.id)
        self.assertEqual(
            [(one["name"], one["value"]) for one in shown["values"]],
            [("Temperature", "61.5 °C"), ("Pressure", "4 bar"), ("Pieces", "7")],
        )
        readings = self.env["mqtt.reading"].search([("device_id", "=", shown["id"])])
        self.assertEqual(len(readings), 6)
