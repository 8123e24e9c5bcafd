# Copyright 2026 mqtt_listener contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
import struct

from paho.mqtt import MQTTException
from paho.mqtt import client as paho
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from odoo.tests import BaseCase

from ..broker.properties import read_properties
from ..broker.reasons import reason_text
from ..broker.receiving import TOPIC_ALIASES
from ..mqtt.log import get_logger
from ..mqtt.publish_packet import next_publish, split_publish
from .client_case import ClientCase

PINGRESP = b"\xd0\0"


def packet(topic=b"t", payload=b"p", packet_id=1, head=0x32, properties=b"\0"):
    """A PUBLISH as a broker sends it."""
    identifier = struct.pack(">H", packet_id) if head & 6 else b""
    body = struct.pack(">H", len(topic)) + topic + identifier + properties + payload
    length, rest = b"", len(body)
    while rest > 127:
        length, rest = length + bytes([rest & 127 | 128]), rest >> 7
    return bytes([head]) + length + bytes([rest]) + body


class TestSplitPublish(BaseCase):
    """The parts of a PUBLISH packet."""

    def split(self, body, head=0x32, is_5=True):
        return split_publish(head, body, is_5=is_5)

    def test_parts(self):
        parts = self.split(b"\0\3a/b\1\2" + b"\3\x26\0\0" + b"payload", head=0x3B)
        self.assertEqual((parts.topic, parts.payload), (b"a/b", b"payload"))
        self.assertEqual(parts.properties, b"\3\x26\0\0")
        self.assertEqual((parts.qos, parts.packet_id), (1, 258))
        self.assertTrue(parts.dup and parts.retain)

    def test_without_packet_identifier(self):
        parts = self.split(b"\0\1t" + b"\0" + b"p", head=0x30)
        self.assertEqual((parts.qos, parts.packet_id, parts.payload), (0, 0, b"p"))

    def test_version_3(self):
        self.assertEqual(self.split(b"\0\1t\0\1p", is_5=False).payload, b"p")

    def test_lengths_that_cannot_be(self):
        """A length of properties beyond the packet: all of it counts as payload."""
        for rest in (b"\x7fabc", b"\xff\xff\xff\xff\x7f", b"\x80", b""):
            parts = self.split(b"\0\1t\0\1" + rest)
            self.assertEqual((parts.properties, parts.payload), (b"", rest))

    def test_what_cannot_be_acknowledged(self):
        for body in (b"", b"\0", b"\0\5abc", b"\0\1t", b"\0\1t\0"):
            self.assertIsNone(self.split(body), body)
        self.assertIsNone(self.split(b"\0\1t\0\1", head=0x36))

    def test_next_of_a_stream(self):
        """It is found when it is there whole, and only if it is one."""
        for payload in (b"", b"x" * 200, b"x" * 20_000):
            stream = b"head" + packet(payload=payload) + PINGRESP
            end = len(stream) - len(PINGRESP)
            head, body, at = next_publish(stream, 4)
            self.assertEqual((head, at), (0x32, end))
            self.assertEqual(self.split(body).payload, payload)
            for cut in (4, 5, 6, 7, end - 1):
                self.assertIsNone(next_publish(stream[:cut], 4), cut)
            self.assertIsNone(next_publish(stream, end))
        self.assertIsNone(next_publish(b"\x32\xff\xff\xff\xff\x01", 0))


class TestClient(ClientCase):
    """What this addon's client does in place of paho's."""

    def read_all(self, client):
        """Read all that the broker has sent."""
        while True:
            before = len(self.received)
            self.assertEqual(client.loop_read(), paho.MQTT_ERR_SUCCESS)
            if len(self.received) == before and not client.has_buffered:
                return

    def written(self, client):
        """What the broker gets."""
        client.loop_write()
        return self.broker.recv(1000)

    def test_wherever_the_stream_is_cut(self):
        """Packets are read the same, however they arrive."""
        stream = (
            packet(b"first", b"", 1)
            + PINGRESP
            + packet(b"second", b"x" * 300, 2, properties=b"\2\x0b\5")
            + packet(b"third", b"y", head=0x31)
        )
        for cut in range(1, len(stream)):
            client = self.client()
            self.broker.send(stream[:cut])
            self.read_all(client)
            self.broker.send(stream[cut:])
            self.read_all(client)
            found = [(one.topic, len(one.payload), one.qos) for one in self.received]
            expected = [(b"first", 0, 1), (b"second", 300, 1), (b"third", 1, 0)]
            self.assertEqual(found, expected, cut)

    def test_more_than_is_read_at_a_time(self):
        count = 5000
        client = self.client(paho.MQTTv311)
        for number in range(count):
            body = packet(b"t", b"x" * 20, number + 1, properties=b"")
            self.broker.sendall(body)
            if number % 50 == 0:
                self.read_all(client)
        self.read_all(client)
        ids = [one.packet_id for one in self.received]
        self.assertEqual(ids, list(range(1, count + 1)))
        self.assertIsNone(self.received[0].properties)

    def test_acknowledgements(self):
        """They go together, in their order."""
        client = self.client()
        client.acknowledge([])
        self.assertFalse(client.want_write())
        client.acknowledge([(1, 1), (65_535, 1), (3, 2)])
        acks = b"\x40\2\0\1" + b"\x40\2\xff\xff" + b"\x50\2\0\3"
        self.assertEqual(self.written(client), acks)

    def test_quality_of_service_2(self):
        """A broker sends it when another has subscribed for this session: it is
        received once, and nothing of it has to be kept until it is released.
        """
        client = self.client()
        publish = packet(b"t", b"once?", 9, head=0x34, properties=b"\2\x0b\5")
        self.broker.send(publish + publish)
        self.read_all(client)
        (one,) = self.received
        self.assertEqual((one.topic, one.payload, one.qos), (b"t", b"once?", 2))
        self.assertEqual(read_properties(one.properties), (None, (5,), None))
        self.assertFalse(client.want_write(), "it is not committed yet")
        client.acknowledge([(9, 2)])
        self.assertEqual(self.written(client), b"\x50\2\0\x09")
        self.broker.send(publish)
        self.read_all(client)
        self.assertEqual(self.written(client), b"\x50\2\0\x09", "PUBREC once more")
        self.broker.send(b"\x62\2\0\x09")
        self.read_all(client)
        self.assertEqual(self.written(client), b"\x70\2\0\x09")
        self.broker.send(publish)
        self.read_all(client)
        self.assertEqual(len(self.received), 2, "the identifier is free again")

    def test_released_without_being_known(self):
        """PUBREL for what an earlier process has received ends the exchange."""
        client = self.client()
        self.broker.send(b"\x62\2\0\x09")
        self.read_all(client)
        self.assertEqual(self.written(client), b"\x70\2\0\x09")

    def alias(self, alias):
        return b"\3\x23" + struct.pack(">H", alias)

    def test_topic_aliases(self):
        """A topic is said once, then its alias; a later one may take it over."""
        client = self.client()
        for topic, alias in (
            (b"long/topic", 1),
            (b"", 1),
            (b"other", TOPIC_ALIASES),
            (b"", TOPIC_ALIASES),
            (b"third", 1),
            (b"", 1),
        ):
            self.broker.send(packet(topic, properties=self.alias(alias)))
        self.read_all(client)
        topics = [one.topic for one in self.received]
        expected = [b"long/topic"] * 2 + [b"other"] * 2 + [b"third"] * 2
        self.assertEqual(topics, expected)
        self.assertEqual(self.received[1].payload, b"p")

    def test_topic_aliases_that_may_not_be(self):
        """One that stands for nothing, and one that was not allowed."""
        for topic, alias in ((b"", 1), (b"t", TOPIC_ALIASES + 1)):
            client = self.client()
            self.broker.send(packet(topic, properties=self.alias(alias)))
            self.assertEqual(client.loop_read(), paho.MQTT_ERR_PROTOCOL, alias)
            self.assertEqual(self.received, [])

    def test_no_alias_but_its_byte(self):
        client = self.client()
        self.broker.send(packet(b"t", properties=b"\5\x03\0\2#a"))
        self.read_all(client)
        self.assertEqual(self.received[0].topic, b"t")

    def test_what_is_no_packet(self):
        """It ends the connection."""
        client = self.client()
        self.broker.send(b"\x32\3\0\5a")
        self.assertEqual(client.loop_read(), paho.MQTT_ERR_PROTOCOL)
        self.assertEqual(self.received, [])

    def test_the_end_of_the_stream(self):
        client = self.client()
        self.broker.send(packet())
        self.broker.close()
        self.assertEqual(client.loop_read(), paho.MQTT_ERR_SUCCESS)
        self.assertEqual(len(self.received), 1)
        self.assertEqual(client.loop_read(), paho.MQTT_ERR_CONN_LOST)


class TestReasonText(BaseCase):
    def test_in_one_line(self):
        """A broker cannot write lines of its own into the log."""
        properties = Properties(PacketTypes.CONNACK)
        properties.ReasonString = "no\n2026-01-01 INFO all is \x1b[32mwell\u2028"
        text = reason_text(ReasonCode(PacketTypes.CONNACK, identifier=0x87), properties)
        self.assertEqual(
            text, "Not authorized: no 2026-01-01 INFO all is \\x1b[32mwell"
        )


class TestLog(BaseCase):
    def test_in_one_line(self):
        """What a broker says begins no line that looks like another's."""
        logger = get_logger("mqtt_listener.test")
        with self.assertLogs(logger) as logs:
            logger.warning("%s: %s", "Plant", "gone\r\n2026-11-26 CRITICAL \x1b[31m")
        self.assertIn("Plant: gone 2026-11-26 CRITICAL \\x1b[31m", logs.output[0])


class TestReadProperties(BaseCase):
    def test_values(self):
        content = (
            b"\x03\0\4json"
            + b"\x0b\5"
            + b"\x0b\6"
            + b"\x09\0\2\0\xff"
            + b"\x26\0\1k\0\1v"
        )
        expected = {
            "content_type": "json",
            "correlation_data": "00ff",
            "user_properties": [["k", "v"]],
        }
        for _ in range(2):
            values, identifiers, alias = read_properties(
                bytes([len(content)]) + content
            )
            self.assertEqual(values, expected)
            self.assertEqual(sorted(identifiers), [5, 6])
            self.assertIsNone(alias)

    def test_none(self):
        self.assertEqual(read_properties(None), (None, (), None))
        self.assertEqual(read_properties(b"\0"), (None, (), None))

    def test_unreadable(self):
        """Every time it is read, and when it is too long to be kept."""
        user = b"\x26" + b"\0\3\xef\xbb\xbf" + b"\0\1v"
        for content in (
            b"",
            b"\1\xff",
            bytes([len(user)]) + user,
            b"\x7f" + b"\1" * 127,
        ):
            for _ in range(2):
                with self.assertRaises((MQTTException, IndexError, ValueError)):
                    read_properties(content)
