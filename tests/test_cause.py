# Copyright 2026 mqtt_listener contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
from odoo.tests import BaseCase, tagged

from ..mqtt.cause import CAUSE_CHARS, cause_of

PLACE = " (my_addon/models/machine.py:12, _on_state)"


@tagged("post_install", "-at_install")
class TestCause(BaseCase):
    def test_alike(self):
        """What differs from message to message makes no cause of its own."""
        for cause, *texts in (
            ("ValueError: …", "ValueError: 7", "ValueError: -7.5", "ValueError: 1e9"),
            (
                "UserError: unknown device …",
                "UserError: unknown device SN12/4",
                "UserError: unknown device 'press'",
                'UserError: unknown device "a \\" b"',
                "UserError: unknown device “Press”",
                "UserError: unknown device 550e8400-e29b-41d4-a716-446655440000",
                "UserError: unknown device deadbeef",
                "UserError: unknown device 0x7F, 0x80",
            ),
            ("can't reach …, don't ask", "can't reach 'a', don't ask"),
            (f"KeyError: …{PLACE}", f"KeyError: 'v'{PLACE}", f"KeyError: 3{PLACE}"),
            ("a …", "a 'cut off", "a\n 1"),
            ("", "", " \n"),
        ):
            for text in texts:
                with self.subTest(text):
                    self.assertEqual(cause_of(text), cause)

    def test_apart(self):
        """Another exception, other words, another place in the code."""
        texts = (
            f"KeyError: 'v'{PLACE}",
            f"KeyError: 'v'{PLACE.replace('12', '13')}",
            f"TypeError: 'v'{PLACE}",
            "KeyError: 'v'",
            "no such machine",
        )
        self.assertEqual(len(set(map(cause_of, texts))), len(texts))

    def test_topic(self):
        for topic, text in (
            ("plant/press", "plant/press: not JSON"),
            ("a+b/(c", "a+b/(c: not JSON"),
            ("x", "x: not JSON"),
        ):
            with self.subTest(topic):
                self.assertEqual(cause_of(text, topic), "…: not JSON")
        self.assertEqual(cause_of("no press here", "plant/press"), "no … here")
        self.assertEqual(cause_of("pressure", "plant/press"), "pressure")

    def test_hostile(self):
        """Short, one line, and soon there, whatever a device has put into the words."""
        for text in (
            "'" * 10**6,
            "'\\" * 10**6,
            "1-" * 10**6,
            "a\r\nb" * 10**6,
            "(" * 10**6,
        ):
            cause = cause_of(text, "/" * 65_535)
            self.assertLessEqual(len(cause), CAUSE_CHARS)
            self.assertTrue(cause.isprintable())
