# Copyright 2026 mqtt_listener contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""Followers of a service are notified of what is wrong, once."""

from datetime import timedelta

from odoo.fields import Command
from odoo.tests import new_test_user, tagged

from ..models.service.watch import LOST_SECONDS
from .live_case import LiveCase


@tagged("post_install", "-at_install")
class TestWatch(LiveCase):
    def setUp(self):
        super().setUp()
        self.operator = new_test_user(
            self.env, "watching", groups="mqtt_listener.group_operator"
        )
        self.service.message_subscribe(self.operator.partner_id.ids)
        self.service.start_mqtt_service()
        self.said = self.service.message_ids

    def told(self):
        """What has been posted since the last time, as text."""
        self.env["mqtt.service"]._watch()
        self.env.flush_all()
        new = self.service.message_ids - self.said
        self.said = self.service.message_ids
        return [str(one.body) for one in new if one.body]  # else it is tracking

    def lose(self, seconds):
        """The service has been seen without a connection for so much longer."""
        self.env["mqtt.service"]._watch()
        self.service.away_since -= timedelta(seconds=seconds)
        self.service.invalidate_recordset()

    def test_a_broker_that_is_lost(self):
        """After five minutes, once; and when it is back."""
        with self.listening("disconnected", problem="refused"):
            self.lose(LOST_SECONDS - 10)
            self.assertFalse(self.told())
            self.lose(20)
            (text,) = self.told()
            self.assertIn("5 minutes", text)
            self.assertIn("Nothing answers on broker.invalid:1883", text)
            self.assertFalse(self.told())
            self.service._listener_report(
                "here-1",
                {"state": "connected", "problem": False},
                {},
                prune_through=0,
            )
            self.service.invalidate_recordset()
            (text,) = self.told()
            self.assertIn("connected to the broker again", text)
            self.assertFalse(self.told())

    def test_a_listener_that_was_restarted(self):
        """However long ago the last message of a quiet service was."""
        self.service.last_start -= timedelta(days=1)
        self.service.connection_ids.sudo().last_activity = "2026-01-01 00:00:00"
        self.assertFalse(self.told())
        self.assertTrue(self.service.away_since)
        with self.listening():
            self.assertFalse(self.told())
        self.assertFalse(self.service.away_since)

    def test_a_service_that_is_stopped(self):
        """It is no more lost, and nobody is told that it is back."""
        self.lose(LOST_SECONDS + 10)
        self.assertEqual(len(self.told()), 1)
        self.service.stop_mqtt_service()
        self.env.flush_all()
        self.said = self.service.message_ids
        self.assertFalse(self.told())
        self.assertFalse(self.service.told_problems)

    def test_followers_are_notified(self):
        """Those who follow, and nobody else."""
        self.lose(LOST_SECONDS + 10)
        self.env["mqtt.service"]._watch()
        message = self.service.message_ids[:1]
        self.assertEqual(message.notified_partner_ids, self.operator.partner_id)

    def test_what_else_is_told_of(self):
        """Quarantine, a suspended handler, a certificate that ends: once each."""
        with self.listening():
            self.env["mqtt.quarantine"]._put(self.service, [(9, self.message(), "No")])
            (text,) = self.told()
            self.assertIn("could not be stored: 1", text)
            self.env["mqtt.quarantine"]._put(self.service, [(10, self.message(), "No")])
            action = self.env["ir.actions.server"].create(
                {
                    "name": "Nothing",
                    "model_id": self.env.ref(
                        "mqtt_listener.model_mqtt_signal_history"
                    ).id,
                    "state": "code",
                }
            )
            handler = self.env["mqtt.handler"].create(
                {
                    "name": "<b>Press</b>",
                    "pattern": "plant/1",
                    "service_id": self.service.id,
                    "action_server_id": action.id,
                }
            )
            handler.suspended_since = "2026-01-01 00:00:00"
            (text,) = self.told()
            self.assertIn("&lt;b&gt;Press&lt;/b&gt;", text)
            self.service.tls = True
            self.service.connection_ids.sudo().certificate_end = "2026-01-01 00:00:00"
            self.service.invalidate_recordset()
            (text,) = self.told()
            self.assertIn("certificate ends", text)
            self.assertFalse(self.told())

    def test_who_started_and_stopped_it(self):
        """It is in the chatter, by the user and not by the superuser."""
        service = self.service.with_user(self.operator)
        self.flush_tracking()
        for method in (service.stop_mqtt_service, service.start_mqtt_service):
            before = self.service.message_ids
            method()
            self.flush_tracking()
            message = self.service.message_ids - before
            self.assertEqual(message.author_id, self.operator.partner_id)
            self.assertEqual(message.tracking_value_ids.field_id.name, "status")

    def flush_tracking(self):
        self.env.flush_all()
        self.env.cr.precommit.run()

    def test_a_service_that_cannot_be_watched(self):
        """The others are all the same."""
        bad = self.env["mqtt.service"].create(
            {
                "name": "A bad one",
                "host": "broker.invalid",
                "subscription_ids": [Command.create({"topic_filter": "a"})],
            }
        )
        self.lose(LOST_SECONDS + 10)

        def fail(service):
            if service == bad:
                raise ValueError("bad")
            return tell(service)

        tell = type(self.service)._tell_followers
        self.patch(type(self.service), "_tell_followers", fail)
        with self.assertLogs("odoo.addons.mqtt_listener", "ERROR"):
            self.assertEqual(len(self.told()), 1)


@tagged("post_install", "-at_install")
class TestHistorySize(LiveCase):
    def test_before_there_are_statistics(self):
        self.assertEqual(self.service.history_growth, "not known yet")

    def test_an_estimate(self):
        """Of the size, of the growth, and of what retention makes of it."""
        self.service.start_mqtt_service()
        for number in range(50):
            self.mqtt_receive(f"plant/{number}", "x" * 1000)
        self.env.flush_all()
        self.env.cr.execute("ANALYZE mqtt_signal_history")
        facts = self.service._history_facts()
        self.assertGreater(facts.size, 50_000)
        self.assertGreaterEqual(facts.rows, 50)
        self.assertIn(self.service.id, facts.shares)
        self.assertRegex(self.service.history_size, r"^about [\d.]+ [KM]iB, \d+")
        with self.listening():
            connection = self.service.connection_ids.sudo()
            connection.received = connection.received_before + 3600
            connection.listening_since -= timedelta(hours=1)
            self.patch(type(self.service), "_free_bytes", lambda _self: 10**9)
            self.service.invalidate_recordset()
            growth = self.service._bytes_a_day(facts)
            a_message = facts.size / facts.rows
            self.assertAlmostEqual(growth, 86_400 * a_message, delta=growth / 100)
            self.assertRegex(
                self.service.history_growth, "^about .+ a day; the disk .+ full in"
            )
            self.service.retention_days = 1
            self.service.invalidate_recordset()
            said = self.service.history_growth
            self.assertEqual("full in" in said, growth > 10**9)
            self.assertIn("with this retention", said)

    def test_units(self):
        for size, text in (
            (0, "0 bytes"),
            (1023, "1023 bytes"),
            (1536, "1.5 KiB"),
            (200 * 1024**2, "200 MiB"),
            (3 * 1024**5, "3072 TiB"),
        ):
            self.assertEqual(self.service._describe_bytes(size), text)
