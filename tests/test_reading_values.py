# Copyright 2026 mqtt_listener contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""What values and times of devices are read as, without a database."""

from datetime import datetime, timedelta, timezone

import pytz

from odoo.tests import BaseCase, tagged

from ..mqtt.reading import (
    ValueWrongError,
    read_choices,
    read_time,
    reader,
    settle,
)

NOON = datetime(2026, 7, 1, 12)


@tagged("post_install", "-at_install")
class TestReadingValues(BaseCase):
    def test_numbers(self):
        read = reader("number", 1, 0, {})
        for sent, number in {
            "0": 0,
            " 1.5 ": 1.5,
            "-.5e1": -5,
            0: 0,
            2**53: 2**53,
            1e100: 1e100,
            "-1e-100": -1e-100,
            1e-101: 0,
        }.items():
            self.assertEqual(read(sent).number, number)
        for wrong in (
            *("", "nan", "inf", "1,5", "0x10", "٣", True, [], {}, 2**53 + 1),
            *(1e101, "-1e101", "1" * 1000 + "x", "1" + " " * 1000 + "x"),
        ):
            with self.subTest(wrong=str(wrong)[:20]):
                with self.assertRaises(ValueWrongError) as raised:
                    read(wrong)
                self.assertIs(type(raised.exception), ValueWrongError)

    def test_yes_and_no(self):
        read = reader("yes_no", 1, 0, {})
        self.assertEqual(
            [read(sent).number for sent in (True, "on", "YES", 1, "true")], [1] * 5
        )
        self.assertEqual(
            [read(sent).number for sent in (False, "off", "no", 0, "0")], [0] * 5
        )
        for wrong in ("maybe", 2, [], {}, "1.0"):
            with self.subTest(wrong=wrong), self.assertRaises(ValueWrongError):
                read(wrong)

    def test_choices(self):
        self.assertEqual(
            read_choices("0 = Idle\n\n 1=\nfault"),
            {"0": "Idle", "1": "1", "fault": "fault"},
        )

    def test_times(self):
        zone = pytz.timezone("Europe/Berlin")
        for sent, kind in (
            ("2026-07-01T12:00:00Z", "iso"),
            ("2026-07-01T12:00:00.000000000Z", "iso"),
            ("2026-07-01T14:00:00+02:00", "iso"),
            ("2026-07-01 14:00:00", "iso"),
            (1782907200, "s"),
            ("1782907200.0", "s"),
            (1782907200000, "ms"),
            (1782907200000000, "us"),
            (1782907200000000000, "ns"),
        ):
            with self.subTest(sent=sent, kind=kind):
                self.assertEqual(read_time(sent, kind, zone), NOON)
        for sent, kind in (
            ("yesterday", "iso"),
            (5, "iso"),
            ("2026-02-30", "iso"),
            ("0001-01-01T00:00:00+14:00", "iso"),
            (1e300, "s"),
            (True, "s"),
            ("x" * 100_000, "s"),
        ):
            with self.subTest(sent=str(sent)[:20], kind=kind):
                self.assertIsNone(read_time(sent, kind, timezone.utc))

    def test_quality(self):
        for minutes, quality in {-6: "late", -5: "good", 0: "good", 5: "good"}.items():
            moment = NOON + timedelta(minutes=minutes)
            self.assertEqual(settle(moment, NOON), (moment, quality))
        for moment in (None, NOON + timedelta(minutes=6), datetime(1970, 1, 1)):
            self.assertEqual(settle(moment, NOON), (NOON, "clock"))
