# Copyright 2026 mqtt_listener contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
import os
import unittest
from unittest.mock import patch

from odoo.tests import BaseCase, tagged
from odoo.tools import mute_logger

from ..broker import endpoint
from ..broker.connection_test import run_connection_test
from ..broker.endpoint import MAX_REDIRECTS, Endpoint
from ..broker.publisher import Publisher
from ..mqtt.outgoing import Outgoing
from ..mqtt.redirect import Server, first_server
from .fake_broker import CONNECT, PUBLISH, SUBSCRIBE
from .listening import LOGGER, ListenerCase, Recorder

BROKER = os.environ.get("MQTT_TEST_BROKER", "")
FOR_NOW, FOR_GOOD = 0x9C, 0x9D


def reference(text):
    """A Server Reference, as a property of CONNACK."""
    return b"\x1c" + len(text).to_bytes(2) + text.encode()


def sends_to(reason, server):
    """A broker that accepts nobody."""
    return Recorder(reason=reason, limits=reference(server))


def address(broker):
    return f"{broker.host}:{broker.port}"


class TestServerReference(BaseCase):
    def test_what_can_be_a_server(self):
        """The first that can be one counts."""
        for text, server in (
            ("one", ("one", 7)),
            ("one.example:1883", ("one.example", 1883)),
            ("10.0.0.1:65535", ("10.0.0.1", 65535)),
            ("[2001:db8::1]:8883", ("2001:db8::1", 8883)),
            ("[::1]", ("::1", 7)),
            ("a/b one:0  two:2 three:3", ("two", 2)),
            ("", None),
            (" ", None),
            (":1883", None),
            ("one:", None),
            ("one:65536", None),
            ("one:" + "9" * 5000, None),
            ("one:x", None),
            ("user@one", None),
            ("mqtt://one:1883", None),
            ("2001:db8::1", None),
            ("[one]:1883", None),
            ("[::1", None),
            ("n" * 254, None),
            ("one\ntwo", None),
        ):
            with self.subTest(text=text[:40]):
                self.assertEqual(first_server(text, 7), server)

    def test_how_a_server_is_written(self):
        self.assertEqual(str(Server("one", 1)), "one:1")
        self.assertEqual(str(Server("::1", 1)), "[::1]:1")


@tagged("post_install", "-at_install")
class TestRedirect(ListenerCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.service.follow_redirects = True

    def words(self, problem):
        return self.service._describe_problem(problem.code, problem.detail)

    # The way

    def route(self, **values):
        self.service.write({"host": "own.example", "port": 1, **values})
        return Endpoint(self.settings_of_service())

    def target(self, route):
        settings = route.take()
        return settings.host, settings.port

    def test_for_now_and_for_good(self):
        """One connection, or all that follow; a redirect does not wait."""
        route = self.route()
        self.assertEqual(self.target(route), ("own.example", 1))
        problem = route.redirect(FOR_NOW, "other:2", "")
        self.assertEqual((problem.code, problem.detail), ("redirected", "other:2"))
        self.assertTrue(route.is_redirected)
        self.assertEqual(self.target(route), ("other", 2))
        self.assertFalse(route.is_redirected)
        self.assertEqual(self.target(route), ("own.example", 1))
        route.redirect(FOR_GOOD, "new", "")
        self.assertEqual(self.target(route), ("new", 1))
        self.assertEqual(self.target(route), ("new", 1))
        route.redirect(FOR_NOW, "[::1]:3", "")
        settings = route.take()
        self.assertEqual(route.name_of(settings), "[::1]:3")
        self.assertEqual(self.target(route), ("new", 1))
        self.assertEqual(route.name_of(self.settings_of_service()), "")

    def test_not_for_ever(self):
        """Too many in a row end where they began, as a failure; time begins a row."""
        route = self.route()
        for number in range(MAX_REDIRECTS):
            route.redirect(FOR_GOOD, f"other{number}", "")
            route.take()
            route.connected()
        problem = route.redirect(FOR_GOOD, "other", "")
        self.assertEqual(problem.code, "redirect_loop")
        self.assertIn("5 times", self.words(problem))
        self.assertFalse(route.is_redirected)
        self.assertEqual(self.target(route), ("own.example", 1))
        with patch.object(endpoint, "STABLE", 0):
            for _ in range(MAX_REDIRECTS + 1):
                route.connected()
                problem = route.redirect(FOR_NOW, "other", "")
                self.assertEqual(problem.code, "redirected")
                route.take()

    def test_what_is_not_followed(self):
        """Without being asked to, or to what cannot be a server."""
        route = self.route()
        problem = route.redirect(FOR_NOW, "", "Use another server")
        self.assertEqual(problem.code, "redirect_unreadable")
        self.assertIn("Use another server", self.words(problem))
        route = self.route(follow_redirects=False)
        problem = route.redirect(FOR_NOW, "other", "Use another server: other")
        self.assertEqual(problem.code, "moved")
        self.assertIn("Follow Redirects", self.words(problem))
        self.assertEqual(self.target(route), ("own.example", 1))

    def test_it_needs_a_restart(self):
        self.service.needs_restart = False
        self.service.follow_redirects = False
        self.assertTrue(self.service.needs_restart)

    # The listener

    @unittest.skipUnless(BROKER, "MQTT_TEST_BROKER=host:port names no broker")
    def test_the_listener_follows(self):
        """To a real broker, at once, whatever the delay between two tries."""
        with (
            sends_to(FOR_NOW, f"a/b {BROKER} nobody.invalid") as first,
            self.listening(
                first, reconnect_min_delay=300, reconnect_max_delay=300
            ) as connection,
        ):
            self.assertEqual(connection.observed.connected_to, BROKER)
            self.assertIsNone(connection.observed.problem)

    def test_back_when_the_connection_ends(self):
        """Sent elsewhere for now, it asks its own server each time; for good, once."""
        for reason, asked in ((FOR_NOW, 2), (FOR_GOOD, 1)):
            with (
                self.subTest(reason),
                Recorder() as second,
                sends_to(reason, address(second)) as first,
                mute_logger(f"{LOGGER}.connection", f"{LOGGER}.login"),
                self.listening(first) as connection,
            ):
                second.cut()
                second.wait(lambda broker=second: len(broker.bodies(CONNECT)) == 2)
                self.assertEqual(len(first.bodies(CONNECT)), asked)
                self.assertEqual(connection.observed.connected_to, address(second))

    def test_a_connection_that_stands_is_sent_on(self):
        """With DISCONNECT. No session is lost where there was none."""
        with Recorder() as second, Recorder() as first:
            with self.listening(first) as connection:
                text = reference(address(second))
                first.say(bytes([0xE0, len(text) + 2, FOR_GOOD, len(text)]) + text)
                second.wait(lambda: second.bodies(SUBSCRIBE))
                self.assertFalse(connection.observed.session_lost)
            self.assertEqual(len(first.bodies(CONNECT)), 1)

    def test_two_brokers_that_send_it_to_each_other(self):
        """It gives up after a few, waits, and says so."""
        with (
            sends_to(FOR_NOW, "127.0.0.1") as broker,  # to itself
            mute_logger(f"{LOGGER}.connection", f"{LOGGER}.login"),
            self.listening(
                broker,
                until="redirect_loop",
                reconnect_min_delay=300,
                reconnect_max_delay=300,
            ) as connection,
        ):
            self.assertEqual(len(broker.bodies(CONNECT)), MAX_REDIRECTS + 1)
            self.assertIn("5 times", self.words(connection.observed.problem))

    def test_without_being_asked_to(self):
        """The password stays where it was entered for."""
        with (
            Recorder() as second,
            sends_to(FOR_GOOD, address(second)) as first,
            mute_logger(f"{LOGGER}.connection", f"{LOGGER}.login"),
            self.listening(first, until="moved", follow_redirects=False) as connection,
        ):
            self.assertIn(address(second), self.words(connection.observed.problem))
            self.assertFalse(second.seen)

    # Others

    def test_what_is_published_follows(self):
        """Whatever is published through the service."""
        with Recorder() as second, sends_to(FOR_NOW, address(second)) as first:
            with Publisher(self.settings(first), "publisher") as publisher:
                publisher.send([Outgoing(1, "plant/1", b"on")])
            self.assertEqual(publisher.confirmed, {1})
            self.assertEqual(second.published, [b"on"])
            self.assertFalse(first.bodies(PUBLISH))
        with sends_to(FOR_NOW, "127.0.0.1") as broker:
            with Publisher(self.settings(broker), "publisher") as publisher:
                publisher.send([Outgoing(1, "plant/1", b"on")])
            self.assertEqual(publisher.problem.code, "redirect_loop")
            self.assertFalse(publisher.confirmed)

    def test_the_connection_test_follows(self):
        """Each server has its steps; being sent on is a failure only without an end."""
        with Recorder() as second, sends_to(FOR_NOW, address(second)) as first:
            steps = list(run_connection_test(self.settings(first)))
        where = address(second)
        self.assertEqual(
            [(step.name, step.server) for step in steps],
            [
                *((name, "") for name in ("name", "tcp", "login")),
                *((name, where) for name in ("name", "tcp", "login", "subscription")),
            ],
        )
        self.assertFalse([step for step in steps if step.is_failed])
        self.assertIn(where, self.words(steps[2].problem))
        with sends_to(FOR_NOW, "127.0.0.1") as broker:
            *steps, last = run_connection_test(self.settings(broker))
        self.assertEqual(len(steps), 3 * (MAX_REDIRECTS + 1) - 1)
        self.assertEqual(last.problem.code, "redirect_loop")
        self.assertTrue(last.is_failed)

    def test_the_connection_test_says_where(self):
        """Which server does not answer; and that another one is wanted."""
        nobody = "127.0.0.1:1"
        with sends_to(FOR_NOW, nobody) as broker:
            self.service.write({"host": broker.host, "port": broker.port})
            test = self.tested()
            self.assertFalse(test.is_successful)
            *_lines, sent, _name, last = test.line_ids
            self.assertTrue(sent.is_successful)
            self.assertIn(nobody, sent.result)
            self.assertFalse(last.is_successful)
            self.assertIn(f"sent to {nobody}", last.result)
            self.service.follow_redirects = False
            *_steps, last = run_connection_test(self.settings_of_service())
            self.assertTrue(last.is_failed)
            self.assertIn("Follow Redirects", self.words(last.problem))

    def test_what_is_shown(self):
        """The server that a problem is about, until another listener begins."""
        other = "other.example:2"
        self.service._listener_claim("here", "this host")
        self.service._listener_report(
            "here",
            {"state": "disconnected", "problem": "refused", "connected_to": other},
            {},
            prune_through=0,
        )
        self.assertEqual(self.service.connected_to, other)
        self.assertIn(f"sent to {other}", self.service.last_error)
        self.service._listener_claim("there", "another host")
        self.assertFalse(self.service.connected_to)
