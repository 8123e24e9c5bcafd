# Copyright 2026 mqtt_listener contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""A message of any size: read, let go, committed, and whose fault it is when not."""

import hashlib
import random
from dataclasses import replace
from unittest.mock import Mock, patch

import psycopg2
from paho.mqtt import client as paho

from odoo.tests import BaseCase, tagged
from odoo.tools import config

from ..broker.settings import ServiceSettings
from ..listener import writer as writer_module
from ..listener.enqueuing import Enqueuing
from ..listener.inbox import Delivery, Inbox
from ..listener.node_settings import NodeSettings
from ..listener.observed import Observed
from ..listener.writer import Writer
from ..models.service import limits as mqtt_service_limits
from ..models.service.listener import NOTHING_COUNTED
from ..mqtt import large_publish
from ..mqtt.message import (
    LARGE,
    LeftOut,
    Message,
    decode_batch,
    encode_batch,
    encode_pieces,
)
from ..mqtt.publish_packet import MAX_PROPERTIES
from .client_case import ClientCase
from .common import MqttCase
from .test_client import packet

NOISE = random.Random(1).randbytes(3 * LARGE)
LOGGER = "odoo.addons.mqtt_listener.listener.writer"


class LargeReading(ClientCase):
    """A client that reads from a socket what a test has put there."""

    def feed(self, client, stream, piece=50_000):
        """Have it read a stream that comes in pieces."""
        for start in range(0, len(stream), piece):
            self.broker.sendall(stream[start : start + piece])
            while True:
                before = len(self.received)
                self.assertEqual(client.loop_read(), paho.MQTT_ERR_SUCCESS)
                if len(self.received) == before and not client.has_buffered:
                    break

    def message(self, publish):
        """As the network thread makes it."""
        return Message(
            publish.topic.decode(),
            publish.payload,
            qos=publish.qos,
            left_out=publish.left_out,
            hashed=publish.hashed,
        )


class TestLargeReading(LargeReading):
    def test_kept(self):
        """It arrives as it was sent, and what follows it too."""
        for protocol, properties in ((paho.MQTTv5, b"\2\x0b\5"), (paho.MQTTv311, b"")):
            for qos in (0, 1, 2):
                client = self.client(protocol=protocol)
                large = packet(b"t", NOISE, 7, 0x30 | qos << 1, properties)
                small = packet(b"u", b"x", 8, properties=properties)
                self.feed(client, large + small)
                first, second = self.received
                self.assertEqual(bytes(first.payload), NOISE)
                self.assertEqual(first.properties, properties or None)
                self.assertEqual((first.qos, first.packet_id), (qos, 7 if qos else 0))
                self.assertEqual((second.topic, second.payload), (b"u", b"x"))
                self.assertIsNone(first.left_out)

    def test_let_go(self):
        """Of what is beyond the limit there are size and digests, the same as if it
        had been kept; the limit itself is not beyond.
        """
        for protocol, properties in ((paho.MQTTv5, b"\2\x0b\5"), (paho.MQTTv311, b"")):
            for size in (101, 70_000, len(NOISE)):
                payload = NOISE[:size]
                sent = packet(b"t", payload, properties=properties)
                for keep, is_kept in ((size, True), (size - 1, False)):
                    client = self.client(protocol, keep)
                    self.feed(
                        client, sent + packet(b"u", b"x", 2, properties=properties)
                    )
                    found, following = self.received
                    self.assertEqual(following.topic, b"u")
                    kept = Message("t", payload, qos=1)
                    self.assertEqual(self.message(found).digest, kept.digest)
                    if is_kept:
                        self.assertIsNone(found.left_out)
                        continue
                    digest = hashlib.sha256(payload).hexdigest()
                    self.assertEqual(found.left_out, LeftOut(size, digest))
                    self.assertEqual(found.payload, b"")

    def test_however_it_is_cut(self):
        """Wherever the first piece ends."""
        sent = packet(b"topic", b"x" * 400, properties=b"\2\x0b\5") + packet(b"u")
        for cut in range(1, 40):
            client = self.client(keep=300)
            self.broker.sendall(sent[:cut])
            client.loop_read()
            self.feed(client, sent[cut:], piece=3)
            self.assertEqual([one.topic for one in self.received], [b"topic", b"u"])
            self.assertEqual(self.received[0].left_out.size, 400)

    def test_properties_without_an_end(self):
        """They count as payload, and are not held."""
        size = MAX_PROPERTIES + 1
        length = bytes([size & 127 | 128, size >> 7 & 127 | 128, size >> 14])
        properties = length + b"\x26" + b"x" * (size - 1)
        client = self.client(keep=1000)
        self.feed(client, packet(b"t", b"p", properties=properties) + packet(b"u"))
        first, second = self.received
        self.assertEqual((first.properties, second.topic), (b"", b"u"))
        self.assertEqual(first.left_out.size, len(properties) + 1)

    def test_no_memory_for_it(self):
        """Its size and digest are kept all the same."""
        client = self.client()

        def refuse(size=0):
            if size:
                raise MemoryError
            return bytearray()

        with patch.object(large_publish, "bytearray", refuse, create=True):
            self.feed(client, packet(b"t", NOISE))
        self.assertEqual(self.received[0].left_out.size, len(NOISE))

    def test_what_a_packet_may_be(self):
        """By default a part of what the process may take."""
        for limit, expected in ((2**31, 2**28 - 1), (2**30, 2**27), (0, 2**28 - 1)):
            with patch.dict(config.options, {"limit_memory_soft": limit}):
                self.assertEqual(NodeSettings.from_section({}).packet_bytes, expected)
        chosen = NodeSettings.from_section({"packet_bytes": "5000"})
        self.assertEqual(chosen.packet_bytes, 5000)


class TestLargeBatch(BaseCase):
    def test_pieces(self):
        """Together they are the batch, and no payload is copied."""
        payload = memoryview(NOISE)
        messages = [Message("a", payload, 1), Message("b", b"y")]
        pieces = encode_pieces(messages)
        self.assertIs(pieces[2], payload)
        self.assertEqual(list(decode_batch(b"".join(pieces))), messages)

    def test_left_out(self):
        message = Message("a", b"", 1, left_out=LeftOut(500, "ab" * 32))
        (found,) = decode_batch(encode_batch([message]))
        self.assertEqual(found, message)
        self.assertEqual(found.payload_size, 500)

    def test_without_payload(self):
        """It is still the same message to whoever compares digests."""
        message = Message("a", NOISE, 1, properties={"content_type": "x"})
        lighter = message.without_payload()
        self.assertEqual((lighter.payload, lighter.payload_size), (b"", len(NOISE)))
        self.assertEqual(lighter.digest, message.digest)


class _Bridge:
    """Takes no payloads of more than so many bytes.

    :param error: what it raises for others.
    """

    def __init__(self, error, most=LARGE):
        self.error, self.most = error, most
        self.committed, self.tries = [], 0

    def enqueue(self, _service_id, _name, batch, **_options):
        self.tries += 1
        if any(len(one.message.payload) > self.most for one in batch):
            raise self.error
        self.committed += [one.message for one in batch]
        return len(self.committed)


class TestBlame(BaseCase):
    def commit(self, bridge, *messages):
        connection = Mock(observed=Observed(), session=0)
        connection.subscriptions.counts = {}
        connection.is_alive.return_value = True
        connection.name = "test"
        inbox = Inbox(10, 2**30, 0, 10, 2**30)
        batch = [Delivery(message, 1, 0) for message in messages]
        for one in batch:
            inbox.put(one)
        with self.assertLogs(LOGGER, "WARNING"):
            self.assertTrue(Writer(bridge, connection, inbox, 0)._commit(batch))

    def test_lack_of_memory_is_the_large_messages_fault(self):
        """After some tries it is in quarantine without its payload, the others are
        committed as they came.
        """
        large, small = Message("large", NOISE, 1), Message("small", b"x", 1)
        for error in (
            MemoryError(),
            psycopg2.errors.OutOfMemory("out of memory"),
            psycopg2.errors.ProgramLimitExceeded("too long"),
        ):
            bridge = _Bridge(error)
            self.commit(bridge, small, large, small)
            found = {one.topic: one for one in bridge.committed}
            self.assertEqual(found["small"], small)
            self.assertEqual(len(bridge.committed), 3)
            self.assertIn(type(error).__name__, found["large"].trouble)
            self.assertEqual(found["large"].left_out.size, len(NOISE))
            self.assertEqual(found["large"].digest, large.digest)
            self.assertLess(bridge.tries, 15)

    def test_lack_of_memory_without_a_large_message(self):
        """It is nobody's fault: the batch is tried until there is memory again."""
        bridge = _Bridge(MemoryError(), most=0)
        small = Message("small", b"x", 1)

        def recover(self):
            bridge.most = LARGE * (bridge.tries > 20)

        with patch.object(writer_module.Writer, "_wait", recover):
            self.commit(bridge, small, small)
        self.assertEqual(bridge.committed, [small, small])


@tagged("post_install", "-at_install")
class TestLargeCommit(MqttCase):
    """On a connection of its own to the database, as the listener has it."""

    def setUp(self):
        super().setUp()
        statement = self.env["mqtt.service"]._listener_enqueue_statement()
        self.enqueuing = Enqueuing(self.env.cr.dbname, lambda: statement)

    def test_fenced(self):
        """A listener that has lost the service writes nothing."""
        parameters = {
            "service_id": -1,
            "thread_identifier": "nobody",
            "after_sequence": 0,
            "total": 1,
            "to_store": 1,
            "receipts": psycopg2.Binary(b""),
            "prune_through": 0,
            **NOTHING_COUNTED,
        }
        pieces = encode_pieces([Message("a", NOISE, 1)])
        with patch("odoo.addons.mqtt_listener.listener.enqueuing.copy_batch") as copy:
            found = self.enqueuing.execute_large(pieces, size=len(NOISE), **parameters)
        self.assertEqual(found, (False, False))
        copy.assert_not_called()

    def test_the_listener_knows_the_limit(self):
        self.service.write({"payload_limit": 10, "attachment_limit": 200})
        values = self.service._listener_settings()
        self.assertEqual(ServiceSettings.from_values(values).attachment_limit, 200)

    def test_left_out_by_the_listener(self):
        """Stored with size and digest, counted, and no handler takes it for empty."""
        message = replace(
            self.message(payload=b""), left_out=LeftOut(50_000_000, "ab" * 32)
        )
        with self.assertLogs(mqtt_service_limits.__name__, "WARNING"):
            stored = self.receive(message)
        self.assertEqual(stored.size, 50_000_000)
        self.assertEqual(stored.payload_digest, "ab" * 32)
        self.assertFalse(stored.payload_attachment_id)
        self.assertIn("was not kept", stored.payload_warning)
        self.assertEqual(self.service.oversized_count, 1)
