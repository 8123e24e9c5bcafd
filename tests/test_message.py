import json

from odoo.tests import BaseCase

from ..mqtt.backoff import Backoff
from ..mqtt.message import Message, decode_batch, encode_batch
from ..mqtt.payload import (
    PayloadError,
    decode_text,
    hex_view,
    parse_json,
    pretty_json,
    storable,
)


class TestMessage(BaseCase):
    def test_a_batch_comes_back_as_it_was(self):
        """Any bytes, any topic, any properties survive encoding."""
        messages = [
            Message("a", b""),
            Message("ü/\U0001f600", bytes(range(256)) * 100, 1, True, True, 65_535, 1),
            Message("b", b"\0\xff{}", 1, properties={"user_properties": [["k", "v"]]}),
            Message("c", b"x", subscription_id=7, store=False),
        ]
        self.assertEqual(list(decode_batch(encode_batch(messages))), messages)
        self.assertEqual(list(decode_batch(encode_batch([]))), [])

    def test_the_digest_is_of_what_was_published(self):
        """Topic, payload and properties count; what the broker changes does not."""
        one = Message("a", b"bc", 1, properties={"content_type": "x"})
        for other in (
            Message("ab", b"c", 1, properties={"content_type": "x"}),
            Message("a", b"bd", 1, properties={"content_type": "x"}),
            Message("a", b"bc", 1),
        ):
            self.assertNotEqual(one.digest, other.digest)
        again = Message(
            "a",
            b"bc",
            1,
            dup=True,
            packet_id=9,
            properties={"content_type": "x", "message_expiry": 3},
        )
        self.assertEqual(one.digest, again.digest)

    def test_text_is_utf8_without_nul(self):
        """What the database could not give back is not text."""
        for payload, text in {
            b"": "",
            b"a": "a",
            "ü".encode(): "ü",
            b"\xff": None,
            b"a\0": None,
        }.items():
            self.assertEqual(decode_text(payload), text)

    def test_storable(self):
        """What PostgreSQL refuses in names becomes visible."""
        self.assertEqual(storable("a\0b"), "a\\x00b")
        self.assertEqual(storable("\ud800"), "\\ud800")
        self.assertEqual(storable("ünï"), "ünï")

    def test_pretty_json_changes_white_space_only(self):
        """Numbers, escapes and repeated keys are shown as they came."""
        text = '{"a":[1.10,1E5,{}, [] ],"a":{"b":"x:,{\\"\\u00fc"}}'
        pretty = pretty_json(text)
        self.assertEqual(
            pretty,
            '{\n  "a": [\n    1.10,\n    1E5,\n    {},\n    []\n  ],\n'
            '  "a": {\n    "b": "x:,{\\"\\u00fc"\n  }\n}',
        )
        self.assertEqual(json.loads(pretty), json.loads(text))

    def test_what_is_no_json_document_is_not_shown_as_one(self):
        """Plain numbers, broken and hostile documents stay text."""
        for text in ("12", '"a"', "{", "[1,]", "[" * 100_000, ""):
            self.assertIsNone(pretty_json(text))

    def test_json_is_read_to_a_depth(self):
        """100 levels are read; what is deeper is refused in words, however deep."""
        for opened, closed in (("[", "]"), ('{"a":', "}")):
            deepest = opened * 99 + "[]" + closed * 99
            self.assertEqual(parse_json(deepest.encode()), json.loads(deepest))
            for levels in (101, 500, 200_000):
                deeper = opened * (levels - 1) + "[]" + closed * (levels - 1)
                with self.assertRaisesRegex(PayloadError, "deeper than 100 levels"):
                    parse_json(deeper.encode())
        self.assertEqual(parse_json(b"[" + b"[]," * 500 + b"[]]"), [[]] * 501)
        self.assertEqual(parse_json(b'"' + b"[" * 500 + b'"'), "[" * 500)

    def test_hex_view(self):
        """Offset, bytes, and the printable ones as characters."""
        self.assertEqual(
            hex_view(b"MQTT\0\x01" + b"x" * 11),
            "00000000  4d 51 54 54 00 01 78 78 78 78 78 78 78 78 78 78  "
            "MQTT..xxxxxxxxxx\n"
            "00000010  78" + " " * 47 + "x",
        )

    def test_backoff(self):
        """5 s × 1.5 up to 300 s, from the first failure on, never beyond."""
        delays = [Backoff().delay(failures) for failures in range(13)]
        self.assertEqual(delays[:4], [0, 5, 7.5, 11.25])
        self.assertEqual(delays[12], 300)
        self.assertEqual(Backoff().delay(1_000_000), 300)
        self.assertEqual(Backoff(2, 9, 1).delay(50), 2)

    def test_backoff_jitter(self):
        """Jitter takes up to a tenth off and adds nothing."""
        self.assertEqual(Backoff().delay(1, jitter=1), 4.5)
        self.assertEqual(Backoff().delay(1, jitter=0.5), 4.75)
        self.assertEqual(Backoff().delay(100, jitter=1), 270)
