# Copyright 2026 mqtt_listener contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
import json

from odoo.tests import BaseCase

from ..mqtt.backoff import Backoff
from ..mqtt.json_text import parse_json, pretty_json
from ..mqtt.message import Message, decode_batch, encode_batch
from ..mqtt.payload import PayloadError, decode_text, hex_view, storable


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

    def test_what_the_form_calls_json(self):
        """Is what ``.json()`` takes; broken and hostile documents stay text."""
        for text, shown in {"12": "12", ' "a"': '"a"', "\ufeff[]": "[]"}.items():
            self.assertEqual(pretty_json(text), shown)
        for text in ("on", "{", "[1,]", "[" * 101 + "]" * 101, "[NaN]", "[1e999]", ""):
            self.assertIsNone(pretty_json(text))
            with self.assertRaises(PayloadError):
                parse_json(text.encode())

    def test_json_is_what_the_standard_says(self):
        """RFC 8259: what Python takes beyond it is refused, with its position."""
        for payload, where in {
            b'{"v": NaN}': "line 1, column 7: NaN is not a JSON value",
            b'{"NaN": 1,\n "v":Infinity}': "line 2, column 6: Infinity is not",
            b"[-Infinity]": "line 1, column 2: -Infinity is not",
            b"NaNx": "line 1, column 1: NaN is not",
            b"[0.5, -1.5e308, 1e999]": "line 1, column 17: the number is too large",
            b"[-1e999x]": "line 1, column 2: the number is too large",
            b"[" + b"1" * 5000 + b"]": "line 1, column 2: the number has too many",
            "[1]".encode("utf-16"): "not UTF-8 at byte 0",
            "[1]".encode("utf-32-le"): "line 1, column 2",
            b'"\xed\xa0\x80"': "not UTF-8 at byte 1",
            b'{"a": "\xff"}': "not UTF-8 at byte 7",
            b'"a\nb"': "line 1, column 3",
            b"01": "line 1, column 2",
            b"[1.]": "line 1, column 3",
            b"[.5]": "line 1, column 2",
            b"[+1]": "line 1, column 2",
            "[\u0661]".encode(): "line 1, column 2",
            b"True": "line 1, column 1",
            b"'a'": "line 1, column 1",
            b"\x0b[]": "line 1, column 1",
            "\u00a0[]".encode(): "line 1, column 1",
            b"[] []": "line 1, column 4",
            b" \t": "the payload is empty",
        }.items():
            with self.subTest(payload[:30]):
                with self.assertRaises(PayloadError) as error:
                    parse_json(payload)
                self.assertIn("not JSON", str(error.exception))
                self.assertIn(where, str(error.exception))
                self.assertTrue(str(error.exception).isprintable())

    def test_json_that_may_surprise(self):
        """A name that stands twice, a byte order mark, what PostgreSQL cannot store."""
        for payload, value in {
            b'{"a": 1, "a": 2}': {"a": 2},
            b"\xef\xbb\xbf[1]": [1],
            b'"\\u0000\\ud800"': "\0\ud800",
            b"-0": 0,
            b"1E300": 1e300,
            b"1e-999": 0.0,
            b"\r\n\t 21.5 ": 21.5,
        }.items():
            self.assertEqual(parse_json(payload), value)

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
