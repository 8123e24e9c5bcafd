# Copyright 2026 mqtt_listener contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""What a broker says of itself in CONNACK (section 3.2.2.3), and who keeps to it."""

from contextlib import contextmanager
from unittest.mock import patch

from odoo.exceptions import UserError
from odoo.tests import tagged

from ..broker import publisher
from ..broker.publisher import Publisher
from ..listener.bridge import Bridge
from ..listener.inbox import Inbox
from ..listener.writer import Writer
from ..mqtt.outgoing import Outgoing
from .fake_broker import PINGREQ, PUBLISH
from .listening import DISCONNECT, LOGGER, ListenerCase, Recorder

KEEP_ALIVE_2 = b"\x13\0\2"  # seconds
RECEIVE_MAXIMUM_1, RECEIVE_MAXIMUM_2 = b"\x21\0\1", b"\x21\0\2"
PACKET_SIZE_1000 = b"\x27\0\0\x03\xe8"


class AcknowledgesFirst(Recorder):
    """Of all that is published to it, the first message alone."""

    def _answer(self, kind, body, connection):
        answer = super()._answer(kind, body, connection)
        return answer if kind != PUBLISH or len(self.published) == 1 else None


class BridgeHere(Bridge):
    """What it does is done in a test's transaction."""

    def __init__(self, env):
        super().__init__(env.cr.dbname)
        self._env = env

    @contextmanager
    def _service(self, service_id):
        yield self._env["mqtt.service"].browse(service_id)


@tagged("post_install", "-at_install")
class TestBrokerLimits(ListenerCase):
    def test_keep_alive(self):
        """The broker's counts: it would end a connection that is silent for longer."""
        self.service.inactivity_timeout = 60
        with (
            Recorder(limits=KEEP_ALIVE_2) as broker,
            self.listening(broker, keepalive=60),
        ):
            broker.wait(lambda: broker.bodies(PINGREQ))

    def test_receive_maximum_of_what_is_published(self):
        """Another message goes only when one before it is acknowledged."""
        payloads = [b"1", b"2", b"3", b"4"]
        messages = [
            Outgoing(number, f"plant/{number}", payload)
            for number, payload in enumerate(payloads)
        ]
        with AcknowledgesFirst(limits=RECEIVE_MAXIMUM_2) as broker:
            with (
                Publisher(self.settings(broker), "publisher") as sender,
                patch.object(publisher, "ANSWER_TIMEOUT", 2),
            ):
                sender.send(messages)
            broker.wait(lambda: broker.bodies(DISCONNECT))
        self.assertEqual(sender.problem.code, "timeout")
        self.assertEqual(broker.published, payloads[:3])
        self.assertEqual((sender.confirmed, sender.under_way), ({0}, [1, 2]))
        with (
            Recorder(limits=RECEIVE_MAXIMUM_1) as broker,
            Publisher(self.settings(broker), "publisher") as sender,
        ):
            sender.send(messages)
        self.assertEqual(sender.confirmed, {0, 1, 2, 3})

    def test_receive_maximum_of_announcements(self):
        """That the service leaves is not said while the broker owes an answer."""
        for kind in ("birth", "stop"):
            self.env["mqtt.announcement"].create(
                {
                    "service_id": self.service.id,
                    "kind": kind,
                    "topic": "odoo/status",
                    "payload": kind,
                }
            )
        with (
            Recorder(limits=RECEIVE_MAXIMUM_1, acknowledges=None) as broker,
            self.assertLogs(f"{LOGGER}.announcer", "WARNING") as log,
        ):
            with self.listening(broker) as connection:
                broker.wait_published(b"birth")
                self.end(connection)
            broker.wait(lambda: broker.bodies(DISCONNECT))
        self.assertEqual(broker.published, [b"birth"])
        self.assertIn("'stop': the broker has not acknowledged", "".join(log.output))

    def test_packet_size(self):
        """What is larger is refused before it is stored, by whoever publishes."""
        bridge = BridgeHere(self.env)
        with (
            Recorder(limits=PACKET_SIZE_1000) as broker,
            self.listening(broker) as connection,
        ):
            bridge.claim(self.service.id, connection.name, "here")
            Writer(bridge, connection, Inbox(1, 1, 0, 1, 1), 0)._report()
        history = self.env["mqtt.signal.history"]
        with self.assertRaisesRegex(UserError, "takes 1000 at most"):
            self.service.mqtt_publish("plant/1", b"x" * 1000)
        self.assertFalse(history.search_count([("service_id", "=", self.service.id)]))
        self.assertTrue(self.service.mqtt_publish("plant/1", b"x" * 900))
