# Copyright 2026 mqtt_listener contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""What the page Overview shows, and to whom."""

from datetime import datetime, timedelta

from odoo import fields
from odoo.exceptions import AccessError
from odoo.tests import new_test_user, tagged

from ..models.service.backlog import AMBER_SECONDS, RED_SECONDS
from ..models.service.traffic import MINUTES
from .access_case import AccessCase
from .live_case import LiveCase
from .test_failures import FailureCase


class Overview:
    """Reading the overview, as its page does."""

    def overview(self, user=None):
        self.env.flush_all()
        self.env.invalidate_all()  # as in a transaction of its own
        context = {}
        if user:
            context["allowed_company_ids"] = user.company_ids.ids
        env = self.env(user=user or self.env.user, context=context)
        return env["mqtt.service"].overview_data()

    def card(self, **options):
        cards = self.overview(**options)["services"]
        return next(card for card in cards if card["id"] == self.service.id)

    def needs(self, kind, **options):
        return [
            need for need in self.overview(**options)["needs"] if need["kind"] == kind
        ]


@tagged("post_install", "-at_install")
class TestStates(Overview, LiveCase):
    """One vocabulary for what a service is doing."""

    @property
    def state(self):
        return self.card()["state"]

    def grow_older(self, table, seconds):
        """What waits in a table has waited so much longer."""
        self.env.flush_all()
        for row in self.env[table].search([]):
            row.waiting_since -= timedelta(seconds=seconds)

    def test_stopped(self):
        card = self.card()
        self.assertEqual(card["state_label"], "Stopped")
        self.assertFalse(card["is_started"])
        self.assertEqual(self.overview()["needs"], [])

    def test_connecting_running_and_gone(self):
        self.service.start_mqtt_service()
        self.assertEqual(self.state, "connecting")
        with self.listening(state="connecting"):
            self.assertEqual(self.state, "connecting")
        with self.listening():
            self.assertEqual(self.state, "running")
            self.assertEqual(self.overview()["needs"], [])
        self.service.last_start -= timedelta(seconds=10)
        self.assertEqual(self.state, "unreachable")

    def test_cannot_connect(self):
        """The card and the list say why; the list opens the service."""
        self.service.start_mqtt_service()
        with self.listening(state="connecting", problem="refused"):
            card = self.card()
            (need,) = self.needs("unreachable")
        self.assertEqual(card["state_label"], "Cannot connect")
        self.assertIn("Nothing answers on broker.invalid", card["detail"])
        self.assertIn("Nothing answers on broker.invalid", need["text"])
        self.assertEqual(
            (need["model"], need["ids"]), ("mqtt.service", self.service.ids)
        )
        self.assertEqual((need["level"], need["method"]), ("danger", None))

    def test_nothing_to_listen_to(self):
        self.service.start_mqtt_service()
        self.subscription.active = False
        with self.listening():
            self.assertEqual(self.state, "idle")
            (need,) = self.needs("idle")
        self.assertEqual(need["method"], "action_open_subscriptions")

    def test_behind_in_storing(self):
        """Amber and red; nothing is wrong with what came a moment ago."""
        self.service.start_mqtt_service()
        with self.listening():
            self.enqueue(self.message(), self.message(), thread_identifier="here-1")
            card = self.card()
            self.assertEqual((card["to_store"], card["to_handle"]), (2, 0))
            self.assertEqual(card["state"], "running")
            self.grow_older("mqtt.batch", AMBER_SECONDS + 1)
            card = self.card()
            self.assertEqual(card["state"], "behind")
            self.assertGreater(card["oldest"], AMBER_SECONDS)
            self.assertEqual(self.needs("behind")[0]["level"], "warning")
            self.grow_older("mqtt.batch", RED_SECONDS)
            self.assertEqual(self.needs("behind")[0]["level"], "danger")
            self.mqtt_run_jobs()
            card = self.card()
        self.assertEqual((card["to_store"], card["oldest"]), (0, 0))

    def test_figures(self):
        """Received is what the listener counts; the last message is of any filter."""
        self.service.start_mqtt_service()
        with self.listening():
            time = fields.Datetime.to_datetime("2026-01-01 12:00:00")
            self.subscription.grant_ids.last_message = time
            self.service.connection_ids.received = 7
            card = self.card()
        self.assertEqual(card["received"], 7)
        self.assertEqual(card["last_message"], 1767268800)
        self.assertEqual(card["broker"], "broker.invalid:1883")

    def test_refused_filters(self):
        """Those of a started service, in one row."""
        self.service.subscription_ids = [
            (0, 0, {"topic_filter": f"other/{n}"}) for n in range(4)
        ]
        self.service.subscription_ids.grant_ids.state = "refused"
        self.assertFalse(self.needs("refused"))
        self.service.start_mqtt_service()
        with self.listening():
            (need,) = self.needs("refused")
        self.assertIn("plant/#, other/0, other/1, …", need["text"])
        self.assertEqual(need["method"], "action_open_subscriptions")

    def test_certificate_ends(self):
        self.service.tls = True
        soon = fields.Datetime.now() + timedelta(days=3)
        self.service.connection_ids.certificate_end = soon
        (need,) = self.needs("certificate")
        self.assertIn("certificate ends on", need["text"])

    def test_paused_topics_and_quarantine(self):
        self.env["mqtt.paused.topic"].create(
            {
                "service_id": self.service.id,
                "topic": "plant/loud",
                "paused_since": fields.Datetime.now(),
            }
        )
        (need,) = self.needs("paused")
        self.assertIn("plant/loud", need["text"])
        self.assertEqual(need["method"], "action_open_paused")
        self.env["mqtt.quarantine"]._put(self.service, [(9, self.message(), "Bad")])
        (need,) = self.needs("quarantine")
        self.assertEqual(need["method"], "action_open_quarantine")
        self.assertEqual(self.overview()["needs"][0], need, "the worst is first")

    def test_queries_do_not_grow_with_services(self):
        """50 services in trouble cost what one does."""

        def queries():
            self.overview()  # what Odoo caches between requests is
            self.env.invalidate_all()
            before = self.env.cr.sql_log_count
            self.env["mqtt.service"].overview_data()
            return self.env.cr.sql_log_count - before

        def trouble(services):
            services.start_mqtt_service()
            services.last_start = fields.Datetime.now() - timedelta(minutes=1)
            services.tls = True
            services.connection_ids.write(
                {
                    "problem": "refused",
                    "certificate_end": fields.Datetime.now(),
                    "session_lost_date": fields.Datetime.now(),
                }
            )
            services.subscription_ids.grant_ids.state = "refused"
            for service in services:
                self.env["mqtt.quarantine"]._put(service, [(9, self.message(), "Bad")])
                self.enqueue(self.message(), service=service)

        self.env["mqtt.service"].search([("id", "!=", self.service.id)]).active = False
        trouble(self.service)
        one = queries()
        trouble(
            self.env["mqtt.service"].create(
                [
                    {
                        "name": f"Plant {n}",
                        "host": "broker.invalid",
                        "subscription_ids": [(0, 0, {"topic_filter": "a/#"})],
                    }
                    for n in range(49)
                ]
            )
        )
        self.assertEqual(queries(), one)
        self.assertEqual(len(self.overview()["services"]), 50)
        self.assertEqual(len(self.needs("unreachable")), 50)


@tagged("post_install", "-at_install")
class TestTraffic(Overview, LiveCase):
    """What came lately."""

    def traffic(self, user=None):
        self.env.flush_all()
        self.env.invalidate_all()
        env = self.env(user=user or self.env.user)
        return env["mqtt.service"].overview_traffic()

    def receive_ago(self, *minutes, topic="plant/1", **options):
        """Messages that were received so many minutes ago, the oldest first."""
        now = fields.Datetime.now()
        times = [now - timedelta(minutes=ago) for ago in minutes]
        last = times[-1]
        microseconds = [
            (time - datetime(1970, 1, 1)) // timedelta(microseconds=1) for time in times
        ]
        self.receive(
            *(self.message(topic, timestamp=time) for time in microseconds), **options
        )
        service = options.get("service", self.service)
        service.subscription_ids.grant_ids.last_message = last

    def test_messages_by_minute(self):
        """Each in its minute, also where sequences have gaps."""
        ago = [90, 70, *[58.5] * 3, 30.5, 30.2, *[0.5] * 40]
        self.receive_ago(*ago)
        history = self.env["mqtt.signal.history"]
        stored = history.search(
            [("service_id", "=", self.service.id)], order="sequence"
        )
        stored[:1].unlink()  # as retention does
        minutes = self.traffic()["minutes"]
        self.assertEqual(len(minutes), MINUTES)
        expected = {1: 3, 29: 2, 59: 40}
        self.assertEqual(
            {n: count for n, count in enumerate(minutes) if count}, expected
        )
        self.assertEqual(self.traffic()["services"], ["Plant"])

    def test_loudest_topics(self):
        """By messages a second of the last minutes; those before do not count."""
        self.receive_ago(20, 19, 18, 17, topic="plant/old")
        self.receive_ago(*[4] * 3, topic="plant/loud")
        self.receive_ago(2, topic="plant/quiet")
        topics = self.traffic()["topics"]
        self.assertEqual(
            [one["topic"] for one in topics], ["plant/loud", "plant/quiet"]
        )
        self.assertAlmostEqual(topics[0]["rate"], 3 / 241, places=3)

    def test_nothing_came(self):
        self.assertEqual(self.traffic(), {"minutes": [], "services": [], "topics": []})

    def test_another_company(self):
        other = self.env["res.company"].create({"name": "Other"})
        self.receive_ago(1)
        self.service.company_id = self.env.company
        user = new_test_user(
            self.env,
            "traffic_elsewhere",
            groups="mqtt_listener.group_manager",
            company_id=other.id,
            company_ids=[(6, 0, other.ids)],
        )
        self.assertTrue(self.traffic()["topics"])
        self.assertFalse(any(self.traffic(user).values()))


@tagged("post_install", "-at_install")
class TestHandled(Overview, FailureCase):
    """What waits for handlers, and what they failed at."""

    def test_waiting_to_be_handled(self):
        """What has no job of its own yet ages; what waits for its next try does not."""
        self.redeclare(self.many, max_retries=3)
        self.fail("a")
        card = self.card()
        self.assertEqual((card["to_handle"], card["oldest"]), (1, 0))
        self.jobs(state="pending").eta = fields.Datetime.now() - timedelta(minutes=5)
        self.assertGreater(self.card()["oldest"], RED_SECONDS)
        self.jobs(state="pending").state = "done"
        self.env["mqtt.dispatch"]._put(self.service, self.many, [5, 6], "root", 10)
        waiting = self.env["mqtt.dispatch"].search([])
        waiting.waiting_since -= timedelta(seconds=30)
        card = self.card()
        self.assertEqual(card["to_handle"], 2)
        self.assertGreaterEqual(card["oldest"], 30)
        waiting.handler_id = self.many
        self.assertEqual(self.card()["oldest"], 0, "a suspended handler is not slow")

    def test_failed_by_cause(self):
        """Operators see the cause; others how many there are."""
        self.fail("a", "b")
        self.assertEqual(self.card()["failed"], 2)
        (need,) = self.needs("failed", user=self.operator)
        self.assertIn("_on_many", need["text"])
        self.assertRegex(need["text"], r" \(2\): ValueError: no device … at …$")
        action = getattr(self.env[need["model"]].browse(need["ids"]), need["method"])()
        self.assertEqual(self.env["queue.job"].search_count(action["domain"]), 2)
        user = new_test_user(
            self.env, "overview_user", groups="mqtt_listener.group_user"
        )
        self.assertEqual(self.card(user=user)["failed"], 2)
        self.assertFalse(self.needs("failed", user=user))
        self.assertFalse(self.overview(user=user)["may_operate"])
        self.assertTrue(self.overview(user=self.operator)["may_operate"])
        self.assertFalse(self.overview(user=self.operator)["may_configure"])

    def test_suspended_handler(self):
        self.many.suspended_since = fields.Datetime.now() - timedelta(minutes=7)
        rows = self.env["mqtt.dispatch"]
        rows._put(self.service, self.many, [5, 6], "root", 10, handler_id=self.many.id)
        (need,) = self.needs("suspended")
        self.assertIn("suspended for 7 minutes", need["text"])
        self.assertIn("wait for it: 2", need["text"])
        self.assertEqual((need["model"], need["ids"]), ("mqtt.handler", self.many.ids))


@tagged("post_install", "-at_install")
class TestForWhom(Overview, AccessCase):
    def test_other_companies(self):
        """Nothing of this company's is in what another's manager reads."""
        self.handler.service_id = False  # for the services of all companies
        self.handler.suspended_since = fields.Datetime.now()
        self.env["mqtt.dispatch"].search([]).handler_id = self.handler
        self.subscription.grant_ids.state = "refused"
        self.assertGreater(len(self.overview(self.users["manager"])["needs"]), 4)
        data = self.overview(self.elsewhere)
        self.assertNotIn(self.service.id, [card["id"] for card in data["services"]])
        self.assertNotIn("Plant", str(data))
        self.assertNotIn("plant/", str(data))
        (need,) = data["needs"]
        self.assertEqual(need["kind"], "suspended")
        self.assertIn("wait for it: 0", need["text"])

    def test_no_mqtt_user(self):
        for role in ("nobody", "portal", "public"):
            with self.subTest(role=role), self.assertRaises(AccessError):
                self.overview(self.users[role])
