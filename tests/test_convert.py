# Copyright 2026 mqtt_listener contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
from datetime import datetime, timezone
from zoneinfo import ZoneInfo

from odoo.tests import BaseCase, tagged

from ..mqtt.convert import (
    ConversionError,
    choose,
    read_choices,
    to_boolean,
    to_float,
    to_integer,
    to_moment,
    to_number,
    to_text,
    word_of,
)
from ..mqtt.json_path import MISSING

VIENNA = ZoneInfo("Europe/Vienna")
UTC = timezone.utc


@tagged("post_install", "-at_install")
class TestConvert(BaseCase):
    def assert_wrong(self, function, *arguments, says=""):
        with self.assertRaises(ConversionError) as raised:
            function(*arguments)
        text = str(raised.exception)
        self.assertIn(says, text)
        self.assertNotIn("\n", text)
        self.assertLess(len(text), 250)

    def test_numbers(self):
        for value, number in ((0, 0), (21.5, 21.5), ("0", 0), (" 2e1 ", 20.0)):
            self.assertEqual(to_number(value), number)
        wrong = (None, MISSING, "", "hot", True, [1], {}, "1e999", "NaN", "0x10", "١")
        for value in (*wrong, "1" * 10_000_000, "1_000", "1,5"):
            with self.subTest(str(value)[:20]):
                self.assert_wrong(to_number, value, says="is not a number")

    def test_floats_are_as_on_paper(self):
        self.assertEqual(to_float(3, 0.1), 0.3)
        self.assertEqual(to_float("212", 0.1, -1.1), 20.1)
        self.assertEqual(to_float(0, 0.1, -1.1), -1.1)
        self.assertEqual(to_float(2**53), float(2**53))
        self.assert_wrong(to_float, 2**53 + 1, says="2^53")
        self.assert_wrong(to_float, 1e300, 1e300, says="too large")

    def test_integers_are_whole_and_fit(self):
        self.assertEqual(to_integer(12.0), 12)
        self.assertEqual(to_integer("125", 0.2, 1), 26)
        self.assertEqual(to_integer(2**31 - 1), 2**31 - 1)
        self.assertEqual(to_integer(2**53 + 1, bits=64), 2**53 + 1)
        self.assert_wrong(to_integer, 1.5, says="1.5 is not a whole number")
        self.assert_wrong(to_integer, 2**31, says="does not fit")
        self.assert_wrong(to_integer, int("9" * 4000), says="does not fit")

    def test_texts(self):
        for value, text in (("", ""), (0, "0"), (True, "true"), (2**60, str(2**60))):
            self.assertEqual(to_text(value), text)
        for value in (None, [], {}, "a\0b", "\ud800"):
            self.assert_wrong(to_text, value)

    def test_truth(self):
        for value in (True, 1, "1", "ON", " true"):
            self.assertIs(to_boolean(value), True)
        for value in (False, 0, "0", "off", "False"):
            self.assertIs(to_boolean(value), False)
        for value in (None, "", 2, "yes please", [], 1.5):
            self.assert_wrong(to_boolean, value, says="is not yes or no")

    def test_times(self):
        noon = datetime(2026, 7, 1, 12, tzinfo=UTC)
        seconds = int(noon.timestamp())
        for value, form in (
            ("2026-07-01T12:00:00Z", "iso"),
            ("2026-07-01 14:00:00", "iso"),
            ("2026-07-01T14:00", "iso"),
            ("2026-07-01T10:00:00.000000000-0200", "iso"),
            ("2026-07-01T12:00:00+00", "iso"),
            (seconds, "s"),
            (str(seconds), "s"),
            (float(seconds), "s"),
            (seconds * 1000, "ms"),
            (seconds * 10**6, "us"),
            (seconds * 10**9, "ns"),
        ):
            with self.subTest(value=value, form=form):
                self.assertEqual(to_moment(value, form, VIENNA), noon)
        own = to_moment("01.07.2026 14:00", "own", VIENNA, "%d.%m.%Y %H:%M")
        self.assertEqual(own, noon)
        day = to_moment("2026-07-01", "iso", VIENNA)
        self.assertEqual(day.date().isoformat(), "2026-07-01")

    def test_what_is_not_a_time(self):
        for value, form in (
            ("", "iso"),
            ("yesterday", "iso"),
            ("2026-02-30", "iso"),
            ("2026-07-01T25:00", "iso"),
            ("2026-07-01T12:00:00+99:00", "iso"),
            ("9" * 1_000_000, "iso"),
            (1, "iso"),
            (None, "iso"),
            ([], "own"),
            ("1.1.2026", "own"),
            ("soon", "s"),
            (10**30, "s"),
            (1e300, "ns"),
            (True, "s"),
        ):
            with self.subTest(str(value)[:20]):
                self.assert_wrong(to_moment, value, form, VIENNA, "%d/%m/%Y")

    def test_an_own_format_that_python_cannot_read(self):
        with self.assertRaises(ConversionError):
            to_moment("20262026", "own", timezone.utc, "%Y%Y")

    def test_words(self):
        self.assertEqual(word_of("running 7-12", 1), "running")
        self.assertEqual(word_of(" 21.5 °C ", 2), "°C")
        self.assert_wrong(word_of, "running", 2, says="no word 2")
        self.assert_wrong(word_of, "", 1)

    def test_choices(self):
        table = read_choices("1 = running\n\n 2=idle \ntrue = a = b")
        self.assertEqual(table, {"1": "running", "2": "idle", "true": "a = b"})
        self.assertEqual(choose(1, table), "running")
        self.assertEqual(choose(True, table), "a = b")
        self.assert_wrong(choose, 3, table, says="3 is not in the table")
        self.assert_wrong(choose, [], table)
        for text in (
            "1",
            "= 2",
            "1 =",
            "1 = a\n1 = b",
            "\n".join(f"{n} = a" for n in range(1001)),
        ):
            self.assert_wrong(read_choices, text)
