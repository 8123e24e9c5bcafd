# Copyright 2026 mqtt_listener contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""What holds for whatever a broker may send: nothing raises, nothing is changed.

The cases are the same in every run; together they are a little over 10,000.
"""

import json
from random import Random
from string import ascii_letters

from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from odoo.tests import BaseCase, tagged

from ..broker.properties import read_properties
from ..mqtt.json_text import parse_json, pretty_json
from ..mqtt.message import Message, decode_batch, encode_batch
from ..mqtt.payload import PayloadError, decode_text, hex_view, storable
from ..mqtt.publish_packet import next_publish, split_publish
from ..mqtt.topic import FilterIndex, TopicError, TopicFilter, check_topic_name
from .common import MqttCase
from .test_client import packet

ANY_TEXT = st.text(st.characters(exclude_categories=()))  # lone surrogates as well
HOSTILE = st.text(
    st.sampled_from("\0\n\r\t\x1b\x7f\x85\u202e\u2028\ufeff\ud800/+#$<'%a")
)
TEXT = ANY_TEXT | HOSTILE
# What MQTT calls a string, but for U+FEFF, which paho refuses.
UTF8 = st.text(st.characters(codec="utf-8", exclude_characters="\0\ufeff"))
LEVELS = st.lists(st.sampled_from(("a", "b", "", "$SYS", "ü")), min_size=1, max_size=4)
FILTER_LEVELS = st.lists(
    st.sampled_from(("a", "b", "", "$SYS", "ü", "+", "#")), min_size=1, max_size=4
).filter(lambda levels: "#" not in levels[:-1] and levels != [""])
JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)
# Too long for a row of an index, and nothing that compresses well.
LONGEST_TOPIC = "".join(Random(1).choices(ascii_letters, k=65_535))
PROPERTIES = st.none() | st.fixed_dictionaries(
    {},
    optional={
        "content_type": TEXT.map(storable),
        "response_topic": TEXT.map(storable),
        "correlation_data": st.binary(max_size=50).map(bytes.hex),
        "message_expiry": st.integers(0, 2**32 - 1),
        "user_properties": st.lists(
            st.tuples(TEXT.map(storable), TEXT.map(storable)).map(list),
            min_size=1,
            max_size=4,
        ),
    },
)
MESSAGES = st.builds(
    Message,
    topic=TEXT.filter(bool).map(storable),
    payload=st.binary(max_size=2_000) | TEXT.map(lambda text: storable(text).encode()),
    qos=st.sampled_from((0, 1)),
    retain=st.booleans(),
    dup=st.booleans(),
    packet_id=st.integers(0, 65_535),
    timestamp=st.integers(0, 2**51),
    properties=PROPERTIES,
)


def cases(number):
    """So many cases, always the same, however slow the machine is."""
    return settings(
        max_examples=number,
        derandomize=True,
        database=None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )


def matches(topic_filter, topic):
    """The rules of MQTT 5.0 section 4.7, as plainly as they can be written."""
    if topic[0].startswith("$") and topic_filter[0] in ("+", "#"):
        return False
    for index, wanted in enumerate(topic_filter):
        if wanted == "#":
            return True
        if index >= len(topic) or wanted not in ("+", topic[index]):
            return False
    return len(topic_filter) == len(topic)


def legal(text, check):
    """What ``check`` says about a text, which is a TopicError if anything."""
    try:
        return check(text)
    except TopicError as error:
        return error


class TestVocabularyProperties(BaseCase):
    @cases(2_000)
    @given(FILTER_LEVELS, LEVELS)
    def test_topics_match_as_specified(self, filter_levels, levels):
        """The trie agrees with the rules."""
        index = FilterIndex([(TopicFilter("/".join(filter_levels)), True)])
        found = any(index.match("/".join(levels)))
        self.assertEqual(found, matches(filter_levels, levels))

    @cases(1_000)
    @given(TEXT)
    def test_topics_are_kept_or_refused(self, text):
        """A topic or filter is as it was written, or a TopicError."""
        name = legal(text, check_topic_name)
        self.assertTrue(isinstance(name, TopicError) or name == text)
        found = legal(text, TopicFilter)
        self.assertTrue(isinstance(found, TopicError) or found.text == text)

    @cases(1_500)
    @given(st.lists(MESSAGES, max_size=5))
    def test_batches(self, messages):
        """What is encoded is decoded, whatever it is."""
        self.assertEqual(list(decode_batch(encode_batch(messages))), messages)
        self.assertTrue(all(len(one.digest) == 16 for one in messages))

    @cases(1_000)
    @given(TEXT)
    def test_storable_text(self, text):
        """It is UTF-8 without NUL, and what was so already stays as it is."""
        stored = storable(text)
        self.assertNotIn("\0", stored)
        self.assertEqual(stored.encode().decode(), stored)
        self.assertEqual(storable(stored), stored)
        if decode_text(text.encode("utf-8", "surrogatepass")) == text:
            self.assertEqual(stored, text)

    @cases(1_000)
    @example(b"[" * 100_000)
    @given(st.binary() | TEXT.map(lambda text: storable(text).encode()))
    def test_payloads_of_any_bytes(self, payload):
        """They are text or none, JSON or a PayloadError, and shown in full."""
        text = decode_text(payload)
        self.assertIn(text and text.encode(), (payload, None, ""))
        self.assertEqual(hex_view(payload).count("\n") + 1, -(-len(payload) // 16) or 1)
        pretty = pretty_json(text or "")
        try:
            value = parse_json(payload)
        except PayloadError as error:
            self.assertTrue(str(error).isprintable())
            self.assertIsNone(pretty)
        else:
            json.dumps(value, allow_nan=False)
            self.assertTrue(text is None or pretty)

    @cases(1_000)
    @given(JSON)
    def test_json(self, value):
        """The value is what was written, also after it was indented."""
        text = json.dumps(value)
        self.assertEqual(parse_json(text.encode()), value)
        pretty = pretty_json(text)
        if pretty is not None:
            self.assertEqual(json.loads(pretty), value)


class TestPacketProperties(BaseCase):
    @cases(1_000)
    @given(
        UTF8.map(str.encode),
        st.binary(),
        st.sampled_from((0x30, 0x31, 0x32, 0x3B)),
        st.integers(1, 65_535),
        st.integers(0, 30),
    )
    def test_packets(self, topic, payload, head, packet_id, cut):
        """Every part is as it was sent; a packet that is cut is waited for."""
        stream = packet(topic, payload, packet_id, head)
        found, body, end = next_publish(stream, 0)
        self.assertEqual((found, end), (head, len(stream)))
        parts = split_publish(head, body, is_5=True)
        self.assertEqual((parts.topic, parts.payload), (topic, payload))
        self.assertEqual(parts.packet_id, packet_id if head & 6 else 0)
        self.assertIsNone(next_publish(stream[: -1 - min(cut, len(stream) - 1)], 0))

    @cases(1_000)
    @given(st.integers(0, 9), st.binary(), st.integers(0x30, 0x3F), st.booleans())
    def test_any_bytes_for_a_packet(self, length, content, head, is_5):
        """No bytes raise, and none of the payload's are lost."""
        content = bytes([0, length]) + content  # longer topics would not be there
        next_publish(bytes([head]) + content, 0)
        parts = split_publish(head, content, is_5=is_5)
        if parts is not None:
            size = 2 + len(parts.topic) + (2 if parts.qos else 0)
            rest = (parts.properties or b"") + parts.payload
            self.assertEqual(content[size:], rest)

    @cases(1_000)
    @given(
        st.lists(st.tuples(UTF8, UTF8), max_size=3),
        st.binary(max_size=50),
        UTF8,
        st.integers(0, 2**32 - 1),
    )
    def test_properties(self, user, correlation, content_type, expiry):
        """What paho packs is read as it was."""
        sent = Properties(PacketTypes.PUBLISH)
        sent.CorrelationData = correlation
        sent.ContentType = content_type
        sent.MessageExpiryInterval = expiry
        if user:
            sent.UserProperty = user
        values, identifiers, alias = read_properties(sent.pack())
        self.assertEqual((identifiers, alias), ((), None))
        self.assertEqual(values["correlation_data"], correlation.hex())
        self.assertEqual(values["content_type"], content_type)
        self.assertEqual(values["message_expiry"], expiry)
        read = [tuple(pair) for pair in values.get("user_properties", [])]
        self.assertEqual(read, user)


@tagged("post_install", "-at_install")
class TestStoredProperties(MqttCase):
    @cases(100)
    @example([Message(LONGEST_TOPIC, bytes(range(256)) * 256, 1)])
    @given(st.lists(MESSAGES, min_size=1, max_size=10))
    def test_history(self, messages):
        """Bytes in, bytes out, through the ingest job, under any topic."""
        stored = self.receive(*messages)
        stored.invalidate_recordset()
        self.assertEqual(
            stored.mapped(lambda one: one.topic), [m.topic for m in messages]
        )
        for one, message in zip(stored, messages, strict=True):
            self.assertEqual(one.payload_bytes, message.payload)
            self.assertEqual(one.size, len(message.payload))
            said = (message.properties or {}).get("user_properties", False)
            self.assertEqual(one.user_properties or False, said)
