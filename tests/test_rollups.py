# Copyright 2026 mqtt_listener contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""Figures by the hour, and charts."""

from datetime import timedelta

from odoo import fields

from .test_devices import DeviceCase

ROLLUP_LOGGER = "odoo.addons.mqtt_listener.models.device.mqtt_rollup"


class TestRollups(DeviceCase):
    def setUp(self):
        super().setUp()
        self.rule.write({"time_path": "$.ts"})
        self.hour = fields.Datetime.now().replace(minute=0, second=0) - timedelta(
            hours=2
        )

    def put(self, number, minute):
        moment = self.hour + timedelta(minutes=minute)
        self.send({"temp": number, "ts": moment.isoformat()})

    def rollup(self):
        return self.env["mqtt.rollup"].search(
            [("metric_id", "=", self.temperature.id), ("time", "=", self.hour)]
        )

    def chart(self, span):
        data = self.device("press-1").chart_data(self.temperature.id, span)
        return data["points"]

    def test_an_hour(self):
        """Its figures; late readings have it computed anew, in charts at once."""
        self.put(10, 0)
        self.put(40, 45)
        (by_chart,) = self.chart("year")
        self.env["mqtt.rollup"]._roll_up()
        hour = self.rollup()
        figures = [hour.minimum, hour.maximum, hour.mean, hour.weighted_mean, hour.last]
        self.assertEqual(figures, [10, 40, 25, 17.5, 40])
        self.assertEqual((hour.count, hour.seconds), (2, 3600))
        self.assertEqual(by_chart[1:], figures[:3])
        self.assertEqual(self.chart("year"), [by_chart])
        self.put(100, 30)
        self.assertEqual(self.chart("year")[0][2], 100)
        self.assertEqual(self.rollup().maximum, 40)
        self.env["mqtt.rollup"]._roll_up()
        self.assertEqual((self.rollup().maximum, self.rollup().count), (100, 3))
        self.assertEqual(self.chart("month")[0][2], 100)
        self.assertEqual(self.chart("all")[0][1:4], [10, 100, 50])

    def test_an_hour_that_cannot_be_computed(self):
        """Is left out, and said; other hours of other devices have their figures."""
        self.put(10, 0)
        self.put(20, 1)
        self.put(30, 61)
        # As readings were before there was a limit: their squares are no numbers.
        self.env.cr.execute(
            "UPDATE mqtt_reading_all SET number = 1e200 WHERE number = 20"
        )
        with self.assertLogs(ROLLUP_LOGGER, "WARNING") as logs:
            self.env["mqtt.rollup"]._roll_up()
        self.assertEqual(len(logs.output), 1)
        self.assertIn(f"of device {self.device('press-1').id} ", logs.output[0])
        hours = self.env["mqtt.rollup"].search([])
        self.assertEqual(hours.mapped("mean"), [30])
        self.assertFalse(self.env["mqtt.rollup"]._roll_up())

    def test_by_minute(self):
        self.put(10, 1)
        self.put(20, 1.5)
        self.put(30, 3)
        points = self.chart("day")
        self.assertEqual([point[3] for point in points], [15, 30])
        self.assertEqual(points[1][0] - points[0][0], 120)

    def test_the_hour_that_is_not_over(self):
        """Is not stored, and shown all the same."""
        self.hour = fields.Datetime.now().replace(minute=0, second=0)
        self.put(10, 0)
        self.env["mqtt.rollup"]._roll_up()
        self.assertFalse(self.rollup())
        self.assertEqual(len(self.chart("month")), 1)
