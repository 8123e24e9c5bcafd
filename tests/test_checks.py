# Copyright 2026 mqtt_listener contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
import math
from unittest.mock import patch

from odoo import SUPERUSER_ID
from odoo.exceptions import UserError, ValidationError
from odoo.tests import BaseCase, mute_logger, new_test_user, tagged
from odoo.tools import SQL

from ..broker.connecting import new_client
from ..broker.problem import Problem
from ..broker.publisher import Publisher
from ..broker.settings import ServiceSettings
from ..mqtt.connect import NUMBERS, TEXTS, UnsendableError, check_connect
from .test_handler import MODELS_LOGGER, HandlerCase

MOST = 0xFFFFFFFF  # what MQTT's four bytes hold
HISTORY_LOGGER = "odoo.addons.mqtt_listener.models.message.retention"


class TestConnect(BaseCase):
    def test_what_a_packet_can_carry(self):
        good = {"client_id": "x", "username": None, "password": "ü" * 32_767}
        for values in (
            good,
            {name: low for name, (low, _high) in NUMBERS.items()},
            {name: high for name, (_low, high) in NUMBERS.items()},
        ):
            check_connect(values)
        for name, limit in TEXTS.items():
            for value in ("x" * (limit + 1), "ü" * limit, "a\0", "\ud800", 5):
                with self.assertRaises(UnsendableError) as error:
                    check_connect({**good, name: value})
                self.assertEqual(error.exception.field, name)
                self.assertNotIn(str(value), str(error.exception))
        for name, (low, high) in NUMBERS.items():
            for value in (low - 1, high + 1, None, "1", 1.5):
                with self.assertRaises(UnsendableError):
                    check_connect({name: value})


@tagged("post_install", "-at_install")
class TestChecks(HandlerCase):
    """Said when it is entered, with the field; what is wrong harms itself alone."""

    def assert_refused(self, record, words, **values):
        with self.subTest(**{k: str(v)[:20] for k, v in values.items()}):
            for write in (record.write, record.create):
                with (
                    mute_logger("odoo.sql_db"),
                    self.assertRaisesRegex(ValidationError, words),
                    self.env.cr.savepoint(),
                ):
                    write({**self.base.get(record._name, {}), **values})
            record.invalidate_recordset()

    @property
    def base(self):
        return {
            "mqtt.service": {},
            "mqtt.handler": {
                "name": "x",
                "pattern": "x",
                "action_server_id": self.action("pass").id,
            },
        }

    def test_services(self):
        for words, values in (
            ("Retention Days", {"retention_days": 999_999}),
            ("Retention Days", {"retention_days": -1}),
            ("Client ID", {"client_id": "x" * 70_000}),
            ("Client ID", {"client_id": "x\0"}),
            ("Name", {"name": "\ud800"}),
            ("Username", {"username": "ü" * 40_000}),
            ("Password", {"password": "x" * 70_000}),
            ("Password", {"password": "x\0"}),
            ("Websocket Headers", {"websocket_headers": "X: \0"}),
            ("Host", {"host": "a b"}),
            ("Host", {"host": "x" * 254}),
            ("Host", {"host": "a\nb"}),
            ("Websocket Path", {"transport": "websockets", "websocket_path": "x"}),
            ("ALPN", {"tls_alpn": "x" * 256}),
            ("Port", {"port": 10**12}),
            ("Port", {"port": 0}),
            ("Session Expiry", {"session_expiry": MOST + 1}),
            ("Session Expiry", {"session_expiry": 2**64}),
            ("Reconnect Factor", {"reconnect_factor": math.nan}),
            ("Reconnect Max Delay", {"reconnect_max_delay": math.inf}),
            ("Inactivity Timeout", {"inactivity_timeout": 0}),
            ("Payload Limit", {"payload_limit": 2**40}),
            ("Topic Rate Limit", {"topic_rate_limit": 2**31}),
        ):
            self.assert_refused(self.service, words, **values)

    def test_handlers(self):
        handler = self.env["mqtt.handler"].create(self.base["mqtt.handler"])
        for words, values in (
            ("Tries", {"max_retries": 2**31}),
            ("Priority", {"priority": 10**12}),
            ("Retry Pattern", {"retry_pattern": "[" * 5_000}),
            ("bytes", {"pattern": "x" * 70_000}),
        ):
            self.assert_refused(handler, words, **values)

    def test_all_that_mqtt_can_say(self):
        """Four bytes without a sign are more than Odoo's numbers hold."""
        self.service.session_expiry = MOST
        publish = self.env["mqtt.publish"].create(
            {"service_id": self.service.id, "topic": "x", "message_expiry": MOST}
        )
        message = self.mqtt_receive("x", properties={"message_expiry": MOST})
        self.env.flush_all()
        self.env.invalidate_all()
        self.assertEqual(self.service.session_expiry, MOST)
        self.assertEqual(publish.message_expiry, MOST)
        self.assertEqual(message.message_expiry, MOST)
        # XML-RPC has no such integers; Odoo answers with a float.
        self.assertEqual(
            self.service.read(["session_expiry"])[0]["session_expiry"], MOST
        )
        settings = ServiceSettings.from_values(self.service._listener_settings())
        new_client(settings, "test")

    def test_the_listener_says_it_too(self):
        """Of rows that are older than the rules, and of secrets kept elsewhere."""
        for name, value in (("client_id", "x" * 70_000), ("session_expiry", MOST + 1)):
            self.env.cr.execute(
                SQL(
                    "UPDATE mqtt_service SET %s = %s WHERE id = %s",
                    SQL.identifier(name),
                    value,
                    self.service.id,
                )
            )
            self.env.invalidate_all()
            with self.assertRaises(UserError):
                self.service.start_mqtt_service()
            settings = ServiceSettings.from_values(self.service._listener_settings())
            with self.assertRaises(UnsendableError) as error:
                new_client(settings, settings.client_id)
            problem = Problem.from_exception(error.exception)
            said = self.service._describe_problem(problem.code, problem.detail)
            self.assertIn(self.service._label(name), said)
            with Publisher(settings, "test") as publisher:
                publisher.send([])
            self.assertEqual(publisher.problem, problem)
            self.env.cr.execute(
                "UPDATE mqtt_service SET client_id = 'x', session_expiry = 0"
                " WHERE id = %s",
                [self.service.id],
            )
            self.env.invalidate_all()

    def test_retention(self):
        """One service that cannot be cleaned up keeps no other from it."""
        other = self.service.copy({"retention_days": 30})
        self.env.cr.execute(
            "UPDATE mqtt_service SET retention_days = 999999 WHERE id = %s",
            [self.service.id],
        )
        self.env.invalidate_all()
        for service in (self.service, other):
            self.receive(self.message("x", timestamp=1), service=service)
        history = self.env["mqtt.signal.history"]
        with (
            self.assertLogs(HISTORY_LOGGER, "ERROR") as logs,
            patch("time.sleep") as sleep,
        ):
            self.assertEqual(history._gc_old_messages(), (1, 1))
            sleep.assert_called_once_with(0)  # nothing is locked while it rests
            self.assertEqual(history._gc_old_messages(), (0, 0))
            self.assertGreater(sleep.call_args.args[0], 0)
        self.assertIn(self.service.name, logs.output[0])
        self.assertFalse(other.history_ids)
        self.assertTrue(self.service.history_ids)

    def test_archived(self):
        """It is stopped, and nobody is told that it was started."""
        self.service.start_mqtt_service()
        self.service.action_archive()
        self.assertEqual(self.service.status, "stop")
        for status in ("stop", "start"):
            self.env.cr.execute(
                "UPDATE mqtt_service SET status = %s WHERE id = %s",
                [status, self.service.id],
            )
            self.env.invalidate_all()
            with self.assertRaisesRegex(UserError, "archived"):
                self.service.start_mqtt_service()

    def test_renamed(self):
        """Not while a handler names it in its code, unless another has the name."""
        self.declare("plant/+", lambda self, message: None, service="Plant")
        with self.assertRaisesRegex(UserError, "res.partner._on_mqtt"):
            self.service.name = "Factory"
        self.service.name = "Plant"
        other = self.service.copy({"name": "Plant"})
        other.name = "Factory"
        self.declare("plant/+", lambda self, message: None, service="Factory")
        self.service.name = "Anything"

    def test_runs_as(self):
        """A user who may work in the company; also when that changes later."""
        company = self.env["res.company"].create({"name": "Other"})
        user = new_test_user(self.env, "checks_runs_as")
        self.service.company_id = company
        for record in (
            self.service,
            self.env["mqtt.handler"].create(
                {**self.base["mqtt.handler"], "service_id": self.service.id}
            ),
        ):
            with self.assertRaisesRegex(ValidationError, "no access to Other"):
                record.user_id = user
            record.invalidate_recordset()
            user.company_ids |= company
            record.user_id = user
            user.company_ids -= company
            record.user_id = SUPERUSER_ID
            record.user_id = False
        self.service.company_id = self.env.company
        handler = self.declare("plant/+", lambda self, message: None)
        handler.user_id = user
        self.service.company_id = company  # the handler is of all services
        job = self.mqtt_receive("plant/1").job_ids
        self.assertIn("has no access to Other", job.exc_message)

    def test_one_that_cannot_be_told(self):
        """Of handlers whose messages failed, it keeps no other from being told."""
        handlers = [
            self.declare(
                f"plant/{name}",
                lambda self, message: message.json(),
                name=f"_on_{name}",
            )
            for name in ("one", "two")
        ]
        for name in ("one", "two"):
            self.mqtt_receive(f"plant/{name}", "no")
        tell = type(handlers[0])._tell

        def fails(handler, *arguments):
            if handler == handlers[0]:
                message = "no"
                raise ValueError(message)
            tell(handler, *arguments)

        with (
            patch.object(type(handlers[0]), "_tell", fails),
            self.assertLogs("odoo.addons.mqtt_listener.models.handler.maintenance"),
        ):
            self.env["mqtt.handler"]._look_after()
        self.assertEqual([bool(one.last_told) for one in handlers], [False, True])

    def test_parameters(self):
        """One that is no number of seconds stops no job."""
        handlers = self.env["mqtt.handler"]
        for text in ("soon", "-1", "nan", "inf", "1e9"):
            self.limit(job_seconds=text)
            with self.assertLogs(MODELS_LOGGER, "WARNING"):
                self.assertEqual(handlers._seconds("job_seconds"), 20.0)
        self.limit(job_seconds="5.5")
        self.assertEqual(handlers._seconds("job_seconds"), 5.5)

    def test_one_row_that_cannot_be_written(self):
        """Of declarations, it harms itself alone."""
        write = type(self.env["mqtt.handler"])._write_declared

        def fails(handlers, new, changed, gone):
            if any("_on_bad" in values["name"] for values in new):
                message = "no"
                raise ValidationError(message)
            return write(handlers, new, changed, gone)

        with (
            patch.object(type(self.env["mqtt.handler"]), "_write_declared", fails),
            patch.object(
                self.registry["res.partner"], "_on_bad", create=True, new=None
            ),
            self.assertLogs(MODELS_LOGGER, "ERROR") as logs,
        ):
            self.declare("plant/bad", lambda self, message: None, name="_on_bad")
            good = self.declare("plant/good", lambda self, message: None, name="_on_ok")
            self.assertTrue(good)
        self.assertIn("res.partner._on_bad", logs.output[0])
