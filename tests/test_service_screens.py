# Copyright 2026 mqtt_listener contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""What the screens of a service say beside its state."""

from odoo.exceptions import AccessError, ValidationError
from odoo.tests import Form, new_test_user, tagged

from .live_case import LiveCase


@tagged("post_install", "-at_install")
class TestServiceScreens(LiveCase):
    def setUp(self):
        super().setUp()
        self.service.start_mqtt_service()

    def test_a_problem_names_what_was_tried(self):
        """Not what was entered since; then it is no more a matter of now."""
        with self.listening("disconnected", problem="refused"):
            self.assertIn("broker.invalid:1883", self.service.last_error)
            self.assertFalse(self.service.last_error_is_past)
            self.service.write({"host": "other.invalid", "port": 1884})
            self.service.invalidate_recordset()
            self.assertIn("broker.invalid:1883", self.service.last_error)
            self.assertTrue(self.service.last_error_is_past)
            self.service.restart_mqtt_service()
            self.assertFalse(self.service.last_error_is_past)
        self.service.stop_mqtt_service()
        self.assertTrue(self.service.last_error_is_past)

    def test_an_address_with_colons(self):
        self.service.host = "::1"
        with self.listening("disconnected", problem="refused"):
            self.assertIn("Nothing answers on ::1:1883", self.service.last_error)

    def test_subscribed_is_true(self):
        """Only while the service is connected; what was refused stays so."""
        grant = self.subscription.grant_ids
        grant.state = "granted"
        self.assertEqual(self.subscription.current_state, "offline")
        with self.listening():
            self.subscription.invalidate_recordset()
            self.service.invalidate_recordset()
            self.assertEqual(self.subscription.current_state, "granted")
        self.subscription.invalidate_recordset()
        self.service.invalidate_recordset()
        grant.state = "refused"
        self.assertEqual(self.subscription.current_state, "refused")

    def test_what_a_service_lacks(self):
        """Filters first, then handlers; one of another service is none."""
        # Other addons may have handlers for all services.
        self.env["mqtt.handler"].search([]).enabled = False
        self.assertFalse(self.service.lacks_filters)
        self.assertTrue(self.service.lacks_handlers)
        action = self.env["ir.actions.server"].create(
            {
                "name": "Nothing",
                "model_id": self.env.ref("mqtt_listener.model_mqtt_signal_history").id,
                "state": "code",
            }
        )
        handler = self.env["mqtt.handler"].create(
            {
                "name": "Nothing",
                "pattern": "plant/1",
                "service_id": self.service.copy().id,
                "action_server_id": action.id,
            }
        )
        self.service.invalidate_recordset()
        self.assertTrue(self.service.lacks_handlers)
        handler.service_id = self.service
        self.service.invalidate_recordset()
        self.assertFalse(self.service.lacks_handlers)
        handler.active = False
        self.subscription.active = False
        self.service.invalidate_recordset()
        self.assertTrue(self.service.lacks_filters)
        self.assertFalse(self.service.lacks_handlers)

    def test_a_new_handler(self):
        """For this service, and for those who may create one."""
        context = self.service.action_new_handler()["context"]
        self.assertEqual(context["default_service_id"], self.service.id)
        operator = new_test_user(
            self.env, "an_operator", groups="mqtt_listener.group_operator"
        )
        with self.assertRaises(AccessError):
            self.service.with_user(operator).action_new_handler()

    def test_a_number_out_of_range(self):
        """It is said when it is typed."""
        self.service.port = 65_535
        service = self.service.new({"port": 65_536}, origin=self.service)
        warning = service._onchange_ranges()["warning"]
        self.assertIn("65536", warning["message"])
        service.port = 1
        self.assertFalse(service._onchange_ranges())

    def test_the_address_of_the_broker(self):
        for values, address in (
            ({}, "mqtt://broker.invalid:1883"),
            ({"tls": True, "port": 8883}, "mqtts://broker.invalid:8883"),
            ({"transport": "websockets"}, "wss://broker.invalid:8883/mqtt"),
            ({"host": False}, False),
        ):
            self.service.write(values)
            self.assertEqual(self.service.broker_address, address)

    def test_an_address_is_no_host(self):
        """It may have a password, and everybody reads the host."""
        for host in ("me:pa/ss@broker", "broker/path", "broker?token=x"):
            with self.assertRaises(ValidationError):
                self.service.host = host

    def test_a_token_is_not_shown(self):
        self.service.write(
            {
                "transport": "websockets",
                "websocket_path": "/mqtt?token=secret",
            }
        )
        self.assertTrue(self.service.broker_address.endswith("/mqtt"))

    def test_the_form_of_a_new_service(self):
        """It can be filled in and saved."""
        with Form(self.env["mqtt.service"]) as form:
            form.host = "mqtt://broker.example"
        self.assertEqual(form.record.host, "broker.example")
