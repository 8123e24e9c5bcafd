import os
import tempfile
import traceback
from unittest.mock import patch

from odoo.exceptions import UserError, ValidationError
from odoo.tests import BaseCase, new_test_user, tagged
from odoo.tools import config

from ..dev.certificates import Identity
from ..listener.client import new_client
from ..listener.problem import Problem
from ..listener.publisher import Publisher
from ..listener.settings import NodeSettings, ServiceSettings
from ..mqtt.headers import HeaderError, parse_headers
from ..mqtt.reference import OptionsUnreadable, SecretMissing, is_reference, look_up
from .common import MqttCase


class TestReference(BaseCase):
    """Where a secret may be, without a service."""

    def test_what_may_be_referred_to(self):
        """Nothing that is there for another purpose."""
        for text in ("env:MQTT_PLANT", "conf:secret_plant", "conf:secret_Plant_2"):
            self.assertTrue(is_reference(text), text)
        for text in (
            "",
            "s3cret",
            "env:PGPASSWORD",
            "env:HOME",
            "env:MQTT_",
            "env:MQTT_A B",
            "env:MQTT_PLANT\n",
            "conf:admin_passwd",
            "conf:enabled",
            "file:/etc/passwd",
        ):
            self.assertFalse(is_reference(text), text)

    def test_look_up(self):
        options = {"secret_plant": "of the file", "secret_empty": ""}
        environment = {"MQTT_PLANT": "of the environment", "HOME": "/root"}

        def find(reference):
            return look_up(reference, environment, lambda: options)

        self.assertEqual(find("env:MQTT_PLANT"), "of the environment")
        self.assertEqual(find("conf:secret_Plant"), "of the file")
        for reference in (
            "env:MQTT_OTHER",
            "conf:secret_other",
            "conf:secret_empty",
            "env:HOME",  # past the model's check
        ):
            with self.assertRaises(SecretMissing) as error:
                find(reference)
            self.assertEqual(error.exception.reference, reference)

    def test_headers(self):
        text = "X-Plant: 1\n\n Authorization : Bearer a:b \n"
        expected = (("X-Plant", "1"), ("Authorization", "Bearer a:b"))
        self.assertEqual(parse_headers(text), expected)
        self.assertEqual(parse_headers(""), ())
        for text in ("none", ": x", "a b: x", "Ä: x", "a: x\0", "X: a\x1b[0m"):
            with self.assertRaises(HeaderError) as error:
                parse_headers(text)
            self.assertNotIn(text, str(error.exception))

    def test_options_of_the_node(self):
        """Secrets stand beside them."""
        node = NodeSettings.from_section({"secret_plant": "s3cret", "linger": "0.1"})
        self.assertEqual(node.linger, 0.1)
        self.assertNotIn("s3cret", repr(node))


@tagged("post_install", "-at_install")
class TestReferences(MqttCase):
    def setUp(self):
        super().setUp()
        variable = {"MQTT_PLANT_PASSWORD": "s3cret"}
        self.enterContext(patch.dict(os.environ, variable))

    def settings(self):
        return ServiceSettings.from_values(self.service._listener_settings())

    def configure(self, text):
        """Have a configuration with this as its ``[mqtt_listener]``."""
        file = self.enterContext(tempfile.NamedTemporaryFile("w", suffix=".conf"))
        file.write(f"[mqtt_listener]\n{text}")
        file.flush()
        self.enterContext(patch.dict(config.options, {"config": file.name}))

    def test_from_the_environment(self):
        """The database never has it."""
        self.service.write(
            {"username": "me", "password_reference": "env:MQTT_PLANT_PASSWORD"}
        )
        values = self.service._listener_settings()
        self.assertNotIn("s3cret", str(values))
        settings = self.settings()
        self.assertEqual(settings.resolved().password, "s3cret")
        self.assertNotIn("s3cret", repr(settings.resolved()))
        client = new_client(settings, "test")
        self.assertEqual(client._password, b"s3cret")

    def test_from_the_configuration(self):
        """Of each kind; a key is several lines, which are indented there."""
        identity = Identity("odoo")
        key = identity.private_key("of the key").replace("\n", "\n  ")
        self.configure(
            f"secret_key = {key}\n"
            "secret_key_password = of the key\n"
            "secret_headers = X-One: 1\n  X-Two: 2\n"
            "secret_login = 100%% sure\n"
        )
        self.service.write(
            {
                "tls": True,
                "transport": "websockets",
                "tls_certificate": identity.certificate,
                "tls_key_reference": "conf:secret_key",
                "tls_key_password_reference": "conf:secret_key_password",
                "websocket_headers_reference": "conf:secret_headers",
                "password_reference": "conf:secret_login",
            }
        )
        self.service.start_mqtt_service()
        found = self.settings().resolved()
        found.tls.check()
        self.assertEqual(found.websocket_headers, (("X-One", "1"), ("X-Two", "2")))
        self.assertEqual(found.password, "100%% sure")  # nothing is interpolated

    def test_read_anew(self):
        """A connection that is renewed finds what was changed meanwhile."""
        self.service.password_reference = "env:MQTT_PLANT_PASSWORD"
        settings = self.settings()
        self.assertEqual(settings.resolved().password, "s3cret")
        os.environ["MQTT_PLANT_PASSWORD"] = "renewed"
        self.assertEqual(settings.resolved().password, "renewed")

    def assert_said(self, error_class, words):
        """What the lookup raises is worded so, by whoever connects.

        :return: the exception, and all its words.
        """
        with self.assertRaises(error_class) as error:
            self.settings().resolved()
        problem = Problem.from_exception(error.exception)
        said = self.service._describe_problem(problem.code, problem.detail)
        self.assertIn(words, said)
        with self.assertRaisesRegex(UserError, words):
            self.service.action_test_connection()
        with Publisher(self.settings(), "test") as publisher:
            publisher.send([])
        self.assertEqual(publisher.problem, problem)
        return error.exception, said

    def test_nothing_there(self):
        """Said in words, by the listener, by a test and by a job that publishes."""
        self.service.password_reference = "env:MQTT_FORGOTTEN"
        self.service.start_mqtt_service()  # it need not be there, where this runs
        self.assert_said(SecretMissing, "There is no env:MQTT_FORGOTTEN")
        message = self.service.mqtt_publish("plant/1", "x")
        self.env["mqtt.service"]._enqueue_collected()
        self.mqtt_run_jobs()
        self.assertEqual(message.state, "retrying")
        job = self.env["queue.job"].search([("mqtt_message_id", "=", message.id)])
        self.assertIn("env:MQTT_FORGOTTEN", job.result)

    def test_a_configuration_that_cannot_be_read(self):
        """The lines that are wrong may be the secret: they are not in what is said."""
        self.configure("secret_key = -----BEGIN PRIVATE KEY-----\nc2VjcmV0\n")
        self.service.password_reference = "conf:secret_key"
        error, said = self.assert_said(OptionsUnreadable, "cannot be read")
        self.assertNotIn("c2VjcmV0", "".join(traceback.format_exception(error)))
        self.assertNotIn("c2VjcmV0", said)

    def test_headers_that_are_none(self):
        os.environ["MQTT_PLANT_PASSWORD"] = "s3cret without a colon"
        self.service.write(
            {
                "transport": "websockets",
                "websocket_headers_reference": "env:MQTT_PLANT_PASSWORD",
            }
        )
        with self.assertRaisesRegex(UserError, "Websocket Headers") as error:
            self.service.action_test_connection()
        self.assertNotIn("s3cret", str(error.exception))

    def test_one_of_both(self):
        """Naming where it is forgets what was stored, and the other way round."""
        self.service.password = "stored"
        self.service.password_reference = "env:MQTT_PLANT_PASSWORD"
        self.assertFalse(self.service.password_secret)
        self.service.password = "stored"
        self.assertFalse(self.service.password_reference)
        self.assertEqual(self.settings().resolved().password, "stored")
        other = self.env["mqtt.service"].create(
            {"host": "x", "password": "a", "password_reference": "env:MQTT_A"}
        )
        self.assertFalse(other.password_secret)
        self.assertTrue(other.password_reference)

    def test_other_variables(self):
        """Would be sent to whichever broker the service has."""
        for text in ("env:PGPASSWORD", "conf:admin_passwd", "s3cret"):
            with self.assertRaisesRegex(ValidationError, "env:MQTT_") as error:
                self.service.password_reference = text
            self.assertNotIn(text, str(error.exception))

    def test_a_restart_is_due(self):
        self.service.needs_restart = False
        self.service.tls_key_reference = "env:MQTT_KEY"
        self.assertTrue(self.service.needs_restart)

    def test_who_sees_where_they_are(self):
        """Managers."""
        self.service.password_reference = "env:MQTT_PLANT_PASSWORD"
        for group, sees in (("user", False), ("operator", False), ("manager", True)):
            user = new_test_user(self.env, f"references_{group}")
            user.group_ids = self.env.ref(f"mqtt_listener.group_{group}")
            fields = self.env["mqtt.service"].with_user(user).fields_get()
            self.assertEqual("password_reference" in fields, sees)
