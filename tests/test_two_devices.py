# Copyright 2026 mqtt_listener contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""Devices and readings, as transactions side by side see them."""

import time

from psycopg2.errors import SerializationFailure

from odoo.tests import tagged
from odoo.tools import mute_logger

from .committed import CommittedCase


@tagged("post_install", "-at_install")
class TestTwoDevices(CommittedCase):
    def setUp(self):
        super().setUp()
        with self.transaction() as env:
            rule = env["mqtt.device.rule"].create(
                {
                    "name": "Machines",
                    "pattern": "plant/{device}/telemetry",
                    "service_id": self.service_id,
                    "device_limit": 1,
                    "metric_ids": [(0, 0, {"name": "Temperature", "path": "$.t"})],
                }
            )
            self.rule_id = rule.id
        self.addCleanup(self.remove_rule)

    def remove_rule(self):
        with self.transaction() as env:
            env["mqtt.device.rule"].browse(self.rule_id).exists().unlink()

    def message(self, env, key="press-1"):
        return env["mqtt.signal.history"].create(
            {
                "service_id": self.service_id,
                "topic": f"plant/{key}/telemetry",
                "payload": '{"t": 20}',
                "size": 9,
            }
        )

    def remove_records(self, model, id_):
        with self.transaction() as env:
            env[model].browse(id_).exists().unlink()

    def ask_in(self, env):
        """Have a transaction see from now on what it sees now."""
        env.cr.execute("SELECT FROM mqtt_device")

    def collect(self, env, key="press-1", rule_id=None):
        """Handle a new message of a device."""
        rule = env["mqtt.device.rule"].browse(rule_id or self.rule_id)
        rule.handler_id._bind(self.service(env))(self.message(env, key))
        env.flush_all()

    def conflict(self, first, second, key):
        """The second transaction meets what the first one creates, and runs again."""
        self.collect(first)
        ended = []

        def wait():
            try:
                with mute_logger("odoo.sql_db"):
                    self.collect(second, key)
            except SerializationFailure:
                ended.append("conflict")

        def commit():
            while not self.ask(
                "SELECT FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
                " AND datname = current_database()"
            ):
                time.sleep(0.01)
            first.cr.commit()

        self.in_threads(wait, commit)
        self.assertEqual(ended, ["conflict"])
        second.cr.rollback()
        with self.transaction() as again:
            self.collect(again, key)

    def test_one_new_key_makes_one_device(self):
        """Met by two jobs: the second waits, runs again and finds it."""
        self.conflict(self.open_transaction(), self.open_transaction(), "press-1")
        self.assertEqual(self.ask("SELECT key FROM mqtt_device"), [("press-1",)])
        self.assertEqual(self.ask("SELECT count(*) FROM mqtt_reading"), [(2,)])

    def test_jobs_of_a_full_rule(self):
        """Do not wait for each other."""
        for key in ("press-1", "press-2"):  # the second one is too many
            with self.transaction() as env:
                self.collect(env, key)
        first, second = self.open_transaction(), self.open_transaction()
        self.collect(first, "press-3")
        second.cr.execute("SET LOCAL lock_timeout = '1s'")
        self.collect(second, "press-4")
        first.cr.commit()
        second.cr.commit()
        self.assertEqual(self.ask("SELECT key FROM mqtt_device"), [("press-1",)])

    def test_two_devices_of_one_record(self):
        """Linked by two jobs: the second one's device is not, and it is no failure."""
        with self.transaction() as env:
            partner = env["res.partner"].create({"name": "Press", "ref": "press-1"})
            rule = env["mqtt.device.rule"].browse(self.rule_id)
            rule.write({"record_model": "res.partner", "record_field": "ref"})
            other = rule.copy()
        self.addCleanup(self.remove_records, other._name, other.id)
        self.addCleanup(self.remove_records, partner._name, partner.id)
        first, second = self.open_transaction(), self.open_transaction()
        self.ask_in(second)
        self.collect(first)
        first.cr.commit()
        self.collect(second, rule_id=other.id)
        second.cr.commit()
        self.assertEqual(
            self.ask("SELECT res_id FROM mqtt_device ORDER BY id"),
            [(partner.id,), (None,)],
        )

    def test_two_new_keys_and_room_for_one(self):
        """The limit holds for jobs side by side."""
        self.conflict(self.open_transaction(), self.open_transaction(), "press-2")
        self.assertEqual(self.ask("SELECT key FROM mqtt_device"), [("press-1",)])
