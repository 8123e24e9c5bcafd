# Copyright 2026 mqtt_listener contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""Readings: what devices send becomes, when, and how often it is stored."""

import time
from datetime import datetime, timedelta
from unittest.mock import patch

from psycopg2.errors import CheckViolation

from odoo import fields
from odoo.tools import mute_logger

from .test_devices import DeviceCase


class TestReadings(DeviceCase):
    def row(self, metric):
        return self.env["mqtt.device.value"].search([("metric_id", "=", metric.id)])

    def test_values(self):
        """Each kind as it is; the last one of each is kept beside them."""
        message = self.send({"temp": "21.5", "on": "ON", "mode": "auto"})
        self.assertEqual(
            [(one.number, one.text) for one in self.readings().sorted("metric_id")],
            [(21.5, False), (1, False), (0, "auto")],
        )
        reading = self.readings(self.temperature)
        self.assertEqual(reading.time, message.timestamp)
        self.assertEqual(reading.arrival, message.timestamp)
        self.assertEqual(reading.quality, "good")
        self.assertEqual(reading.message_id, message.id)
        self.assertEqual(reading.value, "21.5 °C")
        self.assertEqual(self.row(self.temperature).value, "21.5 °C")
        self.assertEqual(self.row(self.running).value, "Yes")
        self.assertEqual(self.row(self.mode).value, "auto")

    def test_missing_empty_wrong_and_zero(self):
        """Are counted apart, and only zero is a reading."""
        self.send({"temp": 0})
        self.send({"temp": None})
        self.send({})
        self.send({"temp": ""})
        for wrong in ("warm", [20], True, 2**53 + 1, {"c": 20}, 1e308, "1_0"):
            self.temperature.factor = 10
            self.send({"temp": wrong})
        metric = self.temperature
        self.assertEqual(
            (
                metric.good_count,
                metric.zero_count,
                metric.empty_count,
                metric.missing_count,
                metric.wrong_count,
            ),
            (1, 1, 2, 1, 7),
        )
        self.assertIn('plant/press-1/telemetry: "1_0" is not a num', metric.last_wrong)
        self.assertEqual(self.readings(metric).mapped("number"), [0])

    def test_factor_offset_and_choices(self):
        self.temperature.write({"factor": 0.1, "offset": -40})
        self.mode.write({"kind": "choice", "choices": "0 = Idle\n1=Busy\nfault"})
        self.send({"temp": 600, "mode": 1})
        self.assertEqual(self.readings(self.temperature).number, 20)
        self.assertEqual(self.readings(self.mode).text, "Busy")
        self.send({"mode": "fault"})
        self.send({"mode": 2})
        self.assertEqual(self.readings(self.mode).mapped("text"), ["Busy", "fault"])
        self.assertEqual(self.mode.wrong_count, 1)

    def test_a_payload_that_is_a_value(self):
        """Needs no JSON: 21.5, and ON."""
        self.rule.metric_ids = [
            (5, 0, 0),
            (0, 0, {"name": "State", "path": "$", "kind": "yes_no"}),
        ]
        self.send("ON")
        self.send("false")
        self.assertEqual(self.readings().mapped("number"), [1, 0])

    def test_bad_payloads(self):
        """Fail by themselves, with topic and place; their neighbours are stored."""
        now = time.time_ns() // 1000
        messages = [
            self.message("plant/press-1/telemetry", payload, timestamp=now)
            for payload in (b'{"temp": 1}', b"{", b"\xff\xfe", b"", b'{"temp": 2}')
        ]
        stored = self.receive(*messages)
        self.assertEqual(
            stored.mapped("state"), ["done", "failed", "failed", "failed", "done"]
        )
        for message in stored[1:4]:
            said = message.job_ids.exc_message
            self.assertTrue(said.startswith("plant/press-1/telemetry: not JSON"), said)
        self.assertEqual(len(self.readings()), 2)

    def test_a_text_that_cannot_be_stored(self):
        self.send(r'{"temp": 1, "mode": "a\u0000b"}')
        self.send(r'{"temp": 1, "mode": "\ud800"}')
        self.send({"temp": 1, "mode": "x" * 2000})
        self.assertEqual(self.mode.wrong_count, 3)
        self.assertFalse(self.readings(self.mode))

    def at(self, message):
        """The time of the one reading of a message, and its quality."""
        reading = self.env["mqtt.reading"].search([("message_id", "=", message.id)])
        return reading.time, reading.quality

    def test_time_of_the_device(self):
        """Late values go to their place, and are not the last value."""
        self.rule.write({"time_path": "$.ts", "time_kind": "ms"})
        now = datetime.utcnow().replace(microsecond=0)
        start = datetime(1970, 1, 1)

        def ms(moment):
            return int((moment - start).total_seconds() * 1000)

        good = now - timedelta(seconds=30)
        late = now - timedelta(hours=3)
        self.assertEqual(
            self.at(self.send({"temp": 20, "ts": ms(good)})), (good, "good")
        )
        self.assertEqual(
            self.at(self.send({"temp": 10, "ts": ms(late)})), (late, "late")
        )
        value = self.row(self.temperature)
        self.assertEqual((value.number, value.time), (20, good))
        self.assertEqual(self.device("press-1").state, "online")
        for wrong in (
            ms(now + timedelta(minutes=6)),
            ms(now - timedelta(days=400)),
            "soon",
            10**30,
            None,
            [1],
            True,
        ):
            with self.subTest(wrong=wrong):
                message = self.send({"temp": 30, "ts": wrong})
                self.assertEqual(self.at(message), (message.timestamp, "clock"))
        self.assertEqual(self.at(self.send({"temp": 30}))[1], "clock")

    def test_a_retained_message_is_no_news(self):
        """It is stored when nothing else is known, and makes no device online."""
        self.send({"temp": 20}, retain=True)
        device = self.device("press-1")
        self.assertFalse(device.last_seen)
        self.assertEqual(device.state, "silent")
        self.assertEqual(self.row(self.temperature).quality, "retained")
        self.send({"temp": 21}, retain=True)
        self.assertEqual(self.readings().mapped("number"), [20])
        self.send({"temp": 22})
        self.assertEqual(device.state, "online")
        self.send({"temp": 20}, retain=True)
        self.assertEqual(self.row(self.temperature).number, 22)

    def replay(self):
        action = self.rule.action_fill()
        replay = self.env["mqtt.replay"].browse(action["res_id"])
        replay.action_start()
        self.mqtt_run_jobs()
        self.assertEqual(replay.state, "done")

    def everything(self):
        """What a rule collected, but for ids of readings and when it was created."""
        self.env.invalidate_all()
        readings = self.env["mqtt.reading"].search([])
        devices = self.env["mqtt.device"].search([])
        return (
            sorted(
                (
                    one.device_id.key,
                    one.metric_id.name,
                    one.time,
                    one.message_id,
                    one.number,
                    one.text,
                    one.quality,
                )
                for one in readings
            ),
            sorted((one.key, one.first_seen, one.last_seen) for one in devices),
            sorted(
                (one.device_id.key, one.metric_id.name, one.number, one.time)
                for one in self.env["mqtt.device.value"].search([])
            ),
        )

    def test_filled_from_history(self):
        """Equal to a rule that was there from the start; run twice, nothing new."""
        for number in range(5):
            self.send({"temp": number, "on": True}, device=f"press-{number % 2}")
        self.send({"temp": 9}, retain=True)
        before = self.everything()
        self.assertEqual(len(before[0]), 10)
        self.env["mqtt.device"].search([]).unlink()
        self.assertFalse(self.everything()[0])
        self.replay()
        self.assertEqual(self.everything(), before)
        good = self.temperature.good_count
        self.replay()
        self.assertEqual(self.everything(), before)
        self.assertEqual(self.temperature.good_count, good)

    def test_retention(self):
        """What its metric does not keep is not stored, and goes by and by."""
        self.rule.time_path = "$.ts"
        self.temperature.retention_days = 10
        old = datetime.utcnow() - timedelta(days=11)
        self.send({"temp": 20, "mode": "old", "ts": old.isoformat()})
        self.assertFalse(self.readings(self.temperature))
        self.assertEqual(self.readings(self.mode).text, "old")
        self.mode.retention_days = 10
        self.send({"mode": "new", "ts": fields.Datetime.now().isoformat()})
        self.env["mqtt.reading"]._look_after()
        self.assertEqual(self.readings(self.mode).mapped("text"), ["new"])

    def test_days_that_no_time_is_before(self):
        """Are refused: the time before which readings go would be no time."""
        for name in ("retention_days", "rollup_days"):
            for days in (-1, 36_501):
                with (
                    self.subTest(name=name, days=days),
                    self.assertRaises(CheckViolation),
                    self.cr.savepoint(),
                    mute_logger("odoo.sql_db"),
                ):
                    self.temperature[name] = days
                    self.temperature.flush_recordset()
                self.temperature.invalidate_recordset(flush=False)
            self.temperature[name] = 36_500
        self.env["mqtt.reading"]._look_after()

    def test_months_are_dropped_last(self):
        """Nobody stores readings from then on until it is committed."""
        done = []

        def note(method):
            return lambda *_args: done.append(method)

        readings, rollups = (
            type(self.env["mqtt.reading"]),
            type(self.env["mqtt.rollup"]),
        )
        with (
            patch.object(readings, "_drop_old_months", note("drop")),
            patch.object(readings, "_delete_expired", note("readings")),
            patch.object(rollups, "_delete_expired", note("figures")),
        ):
            self.env["mqtt.reading"]._look_after()
        self.assertEqual(done, ["readings", "figures", "drop"])

    def test_months(self):
        """The next one is there before it begins, and old ones are dropped."""
        readings = self.env["mqtt.reading"]
        self.env["mqtt.metric"].search([]).retention_days = 40
        with self.freeze("2020-01-15"):
            readings._look_after()
        names = set(readings._month_names())
        self.assertLessEqual({"mqtt_reading_2020_01", "mqtt_reading_2020_02"}, names)
        with self.freeze("2020-03-05"):
            readings._drop_old_months()
        names = set(readings._month_names())
        self.assertIn("mqtt_reading_2020_01", names)
        with self.freeze("2020-03-20"):
            readings._drop_old_months()
        names = set(readings._month_names())
        self.assertNotIn("mqtt_reading_2020_01", names)
        self.assertIn("mqtt_reading_2020_02", names)
        self.temperature.retention_days = 0
        readings._drop_old_months()
        self.assertIn("mqtt_reading_2020_02", readings._month_names())

    def freeze(self, day):
        return patch.object(
            fields.Date, "today", lambda *_args: fields.Date.to_date(day)
        )

    def test_grouped_by_minute(self):
        self.env.user.tz = "Asia/Kolkata"
        first = self.send({"temp": 20}).timestamp
        readings = self.env["mqtt.reading"].search([])
        groups = readings._read_group(
            [("metric_id", "=", self.temperature.id)], ["minute"], ["number:avg"]
        )
        minute = (first + timedelta(hours=5.5)).strftime("%Y-%m-%d %H:%M")
        self.assertEqual(groups, [(minute, 20)])
        self.assertEqual(readings.minute, minute)
        self.assertEqual(readings.search([("minute", "=", minute)]), readings)
