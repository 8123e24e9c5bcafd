# Copyright 2026 mqtt_listener contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
import os
import secrets
import socket
import threading
import unittest
from dataclasses import replace
from unittest.mock import patch

from paho.mqtt import client as paho
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from odoo.tests import BaseCase, mute_logger

from ..broker.connection_test import run_connection_test
from ..broker.settings import ServiceSettings
from ..listener import MQTT_THREADS
from ..listener.connection import MqttConnection
from ..listener.inbox import Inbox
from ..mqtt.message import UNREADABLE
from ..mqtt.payload import decode_text

BROKER = os.environ.get("MQTT_TEST_BROKER", "")
WEBSOCKETS = os.environ.get("MQTT_TEST_BROKER_WS", "")
TIMEOUT = 15  # seconds to wait for what has to happen


def _write_any_utf(text):
    """As paho writes strings, without its doubts."""
    encoded = text.encode()
    return len(encoded).to_bytes(2, "big") + encoded


@unittest.skipUnless(BROKER, "MQTT_TEST_BROKER=host:port names no broker")
class TestConnection(BaseCase):
    """The network thread against a real broker, without a database."""

    def setUp(self):
        super().setUp()
        self.host, _, port = BROKER.rpartition(":")
        self.port = int(port)
        self.prefix = f"test/{secrets.token_hex(4)}"
        self.client_id = f"test-{secrets.token_hex(8)}"
        self.publisher = paho.Client(
            paho.CallbackAPIVersion.VERSION2, protocol=paho.MQTTv5
        )
        self.publisher.connect(self.host, self.port)
        self.publisher.loop_start()
        self.addCleanup(self.publisher.loop_stop)
        self.addCleanup(self.publisher.disconnect)

    def settings(self, *filters, **values):
        subscriptions = [
            {
                "id": 100 + number,
                "topic_filter": f"{self.prefix}/{text}",
                "qos": 1,
                "no_local": False,
                "retain_as_published": True,
                "retain_handling": 1,
                "store": True,
                "at_once": False,
                "identifier": number,
            }
            for number, text in enumerate(filters, 1)
        ]
        return ServiceSettings.from_values(
            {
                "id": 1,
                "name": "Test",
                "start_generation": 1,
                "host": self.host,
                "port": self.port,
                "transport": "tcp",
                "websocket_path": "/mqtt",
                "protocol": "5",
                "client_id": self.client_id,
                "username": False,
                "password": False,
                "keepalive": 60,
                "session_expiry": 60,
                "receive_maximum": 100,
                "reconnect_min_delay": 0.1,
                "reconnect_max_delay": 0.1,
                "reconnect_factor": 1.0,
                "inactivity_timeout": 60,
                "tls": None,
                "websocket_headers": (),
                "subscriptions": subscriptions,
                **values,
            }
        )

    def connect(
        self, settings, until="connected", receipts=(), filters=None, sequence=0
    ):
        """A started connection that has reached a state, and is stopped at the end."""
        changed = threading.Condition()

        def notify():
            # As a writer does whose database takes no time.
            if connection.observed.prunable.rest:
                connection.pruned(connection.observed.prunable)
            with changed:
                changed.notify_all()

        inbox = Inbox(1000, 2**26, 0, 1000, 2**26)
        connection = MqttConnection(
            f"test-{secrets.token_hex(4)}",
            settings,
            inbox,
            receipts=receipts,
            session_filters=filters,
            sequence=sequence,
            changed=notify,
        )
        connection.inbox = inbox

        def wait(condition):
            with changed:
                self.assertTrue(changed.wait_for(condition, TIMEOUT), condition)

        connection.wait = wait
        connection.start()
        self.addCleanup(self.end, connection)
        wait(lambda: connection.observed.state == until)
        if until == "connected":
            wanted = {one.topic_filter.text for one in settings.subscriptions}
            wait(lambda: wanted <= set(connection.subscriptions.session_filters))
        return connection

    def end(self, connection):
        """Stop a connection; what is in its inbox nobody will commit."""
        while batch := connection.inbox.take(0):
            connection.inbox.done(batch)
        connection.stop()
        connection.join(TIMEOUT)
        self.assertFalse(connection.is_alive())

    def publish(self, topic, payload=b"x", qos=1, retain=False, **properties):
        sent = Properties(PacketTypes.PUBLISH)
        for name, value in properties.items():
            setattr(sent, name, value)
        self.publisher.publish(
            f"{self.prefix}/{topic}", payload, qos, retain, sent
        ).wait_for_publish(TIMEOUT)

    def take(self, connection, count):
        taken = []
        while len(taken) < count:
            batch = connection.inbox.take(TIMEOUT)
            self.assertTrue(batch, f"{len(taken)} of {count} arrived")
            taken += batch
        return taken

    def commit(self, connection, deliveries, sequence=1):
        """Do what the writer does once the database has them."""
        for delivery in deliveries:
            delivery.sequence = sequence
        connection.inbox.done(deliveries)
        connection.committed(deliveries, connection.observed.prunable.through)

    def nothing_more(self, connection):
        """What is published now is the next to arrive."""
        self.publish("end", b"end")
        (last,) = self.take(connection, 1)
        self.assertEqual(last.message.payload, b"end")
        return last

    def test_receives(self):
        """Topic, payload, QoS and properties arrive; the thread is registered."""
        connection = self.connect(self.settings("#"))
        self.assertIs(MQTT_THREADS[connection.name], connection)
        self.publish(
            "ü",
            b"{}",
            ContentType="json",
            CorrelationData=b"\0\xff",
            UserProperty=[("k", "v"), ("k", "w")],
        )
        self.publish("0", b"", qos=0)
        first, second = (one.message for one in self.take(connection, 2))
        self.assertEqual((first.topic, first.qos), (f"{self.prefix}/ü", 1))
        self.assertEqual(
            first.properties,
            {
                "content_type": "json",
                "correlation_data": "00ff",
                "user_properties": [["k", "v"], ["k", "w"]],
            },
        )
        self.assertEqual((second.payload, second.qos), (b"", 0))
        self.assertEqual(first.subscription_id, 101)
        self.assertEqual(connection.observed.received, 2)
        self.end(connection)
        self.assertNotIn(connection.name, MQTT_THREADS)

    def test_any_payload(self):
        """Empty, NUL, no UTF-8, 10 MiB: the bytes are those that were sent."""
        payloads = [b"", b"\0", b"\xff\xfe", os.urandom(10 * 1024 * 1024)]
        connection = self.connect(self.settings("#"))
        for payload in payloads:
            self.publish("p", payload)
        taken = self.take(connection, len(payloads))
        self.assertEqual([one.message.payload for one in taken], payloads)
        self.assertIsNone(decode_text(taken[2].message.payload))

    def test_unreadable_properties(self):
        """A message that paho refuses arrives as one for quarantine, and is no end."""
        connection = self.connect(self.settings("#"))
        with patch("paho.mqtt.properties.writeUTF", _write_any_utf):
            self.publish("n", b"odd", UserProperty=("name", "\ufeffvalue"))
        self.publish("n", b"next")
        odd, good = (one.message for one in self.take(connection, 2))
        self.assertEqual((odd.topic, odd.payload), (f"{self.prefix}/n", b"odd"))
        self.assertIn("U+FEFF", odd.trouble)
        self.assertIn("efbbbf", odd.properties[UNREADABLE])
        self.assertEqual((good.payload, good.trouble), (b"next", None))
        self.assertFalse(connection.observed.reconnects)

    def test_a_lost_session_is_noticed(self):
        """A session that should be there, and is not."""
        connection = self.connect(self.settings("#"))
        self.assertFalse(connection.observed.session_lost, "there was none before")
        known = connection.subscriptions.session_filters
        self.end(connection)
        successor = self.connect(self.settings("#"), filters=known)
        self.assertFalse(successor.observed.session_lost, "it was present")
        self.end(successor)
        self.client_id = f"test-{secrets.token_hex(8)}"
        with mute_logger("odoo.addons.mqtt_listener.listener.login"):
            other = self.connect(self.settings("#"), filters=known)
        self.assertTrue(other.observed.session_lost)

    def test_what_is_not_committed_comes_again(self):
        """A successor gets what was not acknowledged, and only that."""
        for protocol in ("5", "3.1.1"):
            with self.subTest(protocol=protocol):
                self.client_id = f"test-{secrets.token_hex(8)}"
                settings = self.settings("#", protocol=protocol)
                connection = self.connect(settings)
                for number in range(6):
                    self.publish("n", str(number))
                taken = self.take(connection, 6)
                self.commit(connection, taken[:3])
                filters = connection.subscriptions.session_filters
                connection.inbox.done(taken[3:])
                self.end(connection)
                successor = self.connect(settings, filters=filters)
                again = self.take(successor, 3)
                payloads = [one.message.payload for one in again]
                self.assertEqual(payloads, [b"3", b"4", b"5"])
                self.assertTrue(all(one.message.dup for one in again))
                self.nothing_more(successor)

    def test_what_was_committed_is_recognised(self):
        """Committed and not acknowledged: a successor acknowledges and drops it."""
        settings = self.settings("#")
        connection = self.connect(settings)
        for number in range(4):
            self.publish("n", str(number))
        taken = self.take(connection, 4)
        receipts = [
            (7, [(one.message.packet_id, one.message.digest) for one in taken[:2]])
        ]
        connection.inbox.done(taken)
        self.end(connection)
        successor = self.connect(settings, receipts=receipts)
        again = [one.message.payload for one in self.take(successor, 2)]
        self.assertEqual(again, [b"2", b"3"])
        self.nothing_more(successor)

    def subscribe_in_session(self, topic, qos):
        """Have another client subscribe in the service's session, and leave it."""
        other = paho.Client(
            paho.CallbackAPIVersion.VERSION2, self.client_id, protocol=paho.MQTTv5
        )
        subscribed = threading.Event()
        other.on_subscribe = lambda *_args: subscribed.set()
        keep = Properties(PacketTypes.CONNECT)
        keep.SessionExpiryInterval = 60
        other.connect(self.host, self.port, clean_start=False, properties=keep)
        other.loop_start()
        other.subscribe(f"{self.prefix}/{topic}", qos)
        self.assertTrue(subscribed.wait(TIMEOUT))
        other.disconnect()
        other.loop_stop()

    def test_quality_of_service_2_is_exact(self):
        """What another client asked for with QoS 2 comes again until it is committed,
        and then no more.
        """
        self.subscribe_in_session("two", 2)
        connection = self.connect(self.settings("one"))
        for number in range(5):
            self.publish("two", str(number), qos=2)
        taken = self.take(connection, 5)
        self.assertEqual({one.message.qos for one in taken}, {2})
        self.commit(connection, taken[:3])
        connection.inbox.done(taken[3:])
        self.end(connection)
        successor = self.connect(self.settings("one"))
        again = self.take(successor, 2)
        self.assertEqual([one.message.payload for one in again], [b"3", b"4"])
        self.commit(successor, again, sequence=2)
        self.end(successor)
        last = self.connect(self.settings("one"))
        self.publish("one", b"end")
        (only,) = self.take(last, 1)
        self.assertEqual(only.message.payload, b"end")

    def test_a_new_session_makes_old_receipts_void(self):
        """What an earlier session left behind is pruned at once."""
        receipts = [(7, [(1, b"x" * 16)])]
        connection = self.connect(self.settings("#"), receipts=receipts, sequence=9)
        self.assertEqual(connection.observed.prunable.through, 9)
        self.publish("n")
        self.commit(connection, self.take(connection, 1), sequence=10)
        resumed = [(10, [(1, b"x" * 16)])]
        self.end(connection)
        successor = self.connect(self.settings("#"), receipts=resumed, sequence=10)
        self.assertEqual(successor.observed.prunable.through, 9)

    def test_a_lost_connection_comes_back(self):
        """After a cut, what waits is not taken twice, and is acknowledged then."""
        connection = self.connect(self.settings("#"))
        self.publish("n", b"before")
        (waiting,) = self.take(connection, 1)
        with mute_logger(
            "odoo.addons.mqtt_listener.listener.connection",
            "odoo.addons.mqtt_listener.listener.login",
        ):
            connection._client.socket().shutdown(socket.SHUT_RDWR)
            connection.wait(lambda: connection.observed.reconnects)
            connection.wait(lambda: connection.observed.state == "connected")
        self.assertIsNone(connection.observed.problem)
        last = self.nothing_more(connection)
        self.commit(connection, [waiting, last])
        self.end(connection)
        successor = self.connect(self.settings("#"))
        self.nothing_more(successor)

    def test_who_may_have_lost_the_service_does_not_connect(self):
        """Until it is known again: it would take the session from who has it now."""
        connection = self.connect(self.settings("#"))
        connection.hold_service(False)
        with mute_logger(
            "odoo.addons.mqtt_listener.listener.connection",
            "odoo.addons.mqtt_listener.listener.login",
        ):
            connection._client.socket().shutdown(socket.SHUT_RDWR)
            connection.wait(lambda: connection.observed.state == "disconnected")
            successor = self.connect(self.settings("#"))
            self.nothing_more(successor)
            self.assertFalse(successor.observed.reconnects)
            self.assertFalse(connection.observed.reconnects)
            connection.hold_service(True)
            connection.wait(lambda: connection.observed.state == "connected")

    def test_overlapping_filters_bring_one_delivery(self):
        """One of the copies counts; the others are only acknowledged."""
        connection = self.connect(self.settings("#", "a/+", "a/b"))
        for number in range(5):
            self.publish("a/b", str(number))
        self.publish("end", b"end")
        deliveries = []
        while not deliveries or deliveries[-1].message.payload != b"end":
            deliveries += self.take(connection, 1)
        counted = [one for one in deliveries if not one.is_copy]
        payloads = [one.message.payload for one in counted]
        self.assertEqual(payloads, [b"0", b"1", b"2", b"3", b"4", b"end"])
        self.assertEqual({one.message.subscription_id for one in counted}, {101})
        self.assertEqual(connection.observed.received, 6)
        self.commit(connection, deliveries)
        self.end(connection)
        self.nothing_more(self.connect(self.settings("#", "a/+", "a/b")))

    def test_subscriptions_change_live(self):
        """Without a reconnect, filters come and go."""
        connection = self.connect(self.settings("a"))
        settings = self.settings("x", "b")
        connection.want(replace(settings, subscriptions=settings.subscriptions[1:]))
        filters = connection.subscriptions
        connection.wait(lambda: set(filters.session_filters) == {f"{self.prefix}/b"})
        self.publish("a", b"unheard")
        self.publish("b", b"heard")
        (delivery,) = self.take(connection, 1)
        self.assertEqual(delivery.message.payload, b"heard")
        self.assertEqual(connection.observed.reconnects, 0)

    def test_qos_0_beyond_the_bound_is_counted(self):
        """What the inbox refuses is dropped, and seen to be."""
        connection = self.connect(self.settings("#"))
        connection.inbox._max_messages = 3
        for _ in range(5):
            self.publish("n", qos=0)
        self.publish("end", b"end")
        taken = []
        while not taken or taken[-1].message.payload != b"end":
            taken += self.take(connection, 1)
        self.assertEqual(len(taken) + connection.observed.dropped, 6)
        self.assertGreater(connection.observed.dropped, 0)
        self.assertEqual(connection.observed.received, 6)

    @unittest.skipUnless(WEBSOCKETS, "MQTT_TEST_BROKER_WS=host:port names no broker")
    def test_websockets(self):
        """The same over WebSockets."""
        port = int(WEBSOCKETS.rpartition(":")[2])
        connection = self.connect(self.settings("#", transport="websockets", port=port))
        for number in range(300):
            self.publish("n", str(number), qos=number % 2)
        taken = []
        while len(taken) < 300:
            batch = self.take(connection, 1)
            self.commit(connection, batch)
            taken += batch
        self.assertEqual(
            {one.message.payload for one in taken},
            {str(number).encode() for number in range(300)},
        )

    def test_what_cannot_be_reached_is_named(self):
        """A closed port, an unknown name, and names that are none."""
        with socket.create_server(("127.0.0.1", 0)) as server:
            closed = server.getsockname()[1]
        for values, code in (
            ({"host": "127.0.0.1", "port": closed}, "refused"),
            ({"host": "no-such-host.invalid"}, "name_unknown"),
            ({"host": "bad..host"}, "name_unknown"),
        ):
            with (
                self.subTest(**values),
                mute_logger(
                    "odoo.addons.mqtt_listener.listener.connection",
                    "odoo.addons.mqtt_listener.listener.login",
                ),
            ):
                settings = self.settings("#", **values)
                connection = self.connect(settings, until="disconnected")
                self.assertEqual(connection.observed.problem.code, code)
                self.end(connection)
                self.assertNotIn(connection.name, MQTT_THREADS)
                steps = list(run_connection_test(settings))
                self.assertEqual(steps[-1].problem.code, code)

    def test_the_connection_test(self):
        """Each step is reported, and the service's own session is left alone."""
        settings = self.settings("a", "b", "retained")
        self.publish("retained", b"it comes while the test goes on", retain=True)
        self.addCleanup(self.publish, "retained", b"", retain=True)
        connection = self.connect(settings)
        self.commit(connection, self.take(connection, 1))
        steps = list(run_connection_test(settings))
        self.assertEqual(
            [step.name for step in steps],
            ["name", "tcp", "login", *["subscription"] * 3],
        )
        self.assertFalse([step for step in steps if step.problem])
        self.publish("a", b"still heard")
        self.take(connection, 1)
