# Copyright 2026 mqtt_listener contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
import itertools

from odoo.tests import BaseCase, Form, tagged

from ..mqtt.address import Address, AddressError, parse_address
from ..mqtt.branch import EverythingError, branch_filter
from ..mqtt.topic import TopicError
from .common import MqttCase

PLAIN, TLS = ("tcp", False), ("tcp", True)
WS, WSS = ("websockets", False), ("websockets", True)


@tagged("post_install", "-at_install")
class TestAddress(BaseCase):
    def test_addresses(self):
        for text, kind, host, port, *others in (
            ("broker.example", PLAIN, "broker.example", 1883),
            ("broker.example:1884", PLAIN, "broker.example", 1884),
            ("broker.example:8883", TLS, "broker.example", 8883),
            (" mqtt://broker.example \n", PLAIN, "broker.example", 1883),
            ("MQTT://broker.example/ignored", PLAIN, "broker.example", 1883),
            ("tcp://10.0.0.1:1885", PLAIN, "10.0.0.1", 1885),
            ("mqtts://broker.example", TLS, "broker.example", 8883),
            ("mqtts://broker.example:443", TLS, "broker.example", 443),
            ("ssl://broker.example", TLS, "broker.example", 8883),
            ("ws://broker.example", WS, "broker.example", 80, ""),
            ("ws://broker.example/", WS, "broker.example", 80, ""),
            ("wss://broker.example/mqtt?a=b", WSS, "broker.example", 443, "/mqtt?a=b"),
            ("me@broker.example", PLAIN, "broker.example", 1883, "", "me"),
            ("mqtt://me:it@b:1", PLAIN, "b", 1, "", "me", "it"),
            ("mqtt://me:p@ss:w@b:1", PLAIN, "b", 1, "", "me", "p@ss:w"),
            ("mqtt://m%40e:%2F%20%25@b", PLAIN, "b", 1883, "", "m@e", "/ %"),
            ("::1", PLAIN, "::1", 1883),
            ("[::1]", PLAIN, "::1", 1883),
            ("mqtts://[fe80::1]:8884", TLS, "fe80::1", 8884),
            ("brücke.example", PLAIN, "brücke.example", 1883),
        ):
            with self.subTest(text):
                self.assertEqual(
                    parse_address(text), Address(host, port, *kind, *others)
                )

    def test_what_is_no_address(self):
        for text, code in (
            ("", "empty"),
            ("  \n", "empty"),
            ("x" * 4001, "too_long"),
            ("mqtt://a\0b", "text"),
            ("mqtt://a\nb", "text"),
            ("mqtt://a\u202eb", "text"),
            ("http://broker.example", "scheme"),
            ("javascript:alert(1)//://x", "scheme"),
            ("mqtt://mqtt://broker.example", "scheme"),
            ("mqtt://", "host"),
            ("mqtt://me:it@", "host"),
            ("mqtt://:1883", "host"),
            ("a b", "host"),
            ("mqtt://me:p#ss/w@b", "port"),
            ("[::1", "host"),
            ("[::1]x", "host"),
            ("[localhost]", "host"),
            ("x" * 254, "host"),
            ("b:0", "port"),
            ("b:65536", "port"),
            ("b:-1", "port"),
            ("b:١", "port"),
            ("b:1883x", "port"),
            ("ws://b/a b", "text"),
            ("mqtt://%ff@b", "login"),
            ("mqtt://me:%00@b", "login"),
        ):
            with self.subTest(text), self.assertRaises(AddressError) as caught:
                parse_address(text)
            self.assertEqual(caught.exception.code, code, text)
            self.assertEqual(str(caught.exception), code, "it may hold a password")

    def test_whatever_is_typed(self):
        """It is an address or none, and no other error."""
        for parts in itertools.product(("", "mqtt", "%", ":"), "/@:[]#", repeat=3):
            try:
                found = parse_address("".join(parts))
            except AddressError:
                continue
            self.assertTrue(found.host)
            self.assertLessEqual(found.port, 65_535)

    def test_nobody_reads_the_password(self):
        self.assertNotIn("s3cret", repr(parse_address("mqtt://me:s3cret@b")))

    def test_branches(self):
        for prefix, text in (
            ("plant", "plant/#"),
            (" plant/ ", "plant/#"),
            ("plant/line 1", "plant/line 1/#"),
            ("/plant", "/plant/#"),
            ("$SYS", "$SYS/#"),
            ("plant/#", "plant/#"),
            ("plant/+/state", "plant/+/state"),
        ):
            with self.subTest(prefix):
                self.assertEqual(branch_filter(prefix).text, text)
        self.assertEqual(branch_filter("", everything=True).text, "#")

    def test_everything_unasked(self):
        for prefix in ("#", "+/#", "+", "+/temperature", "$share/g/#"):
            with self.subTest(prefix), self.assertRaises(EverythingError):
                branch_filter(prefix)

    def test_what_is_no_branch(self):
        for prefix in ("", " ", "/", "a/#/b", "a+", "\0", "x" * 65_534):
            with self.subTest(prefix), self.assertRaises(TopicError):
                branch_filter(prefix)


@tagged("post_install", "-at_install")
class TestPastedAddress(MqttCase):
    def test_a_url(self):
        """Each part of it is in its field, whatever port is usual."""
        with Form(self.service) as form:
            form.host = "wss://me:s3cret@broker.example:8883/ws"
            self.assertEqual(form.host, "broker.example")
            self.assertEqual(form.port, 8883)
            self.assertEqual(form.transport, "websockets")
            self.assertTrue(form.tls)
            self.assertEqual(form.websocket_path, "/ws")
            self.assertEqual(form.username, "me")
        self.assertEqual(self.service.password_secret, "s3cret")
        self.assertEqual(self.service.port, 8883)

    def test_a_host_and_its_port(self):
        """It says nothing of TLS and WebSockets."""
        self.service.write({"transport": "websockets", "tls": True, "port": 443})
        with Form(self.service) as form:
            form.host = "broker.example:9443"
        self.assertEqual(self.service.host, "broker.example")
        self.assertEqual(self.service.port, 9443)
        self.assertEqual(self.service.transport, "websockets")
        self.assertTrue(self.service.tls)

    def test_the_usual_port(self):
        with Form(self.service) as form:
            form.tls = True
            self.assertEqual(form.port, 8883)
            form.port = 9999
            form.tls = False
            self.assertEqual(form.port, 9999)

    def test_what_is_no_address(self):
        """It is said, and stays as it was typed."""
        service = self.env["mqtt.service"].new({"host": "http://broker.example"})
        warning = service._onchange_host()["warning"]
        self.assertIn("mqtt://", warning["message"])
        self.assertEqual(service.host, "http://broker.example")
