# Copyright 2026 mqtt_listener contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""From the address of a broker to its first message, and what is tried unsaved."""

import os
import unittest
from unittest.mock import patch

from odoo.exceptions import AccessError, UserError
from odoo.fields import Command
from odoo.tests import new_test_user, tagged

from ..broker import look
from ..broker.settings import ServiceSettings
from ..mqtt.topic import TopicFilter
from ..wizards import first_steps
from .fake_broker import PUBACK, SUBSCRIBE
from .listening import ListenerCase, Recorder

BROKER = os.environ.get("MQTT_TEST_BROKER", "")


class Publisher(Recorder):
    """Says something as soon as anything is subscribed to.

    :param messages: (topic, payload) pairs, in bytes; with QoS 1, though asked for 0.
    """

    def __init__(self, *messages):
        super().__init__()
        self._messages = messages

    def _answer(self, kind, body, connection):
        answer = super()._answer(kind, body, connection)
        if kind == SUBSCRIBE:
            answer += b"".join(map(_publish, *zip(*self._messages, strict=True)))
        return answer


def _publish(topic, payload):
    body = len(topic).to_bytes(2) + topic + b"\0\1\0" + payload
    length = bytes([len(body) % 128 | 0x80, len(body) // 128])
    return b"\x32" + length + body


class Older(Recorder):
    """Speaks MQTT 3.1.1 only."""

    def _answer(self, kind, body, connection):
        answer = super()._answer(kind, body, connection)
        if kind == SUBSCRIBE:
            return bytes([0x90, 3, *body[:2], 0])
        if body[:7] == b"\0\4MQTT\4":
            return b"\x20\2\0\0"
        return b"\x20\2\0\1" if body[:7] == b"\0\4MQTT\5" else answer


@tagged("post_install", "-at_install")
class TestFirstSteps(ListenerCase):
    def setUp(self):
        super().setUp()
        manager = new_test_user(
            self.env, "first_manager", groups="mqtt_listener.group_manager"
        )
        self.services = self.env["mqtt.service"].with_user(manager)
        self.startPatcher(patch.object(first_steps, "LOOK_SECONDS", 1.0))

    def counts(self):
        return [
            self.env[name].with_context(active_test=False).search_count([])
            for name in ("mqtt.service", "mqtt.subscription", "mqtt.connection")
        ]

    def test_connect(self):
        """What works is said step by step, and nothing is stored."""
        before = self.counts()
        with Recorder() as broker:
            address = f"mqtt://me:s3cret@{broker.host}:{broker.port}"
            tried = self.services.first_steps_connect(address)
        self.assertTrue(tried["is_successful"])
        self.assertEqual(
            [(line["step"], line["result"]) for line in tried["steps"]],
            [("name", "OK"), ("tcp", "OK"), ("login", "OK")],
        )
        self.assertEqual(tried["values"]["password"], "s3cret")
        self.assertEqual(tried["values"]["name"], broker.host)
        self.assertIn(b"s3cret", broker.seen[0][1])
        self.assertEqual(self.counts(), before)

    def test_a_login_that_is_refused(self):
        with Recorder(reason=0x87) as broker:
            address = f"{broker.host}:{broker.port}"
            tried = self.services.first_steps_connect(address, "me", "wrong")
        self.assertFalse(tried["is_successful"])
        self.assertTrue(tried["asks_login"])
        self.assertIn("check Username", tried["steps"][-1]["result"])

    def test_a_broker_of_the_older_version(self):
        """It is found out, and the service will speak it."""
        with Older() as broker:
            tried = self.services.first_steps_connect(f"{broker.host}:{broker.port}")
        self.assertTrue(tried["is_successful"], tried["steps"])
        self.assertEqual(tried["values"]["protocol"], "3.1.1")

    def test_nothing_answers(self):
        """Host and port of what was tried are named."""
        tried = self.services.first_steps_connect("127.0.0.1:1")
        self.assertFalse(tried["is_successful"])
        self.assertFalse(tried["asks_login"])
        self.assertIn("127.0.0.1:1", tried["steps"][-1]["result"])

    def test_what_is_no_address(self):
        for address in ("", "http://broker.example", "mqtt://me:s3cret@b:x"):
            with self.subTest(address), self.assertRaises(UserError) as caught:
                self.services.first_steps_connect(address)
            self.assertNotIn("s3cret", str(caught.exception))

    def test_listen(self):
        """What came, sorted; with QoS 0, and nothing is acknowledged."""
        messages = (
            (b"plant/2", b"\xff\0"),
            (b"plant/1", b"old"),
            (b"plant/1", "läuft\n".encode()),
            (b"plant/large", b"x" * 8000),
            (b"plant/\xff", b"no topic"),
        )
        with (
            patch.object(look, "KEEP_BYTES", 1000),
            Publisher(*messages) as broker,
        ):
            values = {"host": broker.host, "port": broker.port}
            found = self.services.first_steps_listen(values, "plant")
            kinds = [kind for kind, _body in broker.seen]
            (asked,) = broker.bodies(SUBSCRIBE)
        self.assertEqual(found["filter"], "plant/#")
        self.assertFalse(found["problem"])
        self.assertFalse(found["is_full"])
        self.assertEqual(
            [tuple(one.values()) for one in found["topics"]],
            [
                ("plant/1", 2, 7, "läuft"),
                ("plant/2", 1, 2, ""),
                ("plant/large", 1, 8000, ""),
            ],
        )
        self.assertNotIn(PUBACK, kinds)
        self.assertTrue(asked.endswith(b"plant/#\x08"), "QoS 0, retain as published")

    def test_too_many_topics(self):
        """It stops at once, and says so."""
        messages = [(b"plant/%d" % number, b"x") for number in range(6)]
        with patch.object(look, "MAX_TOPICS", 5), Publisher(*messages) as broker:
            self.settings(broker)
            found = look.look(
                self.settings_of_service(), TopicFilter("plant/#"), seconds=1000
            )
        self.assertTrue(found.is_full)
        self.assertEqual(len(found.topics), 5)
        with patch.object(look, "MAX_TOPIC_BYTES", 20), Publisher(*messages) as broker:
            found = look.look(
                self.settings(broker), TopicFilter("plant/#"), seconds=1000
            )
        self.assertTrue(found.is_full)
        self.assertEqual(len(found.topics), 2)

    def test_topics_that_nobody_asked_for(self):
        """What is ticked is subscribed to: a broker must not offer all there is."""
        messages = [(name, b"x") for name in (b"#", b"+/#", b"other/1", b"plant/1")]
        with Publisher(*messages) as broker:
            found = look.look(self.settings(broker), TopicFilter("plant/#"), seconds=2)
        self.assertEqual(list(found.topics), [b"plant/1"])

    def test_a_filter_that_is_refused(self):
        with Recorder() as broker:
            values = {"host": broker.host, "port": broker.port}
            found = self.services.first_steps_listen(values, "refuse")
        self.assertIn("authorized", found["problem"])

    def test_a_broker_that_is_gone(self):
        found = self.services.first_steps_listen(
            {"host": "127.0.0.1", "port": 1}, "plant"
        )
        self.assertIn("127.0.0.1:1", found["problem"])

    def test_everything_unasked(self):
        for prefix in ("#", "+/#", "", "a/#/b"):
            with self.subTest(prefix), self.assertRaises(UserError):
                self.services.first_steps_listen({"host": "h"}, prefix)

    def test_receive(self):
        values = {"host": "broker.invalid", "port": 1884, "name": "B", "password": "p"}
        service = self.services.browse(
            self.services.first_steps_receive(values, ["plant/#", "a"])
        )
        self.assertEqual(service.status, "start")
        self.assertEqual(
            set(service.subscription_ids.mapped("topic_filter")), {"a", "plant/#"}
        )
        self.assertEqual(service.sudo().password_secret, "p")

    @unittest.skipUnless(BROKER, "MQTT_TEST_BROKER=host:port names no broker")
    def test_a_real_broker(self):
        """Connect and listen; $SYS has something to say on each."""
        tried = self.services.first_steps_connect(f"tcp://{BROKER}")
        self.assertTrue(tried["is_successful"], tried["steps"])
        found = self.services.first_steps_listen(tried["values"], "$SYS")
        self.assertFalse(found["problem"])
        self.assertIn("$SYS/broker/version", [one["topic"] for one in found["topics"]])


@tagged("post_install", "-at_install")
class TestTypedSettings(ListenerCase):
    """Test Connection before Save: the rules are those of saving."""

    def setUp(self):
        super().setUp()
        manager = new_test_user(
            self.env, "typing_manager", groups="mqtt_listener.group_manager"
        )
        self.service.write({"username": "me", "password": "s3cret"})
        self.typed = self.service.with_user(manager)

    def test_what_is_typed_is_tried(self):
        with Recorder() as broker:
            action = self.typed.action_test_typed(
                {
                    "host": broker.host,
                    "port": broker.port,
                    "password": "new",
                    "subscription_ids": [Command.create({"topic_filter": "typed/#"})],
                }
            )
            (connect,) = [body for kind, body in broker.seen if kind == 1]
            asked = broker.bodies(SUBSCRIBE)
        test = self.env[action["res_model"]].browse(action["res_id"])
        self.assertTrue(test.is_successful)
        self.assertIn(b"new", connect)
        self.assertTrue(any(b"typed/#" in body for body in asked))
        self.assertEqual(self.service.host, "broker.invalid")
        self.assertEqual(self.service.password_secret, "s3cret")
        self.assertEqual(self.service.subscription_ids, self.subscription)

    def test_a_stored_secret_is_sent_to_no_other_host(self):
        """Nor one that is referred to; it is as if the host had been saved."""
        with Recorder() as broker:
            self.typed.action_test_typed({"host": broker.host, "port": broker.port})
            self.assertNotIn(b"s3cret", b"".join(body for _kind, body in broker.seen))
        self.service.password_reference = "conf:secret_plant"
        typed = self.typed._typed_settings({"host": "catcher.invalid"})
        self.assertFalse(typed.references)
        self.assertEqual(self.service.password_reference, "conf:secret_plant")

    def test_the_same_host(self):
        """What is stored is used: the broker is the one that it was entered for."""
        typed = self.typed._typed_settings({"keepalive": 61})
        self.assertIsInstance(typed, ServiceSettings)
        self.assertEqual((typed.keepalive, typed.password), (61, "s3cret"))
        self.assertEqual(self.service.keepalive, 60)

    def test_what_could_not_be_saved(self):
        for values in ({"port": 0}, {"host": "a b"}, {"host": False}):
            with self.subTest(values), self.assertRaises(UserError):
                self.typed.action_test_typed(values)
        operator = new_test_user(
            self.env, "typing_operator", groups="mqtt_listener.group_operator"
        )
        with self.assertRaises(AccessError):
            self.service.with_user(operator).action_test_typed({"keepalive": 61})

    def test_a_new_service(self):
        """It is tried, and not there afterwards."""
        count = self.env["mqtt.service"].search_count([])
        action = self.typed.browse().action_test_typed(
            {"name": "New", "host": "127.0.0.1", "port": 1}
        )
        test = self.env[action["res_model"]].browse(action["res_id"])
        self.assertFalse(test.is_successful)
        self.assertFalse(test.service_id)
        self.assertIn("127.0.0.1:1", test.line_ids[-1].result)
        self.assertEqual(self.env["mqtt.service"].search_count([]), count)
