# Copyright 2026 mqtt_listener contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""The topic tree of the page Live, and what of it goes to whom."""

import json
from types import SimpleNamespace
from unittest.mock import patch

from odoo.exceptions import AccessError
from odoo.tests import new_test_user, tagged

from odoo.addons.bus.models import ir_websocket

from ..models.service import live
from ..models.topic import mqtt_live, tree
from ..models.topic.mqtt_live import CHANNEL
from ..mqtt.value_line import value_line
from .live_case import LiveCase
from .topic_case import TopicCase


class TreeCase(TopicCase):
    def levels(self, *prefixes, text="", user=None, service=None, **options):
        """What the page is given of branches of a service."""
        service = service or self.service
        self.env.flush_all()
        self.env.invalidate_all()
        branches = [
            {"service_id": service.id, "prefix": prefix, **options}
            for prefix in prefixes
        ]
        services = self.env["mqtt.service"].with_user(user or self.env.user)
        return services.live_levels(branches, text)

    def names(self, prefix="", **options):
        (level,) = self.levels(prefix, **options)["levels"]
        return [row["name"] for row in level["rows"]]

    def bus(self):
        """What was put on the bus in this transaction: channels and messages."""
        self.env.cr.postcommit.run()
        waiting = self.env.cr.precommit.data.get("bus.bus.values", [])
        sent = [(json.loads(one["channel"]), one["message"]) for one in waiting]
        waiting.clear()
        return sent


@tagged("post_install", "-at_install")
class TestTopicTree(TreeCase):
    def test_a_level(self):
        """Branches and topics, with what is below each."""
        self.note("plant/a/1", "plant/a/2", "plant/b", "plant/b/1", payload=b"x")
        self.note(
            "plant/a/1", payload=b'{"speed": 12.5, "on": true}', timestamp=5_000_000
        )
        (first, plant) = self.levels("", "plant/")["levels"]
        self.assertEqual(first["total"], 1)
        (row,) = first["rows"]
        self.assertEqual((row["name"], row["topics"]), ("plant", 4))
        self.assertEqual((row["messages"], row["time"]), (5, 5))
        self.assertNotIn("value", row)
        a, b = plant["rows"]
        self.assertEqual((a["name"], a["topics"], a["messages"]), ("a", 2, 3))
        self.assertEqual((b["name"], b["topics"], b["messages"]), ("b", 1, 2))
        self.assertEqual((b["value"], b["size"]), ("x", 1))
        (level,) = self.levels("plant/a/")["levels"]
        self.assertEqual(
            [one["value"] for one in level["rows"]], ["speed 12.5 · on true", "x"]
        )

    def test_empty_levels_and_strange_names(self):
        """MQTT allows empty levels, and anything that LIKE or HTML would obey."""
        self.note("/a", "a//b", "a/%/c", "a_/d", "a\\/e", "<b>/f", "ä/g")
        self.assertEqual(self.names(), ["", "<b>", "a", "a\\", "a_", "ä"])
        self.assertEqual(self.names("/"), ["a"])
        self.assertEqual(self.names("a/"), ["", "%"])
        self.assertEqual(self.names("a//"), ["b"])
        self.assertEqual(self.names("a_/"), ["d"])
        self.assertEqual(self.names("a\\/"), ["e"])
        self.assertEqual(self.names("a/%/"), ["c"])

    def test_filter(self):
        """A part of the topic in any case, or a topic filter as MQTT matches it."""
        self.note("plant/Press/1", "plant/oven/1", "other/x", "$SYS/x")
        for text, expected in (
            ("pRESS", ["plant"]),
            ("/1", ["plant"]),
            ("plant/+/1", ["plant"]),
            ("plant/#", ["plant"]),
            ("+/x", ["other"]),
            ("#", ["other", "plant"]),
            ("$SYS/#", ["$SYS"]),
            ("%", []),
        ):
            with self.subTest(text=text):
                self.assertEqual(self.names(text=text), expected)
        (level,) = self.levels("plant/", text="+/press/#")["levels"]
        self.assertEqual(level["rows"], [])
        self.assertEqual(self.names("plant/", text="+/Press/#"), ["Press"])

    def test_a_wrong_filter(self):
        """Finds nothing, and says what is wrong with it."""
        self.note("plant/1")
        found = self.levels("", text="plant/#/x")
        self.assertIn("has to stand alone after the last slash", found["problem"])
        self.assertEqual(found["levels"], [])
        self.assertEqual(self.levels("", text="plant/+")["problem"], "")

    def test_what_is_cut(self):
        """So many rows and characters at most; how many there are is said."""
        self.note(*(f"{number:02}" for number in range(20)))
        (level,) = self.levels("", limit=5)["levels"]
        self.assertEqual((len(level["rows"]), level["total"]), (5, 20))
        self.assertEqual(level["rows"][0]["name"], "00")
        with patch.object(tree, "MOST_ROWS", 7):
            self.assertEqual(len(self.names(limit=1000)), 7)
        with patch.object(tree, "MOST_CHARS", 7):
            self.assertEqual(len(self.names()), 3)
        with patch.object(live, "MOST_BRANCHES", 2):
            self.assertEqual(len(self.levels("", "00/", "01/")["levels"]), 2)

    def test_values(self):
        """What a line says of a payload."""
        for payload, line in (
            (b"", ""),
            (b"21.5", "21.5"),
            (b" a\nb ", "a b"),
            (b"\xff", None),
            (b'{"a": 1.50, "b": "x", "c": null, "d": [1], "e": {}}', None),
            (b"[1, false]", "1 · false"),
            (b'{"a": ', '{"a":'),
            (b'["\\u202e<b>"]', "\\u202e<b>"),
            (b"x" * 200, "x" * 68 + "… (132 more characters)"),
        ):
            with self.subTest(payload=payload):
                if payload.startswith(b'{"a": 1.50'):
                    line = "a 1.5 · b x · c null · d […] · e {}"
                self.assertEqual(value_line(payload, is_whole=True), line)
        many = json.dumps(list(range(20))).encode()
        self.assertEqual(
            value_line(many, is_whole=True), "0 · 1 · 2 · 3 · 4 · 5 · 6 · 7 …"
        )
        self.assertEqual(value_line("aü".encode()[:2], is_whole=False), "a…")

    def test_queries_do_not_grow_with_topics(self):
        def queries():
            self.levels("")
            before = self.env.cr.sql_log_count
            self.levels("")
            return self.env.cr.sql_log_count - before

        self.note("a")
        one = queries()
        self.note(*map(str, range(100)))
        self.assertEqual(queries(), one)


@tagged("post_install", "-at_install")
class TestLiveServices(TreeCase, LiveCase):
    def test_a_service(self):
        self.note("a", "b")
        (root,) = self.env["mqtt.service"].live_services()
        self.assertEqual((root["name"], root["topics"]), ("Plant", 2))
        self.assertEqual((root["state"], root["state_label"]), ("stopped", "Stopped"))
        self.assertFalse(root["is_live"] or root["is_full"] or root["last_message"])
        self.service.start_mqtt_service()
        with self.listening(), patch.object(live, "TOPICS_PER_SERVICE", 2):
            (root,) = self.env["mqtt.service"].live_services()
        self.assertTrue(root["is_live"] and root["is_full"])
        self.assertEqual(root["state_label"], "Running")

    def test_queries_do_not_grow_with_services(self):
        def queries():
            services = self.env["mqtt.service"]
            services.live_services()
            self.env.invalidate_all()
            before = self.env.cr.sql_log_count
            services.live_services()
            return self.env.cr.sql_log_count - before

        one = queries()
        for _number in range(5):
            self.note("a", service=self.service.copy())
        self.assertEqual(queries(), one)


@tagged("post_install", "-at_install")
class TestLiveForWhom(TreeCase):
    """Another company's topics never reach a browser."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.service.company_id = cls.env.company
        other = cls.env["res.company"].create({"name": "Other"})
        cls.theirs = cls.service.copy({"name": "Theirs", "company_id": other.id})
        cls.elsewhere = new_test_user(
            cls.env,
            "live_elsewhere",
            groups="mqtt_listener.group_manager",
            company_id=other.id,
            company_ids=[(6, 0, other.ids)],
        )
        cls.user = new_test_user(
            cls.env, "live_user", groups="mqtt_listener.group_user"
        )

    def test_over_rpc(self):
        """Whatever branch is asked for, on whichever services."""
        self.note("secret/topic", payload=b"secret value")
        self.note("theirs/topic", service=self.theirs)
        services = self.env["mqtt.service"].with_user(self.elsewhere)
        self.assertEqual([one["name"] for one in services.live_services()], ["Theirs"])
        found = self.levels("", "secret/", text="", user=self.elsewhere)
        self.assertEqual(found["levels"], [])
        self.assertNotIn("secret", json.dumps(found))
        found = self.levels("", user=self.elsewhere, service=self.theirs)
        self.assertEqual(found["levels"][0]["rows"][0]["name"], "theirs")
        for method, arguments in (("live_services", ()), ("live_levels", ([],))):
            with self.subTest(method=method), self.assertRaises(AccessError):
                own = self.service.with_user(self.elsewhere)
                getattr(own, method)(*arguments)
        topics = self.env["mqtt.topic"].with_user(self.elsewhere)
        self.assertEqual(topics.search([]).service_id, self.theirs)

    def test_nobody_else(self):
        nobody = new_test_user(self.env, "live_nobody", groups="base.group_user")
        services = self.env["mqtt.service"].with_user(nobody)
        with self.assertRaises(AccessError):
            services.live_services()
        with self.assertRaises(AccessError):
            services.live_levels([])

    def test_a_tick_says_nothing(self):
        """Of the topic, the value, or the service but its id; and on its channel."""
        self.levels("", user=self.user)
        self.bus()
        self.receive(self.message("secret/topic", b"secret value"))
        ((channel, message),) = [
            one for one in self.bus() if "mqtt_listener/live" in one[1]
        ]
        self.assertEqual(channel[1:], ["mqtt.service", self.service.id, CHANNEL])
        self.assertEqual(
            json.loads(message),
            {"type": "mqtt_listener/live", "payload": {"id": self.service.id}},
        )

    def channels(self, user):
        """What a browser of the user is subscribed to that asks for ticks."""
        self.env.flush_all()
        session = SimpleNamespace(uid=user.id)
        with patch.object(ir_websocket, "wsrequest", SimpleNamespace(session=session)):
            found = (
                self.env["ir.websocket"]
                .with_user(user)
                ._build_bus_channel_list([CHANNEL])
            )
        return [one for one in found if isinstance(one, tuple) and one[1] == CHANNEL]

    def test_channels(self):
        """A browser gets the ticks of the services that its user may read."""
        self.assertEqual(self.channels(self.user), [(self.service, CHANNEL)])
        self.assertEqual(self.channels(self.elsewhere), [(self.theirs, CHANNEL)])
        nobody = new_test_user(self.env, "live_portal", groups="base.group_portal")
        self.assertEqual(self.channels(nobody), [])

    def ticks(self):
        return sum("mqtt_listener/live" in message for _at, message in self.bus())

    def test_no_ticks_while_nobody_looks(self):
        self.bus()
        self.note("a")
        self.assertEqual(self.ticks(), 0)
        self.levels("", user=self.user)
        self.note("a")
        self.assertEqual(self.ticks(), 1)
        self.env["mqtt.live"].search([]).watched_until = "2026-01-01"
        self.note("a")
        self.assertEqual(self.ticks(), 0)

    def test_two_ticks_a_second_at_most(self):
        """Of each service, whichever job stores."""
        self.levels("", user=self.user)
        self.levels("", service=self.theirs, user=self.elsewhere)
        self.bus()
        with patch.object(mqtt_live, "TICK_SECONDS", 3600):
            for _number in range(5):
                self.note("a")
                self.note("a", service=self.theirs)
        self.assertEqual(self.ticks(), 2)
