# Copyright 2026 mqtt_listener contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
from datetime import timedelta

import psycopg2

from odoo import fields
from odoo.exceptions import UserError, ValidationError
from odoo.tests import mute_logger, tagged
from odoo.tools import SQL, file_open

from .live_case import LiveCase


@tagged("post_install", "-at_install")
class TestService(LiveCase):
    def check(self):
        return self.service.check_mqtt_status()["status"]

    def test_defaults(self):
        """A new service is not configured and has a client ID of its own."""
        service = self.env["mqtt.service"].create({})
        self.assertRecordValues(
            service,
            [
                {
                    "name": "MQTT Listener Service",
                    "status": "stop",
                    "connection_status": "unknown",
                    "host": False,
                    "protocol": "5",
                    "reconnect_min_delay": 5.0,
                    "reconnect_max_delay": 300.0,
                    "reconnect_factor": 1.5,
                    "inactivity_timeout": 60,
                }
            ],
        )
        self.assertEqual(service.check_mqtt_status()["status"], "not_configured")
        self.assertNotEqual(service.client_id, self.service.client_id)
        self.assertNotEqual(service.copy().client_id, service.client_id)

    def test_client_ids_are_unique(self):
        """Two services with one client ID would cut each other off."""
        with mute_logger("odoo.sql_db"), self.assertRaises(psycopg2.IntegrityError):
            self.env["mqtt.service"].create({"client_id": self.service.client_id})

    def test_start_and_stop(self):
        """Start asks for a connection once; Stop takes it back."""
        self.assertIs(self.service.start_mqtt_service(), True)
        self.assertEqual(self.service.status, "start")
        self.assertTrue(self.service.last_start)
        generation = self.service.start_generation
        self.assertIs(self.service.start_mqtt_service(), True)
        self.assertEqual(self.service.start_generation, generation)
        self.assertIs(self.service.restart_mqtt_service(), True)
        self.assertEqual(self.service.start_generation, generation + 1)
        self.assertIs(self.service.stop_mqtt_service(), True)
        self.assertEqual((self.service.status, self.check()), ("stop", "stopped"))

    def test_the_bare_model_is_the_first_active_service(self):
        """Without records: the first active service, which is made if missing."""
        services = self.env["mqtt.service"]
        services.search([]).active = False
        status = services.check_mqtt_status()["status"]
        self.assertEqual(status, "not_configured")
        created = services.search([])
        self.assertEqual(len(created), 1)
        created.host = "broker.invalid"
        services.start_mqtt_service()
        self.assertEqual(created.status, "start")
        services.create({"host": "other"})
        services.stop_mqtt_service()
        self.assertEqual(created.status, "stop")

    def test_unusable_configurations_are_refused(self):
        """When they are entered, by the field, and at Start, which changes nothing."""
        for values, words in (
            ({"host": False}, "Host"),
            ({"port": 0}, "Port"),
            ({"port": 70_000}, "Port"),
            ({"keepalive": -1}, "Keepalive"),
            ({"session_expiry": -1}, "Session Expiry"),
            ({"receive_maximum": 0}, "Receive Maximum"),
            ({"reconnect_factor": 0.5}, "Reconnect Factor"),
            ({"reconnect_min_delay": 400}, "Reconnect Max Delay"),
            ({"inactivity_timeout": 0}, "Inactivity Timeout"),
        ):
            with self.subTest(**values):
                service = self.service.copy()
                if values.get("host", True):
                    with self.assertRaisesRegex(ValidationError, words):
                        service.write(values)
                service.invalidate_recordset()
                ((name, value),) = values.items()
                self.env.cr.execute(  # a row that is older than the rule
                    SQL(
                        "UPDATE mqtt_service SET %s = %s WHERE id = %s",
                        SQL.identifier(name),
                        None if value is False else value,
                        service.id,
                    )
                )
                with self.assertRaisesRegex(UserError, words):
                    service.start_mqtt_service()
                self.assertEqual((service.status, service.last_start), ("stop", False))

    def test_filters_are_checked(self):
        """A filter that breaks the rules is refused when entered, and at Start."""
        subscriptions = self.env["mqtt.subscription"]
        for text in ("a/#/b", "a+", "$share/x", "a#"):
            with self.assertRaises(ValidationError):
                subscriptions.create(
                    {"service_id": self.service.id, "topic_filter": text}
                )
        self.env.cr.execute(
            "UPDATE mqtt_subscription SET topic_filter = 'a#' WHERE id = %s",
            [self.subscription.id],
        )
        self.subscription.invalidate_recordset()
        with self.assertRaisesRegex(UserError, "Topic Filter"):
            self.service.start_mqtt_service()

    def test_partial_overlap_needs_mqtt_5(self):
        """Copies that cannot be told apart are refused with 3.1.1, at any time."""
        filters = [{"topic_filter": "a/+/c"}, {"topic_filter": "a/b/+"}]
        service = self.service.copy(
            {"subscription_ids": [fields.Command.create(one) for one in filters]}
        )
        service.start_mqtt_service()
        service.stop_mqtt_service()
        service.protocol = "3.1.1"
        with self.assertRaisesRegex(UserError, "a/b/\\+"):
            service.start_mqtt_service()
        service.subscription_ids[0].active = False
        service.start_mqtt_service()
        with self.assertRaises(UserError):
            service.with_context(active_test=False).subscription_ids.active = True

    def test_many_subscriptions_at_once(self):
        """What one more costs does not grow with those that are there."""

        def queries(count, prefix):
            before = self.env.cr.sql_log_count
            added = self.env["mqtt.subscription"].create(
                [
                    {"service_id": self.service.id, "topic_filter": f"{prefix}/{n}"}
                    for n in range(count)
                ]
            )
            self.env.flush_all()
            identifiers = added.mapped("identifier")
            self.assertEqual(identifiers, sorted(set(identifiers)))
            return self.env.cr.sql_log_count - before

        few, many = queries(5, "few"), queries(500, "many")
        self.assertLess(many, few + 50)

    def test_identifiers_only_grow(self):
        """A filter that is new, changed or active again is the youngest."""
        first = self.subscription
        second = first.create({"service_id": self.service.id, "topic_filter": "b"})
        self.assertGreater(second.identifier, first.identifier)
        first.topic_filter = "c"
        self.assertGreater(first.identifier, second.identifier)
        first.qos = "0"
        self.assertGreater(first.identifier, second.identifier)
        second.active = False
        second.active = True
        self.assertGreater(second.identifier, first.identifier)

    def test_connected_is_what_a_live_listener_says(self):
        """The status is the listener's word for as long as it holds its lock."""
        self.service.start_mqtt_service()
        with self.listening():
            self.assertEqual(
                self.service.check_mqtt_status(),
                {
                    "status": "connected",
                    "message": "MQTT Service is connected and running",
                },
            )
            self.assertEqual(self.service.thread_identifier, "here-1")
            found = self.service.search([("connection_status", "=", "connected")])
            self.assertIn(self.service, found)
        self.assertEqual(self.check(), "disconnected")
        self.assertEqual(self.service.connection_status, "disconnected")
        self.assertFalse(self.service.thread_identifier)
        self.assertIn(
            "server_wide_modules", self.service.check_mqtt_status()["message"]
        )

    def test_a_started_service_waits_for_its_listener(self):
        """Right after Start the service is connecting; later, nobody listens."""
        self.service.start_mqtt_service()
        self.assertEqual(self.check(), "connecting")
        self.service.last_start -= timedelta(seconds=10)
        self.assertEqual(self.check(), "disconnected")

    def test_problems_are_said_in_plain_words(self):
        """Status and last error name what went wrong."""
        self.service.start_mqtt_service()
        for code, words in {
            "refused": "Nothing answers on broker.invalid:1883",
            "name_unknown": "The name broker.invalid is not known",
            "credentials": "Username and Password",
            "protocol": "Protocol and Port",
            "something new": "The broker refused the connection: because",
        }.items():
            values = {"problem": code, "problem_detail": "because"}
            with self.subTest(code=code), self.listening("disconnected", **values):
                self.assertIn(words, self.service.last_error)
                self.assertEqual(self.check(), "error")
                message = self.service.check_mqtt_status()["message"]
                self.assertEqual(message, self.service.last_error)

    def test_a_listener_that_gives_up_leaves_an_error(self):
        """It waits for a Start, which works."""
        self.service.start_mqtt_service()
        with self.listening("disconnected", problem="taken_over"):
            self.service._listener_give_up("here-1")
        self.assertEqual((self.service.status, self.check()), ("error", "error"))
        self.service.start_mqtt_service()
        self.assertEqual(self.service.status, "start")

    def test_changes_wait_for_a_restart(self):
        """The form says so while a connection uses an older configuration."""
        self.service.start_mqtt_service()
        self.assertFalse(self.service.needs_restart)
        self.service.name = "Other"
        self.assertFalse(self.service.needs_restart)
        self.service.password = "new"
        self.assertTrue(self.service.needs_restart)
        self.service.restart_mqtt_service()
        self.assertFalse(self.service.needs_restart)

    def test_what_the_listener_wants_to_know(self):
        """Started and active services, with their secrets and active filters only."""
        self.service.password = "secret"
        self.subscription.create(
            {"service_id": self.service.id, "topic_filter": "off", "active": False}
        )
        self.subscription.qos = "2"

        def wanted():
            found = self.env["mqtt.service"]._listener_wanted()
            return [one for one in found if one["id"] == self.service.id]

        self.assertFalse(wanted())
        self.service.start_mqtt_service()
        (settings,) = wanted()
        self.assertEqual(settings["password"], "secret")
        (subscription,) = settings["subscriptions"]
        self.assertEqual(subscription["topic_filter"], "plant/#")
        self.assertEqual(subscription["qos"], 1, "QoS 2 is subscribed as 1")
        self.service.active = False
        self.assertFalse(wanted())

    def test_a_lost_session_is_shown(self):
        """Until somebody has seen it; and again when it happens again."""
        service = self.service
        service._listener_claim("here", "host")
        self.assertFalse(service.session_loss)
        for minute in (1, 2):
            # The listener's clock, with fractions of a second, as it writes it.
            lost = fields.Datetime.now() + timedelta(minutes=minute, milliseconds=1)
            service._listener_report(
                "here", {"session_lost_date": lost}, {}, prune_through=0
            )
            self.assertIn("lost the session", service.session_loss)
            service.action_session_loss_seen()
            self.assertFalse(service.session_loss)

    def test_a_session_belongs_to_a_broker_and_a_client_id(self):
        """No other broker is expected to have it, no other client ID has receipts."""
        service = self.service
        service._listener_claim("here", "host")
        service._listener_report(
            "here",
            {"session_filters": {"a": 1}, "session_renumbers": True},
            {},
            prune_through=0,
        )
        self.env.flush_all()
        service._listener_enqueue(
            thread_identifier="here",
            content=b"",
            size=0,
            after_sequence=0,
            total=0,
            to_store=0,
            receipts=b"x" * 18,
            prune_through=-1,
        )
        known = service._listener_claim("here", "host")
        self.assertEqual(known["session_filters"], {"a": 1})
        self.assertTrue(known["session_renumbers"])
        service.host = "elsewhere.example.com"
        known = service._listener_claim("here", "host")
        self.assertEqual(known["session_filters"], {})
        self.assertFalse(known["session_renumbers"])
        self.assertTrue(known["receipts"], "it may be the same broker")
        service.client_id = "another"
        self.assertFalse(service._listener_claim("here", "host")["receipts"])

    def test_reports_are_added_up(self):
        """Of each listener; a refused filter says why."""
        for listener in ("here", "there"):
            self.service._listener_claim(listener, "host")
            self.service._listener_report(
                listener,
                {"received": 5, "dropped": 1, "reconnects": 1},
                {
                    self.subscription.id: {
                        "state": "refused",
                        "reason": "Not authorized",
                        "message_count": 3,
                    }
                },
                prune_through=0,
            )
        self.assertRecordValues(
            self.service,
            [{"received_count": 10, "dropped_count": 2, "reconnect_count": 2}],
        )
        self.assertRecordValues(
            self.subscription,
            [{"state": "refused", "message_count": 6}],
        )
        self.assertIn("access control list (Not authorized)", self.subscription.refusal)

    def test_services_in_use_are_not_deleted(self):
        """Started ones and such with messages stay; unused ones go."""
        self.service.start_mqtt_service()
        with self.assertRaisesRegex(UserError, "Stop"):
            self.service.unlink()
        self.service.stop_mqtt_service()
        stored = self.receive(self.message())
        with self.assertRaisesRegex(UserError, "archive"):
            self.service.unlink()
        stored.unlink()
        self.service.unlink()

    def test_buttons(self):
        """Check notifies; the smart buttons open what belongs to the service."""
        action = self.service.action_check()
        self.assertEqual(action["params"]["message"], "MQTT Service is stopped")
        stored = self.receive(self.message(subscription_id=self.subscription.id))
        action = self.service.action_open_messages()
        self.assertEqual(self.env[action["res_model"]].search(action["domain"]), stored)
        action = self.subscription.action_open_messages()
        self.assertEqual(self.env[action["res_model"]].search(action["domain"]), stored)
        action = self.service.action_open_jobs()
        jobs = self.env[action["res_model"]].search(action["domain"])
        self.assertEqual((len(jobs), self.service.job_count), (1, 1))
        action = self.service.action_open_subscriptions()
        self.assertEqual(
            self.env[action["res_model"]].search(action["domain"]), self.subscription
        )

    def test_done_jobs_are_removed(self):
        """Within the hour; failed ones stay until somebody acts."""
        for _ in range(3):
            self.service._delay_ingest()
        old, new, failed = self.env["queue.job"].search(
            [("mqtt_service_id", "=", self.service.id)], order="id"
        )
        now = fields.Datetime.now()
        old.write({"state": "done", "date_done": now - timedelta(minutes=45)})
        new.write({"state": "done", "date_done": now})
        with mute_logger("odoo.addons.queue_job.models.queue_job"):
            failed.write({"state": "failed", "date_done": now - timedelta(days=9)})
        cron = self.env.ref("mqtt_listener.cron_clean_up_jobs")
        self.assertLessEqual(
            cron.interval_number, 30 if cron.interval_type == "minutes" else 0
        )
        with self.enter_registry_test_mode():
            cron.method_direct_trigger()
        self.assertEqual((old | new | failed).exists(), new | failed)

    def test_neutralized(self):
        """A copy of the database connects nowhere, as nobody else, with no secret."""
        secrets = ("password", "tls_key", "tls_key_password", "websocket_headers")
        self.service.write(dict.fromkeys(secrets, "X-Secret: s3cret"))
        self.service.start_mqtt_service()
        client_id = self.service.client_id
        self.env.flush_all()
        with file_open("mqtt_listener/data/neutralize.sql") as script:
            self.env.cr.execute(script.read())
        self.env.invalidate_all()
        self.assertEqual(self.service.status, "stop")
        self.assertNotEqual(self.service.client_id, client_id)
        for name in secrets:
            self.assertFalse(self.service[f"{name}_secret"], name)
        self.assertFalse(self.env["mqtt.service"]._listener_wanted())
