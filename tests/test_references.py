# Copyright 2026 mqtt_listener contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
import os
import tempfile
import traceback
from dataclasses import replace
from unittest.mock import patch

from odoo.exceptions import UserError, ValidationError
from odoo.tests import BaseCase, new_test_user, tagged
from odoo.tools import config

from ..broker.connecting import new_client
from ..broker.problem import Problem
from ..broker.publisher import Publisher
from ..broker.settings import ServiceSettings
from ..listener.node_settings import NodeSettings
from ..models.service.mqtt_service import ROUTE_FIELDS
from ..mqtt.connect import HeaderError, parse_headers
from ..mqtt.reference import (
    OptionsUnreadable,
    SecretMissing,
    SecretNotBound,
    Use,
    is_reference,
    look_up,
)
from .certificates import Identity
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
            "env:MQTT_PLANT_FOR",
            "conf:secret_plant_for",
            "conf:secret_plant_FOR",
            "conf:admin_passwd",
            "conf:enabled",
            "file:/etc/passwd",
        ):
            self.assertFalse(is_reference(text), text)

    def test_look_up(self):
        options = {
            "secret_plant": "of the file",
            "secret_plant_for": "a",
            "secret_empty": "",
        }
        environment = {
            "MQTT_PLANT": "of the environment",
            "MQTT_PLANT_FOR": "a",
            "MQTT_FREE": "x",
            "HOME": "/root",
        }

        def find(reference, host="a"):
            use = Use(host, 8883, "production", 1, True)
            return look_up(reference, use, environment, lambda: options)

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
        for reference, host in (
            ("env:MQTT_PLANT", "b"),
            ("conf:secret_plant", "b"),
            ("env:MQTT_FREE", "a"),  # nobody has said where it may go
        ):
            with self.assertRaises(SecretNotBound) as error:
                find(reference, host)
            self.assertEqual(error.exception.entry, f"{host}:8883@production/1")

    def test_bindings(self):
        """What an entry leaves out may be any; what cannot be read allows nothing."""
        use = Use("Broker.example.", 8883, "production", 2, True)
        plain = Use("broker.example", 1883, "production", 0, False)
        for binding, is_allowed, is_allowed_plain in (
            ("broker.example", True, False),
            ("other.example, broker.example:8883", True, False),
            ("broker.example:1883", False, False),
            ("mqtt://broker.example", True, True),
            ("mqtt://broker.example:1883@production", False, True),
            ("broker.example@production", True, False),
            ("broker.example@production/2", True, False),
            ("mqtt://broker.example@production/1", False, False),
            ("broker.example@staging", False, False),
            ("broker.example:8883@production/2", True, False),
            ("mqtt://broker.example@production/0", False, True),
            ("broker.example/2", False, False),
            ("broker.example@", False, False),
            ("*", False, False),
            ("xbroker.example", False, False),
            ("", False, False),
        ):
            with self.subTest(binding):
                self.assertEqual(use.is_one_of(binding), is_allowed)
                self.assertEqual(plain.is_one_of(binding), is_allowed_plain)
        for one in (use, plain, Use("2001:db8::1", 8883, "x", 1, True)):
            self.assertTrue(one.is_one_of(str(one)), "what is said has to help")

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
        for text in ("nan", "inf", "-1", "0", "soon"):
            with self.assertRaisesRegex(ValueError, "linger"):
                NodeSettings.from_section({"linger": text})


@tagged("post_install", "-at_install")
class TestReferences(MqttCase):
    def setUp(self):
        super().setUp()
        variables = {
            "MQTT_PLANT_PASSWORD": "s3cret",
            "MQTT_PLANT_PASSWORD_FOR": "mqtt://broker.invalid",
        }
        self.enterContext(patch.dict(os.environ, variables))

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
            "secret_key_for = broker.invalid\n"
            "secret_key_password_for = broker.invalid\n"
            "secret_headers_for = broker.invalid\n"
            "secret_login_for = broker.invalid\n"
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
        self.assertRegex(said, words)
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
        self.assert_said(SecretMissing, "env:MQTT_FORGOTTEN is not set")
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

    def test_not_for_this_broker(self):
        """Said in words, with what the administrator of the server has to add."""
        self.service.password_reference = "env:MQTT_PLANT_PASSWORD"
        for name, value in (("host", "catcher.invalid"), ("port", 1)):
            with self.subTest(name):
                os.environ["MQTT_PLANT_PASSWORD_FOR"] = "mqtt://broker.invalid:1883"
                before = self.service[name]
                self.service.write(
                    {name: value, "password_reference": "env:MQTT_PLANT_PASSWORD"}
                )
                entry = f"mqtt://{self.service.host}:{self.service.port}"
                self.assert_said(SecretNotBound, f"{entry}@.* to env:MQTT_.*_FOR")
                self.service[name] = before
                self.service.password_reference = "env:MQTT_PLANT_PASSWORD"

    def test_not_without_tls(self):
        """What is bound to a host goes there in the clear only where that is said."""
        os.environ["MQTT_PLANT_PASSWORD_FOR"] = "broker.invalid"
        reference = {"password_reference": "env:MQTT_PLANT_PASSWORD"}
        for values, is_sent in (
            ({"tls": False}, False),
            ({"tls": True, "tls_unchecked": True}, False),
            ({"tls": True, "tls_unchecked": False}, True),
        ):
            self.service.write({**values, **reference})
            if is_sent:
                self.assertEqual(self.settings().resolved().password, "s3cret")
            else:
                with self.assertRaises(SecretNotBound):
                    self.settings().resolved()

    def test_not_where_the_broker_sends_it(self):
        """A redirect is another host: it has to be bound as well."""
        self.service.password_reference = "env:MQTT_PLANT_PASSWORD"
        settings = self.settings()
        self.assertEqual(settings.resolved().password, "s3cret")
        with self.assertRaises(SecretNotBound):
            new_client(replace(settings, host="catcher.invalid"), "test")

    def test_of_another_company(self):
        os.environ["MQTT_PLANT_PASSWORD_FOR"] = (
            f"mqtt://broker.invalid@{self.env.cr.dbname}/{self.env.company.id}"
        )
        self.service.password_reference = "env:MQTT_PLANT_PASSWORD"
        self.assertEqual(self.settings().resolved().password, "s3cret")
        for company in (self.env["res.company"].create({"name": "Other"}), False):
            self.service.write(
                {
                    "company_id": company and company.id,
                    "password_reference": "env:MQTT_PLANT_PASSWORD",
                }
            )
            with self.assertRaises(SecretNotBound):
                self.settings().resolved()

    def test_whatever_changes_the_way(self):
        """Clears what is stored and what is referred to, unless it is entered anew."""
        authority = Identity("authority").certificate
        changes = {
            "host": "catcher.invalid",
            "port": 1,
            "transport": "websockets",
            "websocket_path": "/other",
            "tls": False,
            "tls_unchecked": True,
            "tls_authorities": authority,
            "tls_alpn": "mqtt",
            "follow_redirects": True,
            "company_id": False,
        }
        self.assertEqual(set(changes), set(ROUTE_FIELDS))
        manager = new_test_user(
            self.env, "references_way", groups="mqtt_listener.group_manager"
        )
        for name, value in changes.items():
            for secrets, kept in (
                ({"password": "p", "websocket_headers": "X: 1"}, "secret"),
                (
                    {
                        "password_reference": "env:MQTT_P",
                        "websocket_headers_reference": "env:MQTT_H",
                    },
                    "reference",
                ),
            ):
                with self.subTest(name, kept=kept):
                    service = self.env["mqtt.service"].create(
                        {
                            "host": "broker.invalid",
                            "tls": True,
                            "company_id": self.env.company.id,
                            **secrets,
                        }
                    )
                    own = service.with_user(manager)
                    before = service._fields[name].convert_to_write(
                        service[name], service
                    )
                    names = [f"password_{kept}", f"websocket_headers_{kept}"]
                    own.write({"name": "The same way", name: before})
                    self.assertTrue(all(service[one] for one in names))
                    self.assertFalse(
                        any(service.copy()[one] for one in names), "nor does a copy"
                    )
                    own.write({name: value, **secrets})
                    self.assertTrue(all(service[one] for one in names))
                    own.write({name: before})
                    self.assertFalse(any(service[one] for one in names), names)

    def test_keys_of_another_company(self):
        """They stay where the way changes, and go with what they were entered for."""
        identity = Identity("odoo")
        secrets = {
            "tls_key": identity.private_key("x"),
            "tls_key_password_reference": "env:MQTT_K",
        }
        self.service.write({"company_id": self.env.company.id, **secrets})
        self.service.host = "other.invalid"
        self.assertTrue(self.service.tls_key_is_set)
        self.assertTrue(self.service.tls_key_password_reference)
        self.service.company_id = self.env["res.company"].create({"name": "Other"})
        self.assertFalse(self.service.tls_key_secret)
        self.assertFalse(self.service.tls_key_password_reference)

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
