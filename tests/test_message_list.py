# Copyright 2026 mqtt_listener contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""What the list, the cards and the graph of messages show, and what they ask for."""

from datetime import datetime

from odoo.exceptions import AccessError, UserError
from odoo.tests import BaseCase, new_test_user, tagged

from ..models.message.newer import MOST
from ..mqtt.json_summary import summarize_json
from .common import MqttCase

HISTORY = "mqtt.signal.history"


class TestJsonSummary(BaseCase):
    def test_values_by_their_names(self):
        for text, summary in (
            ('{"temperature": 61.20, "on": true}', "temperature 61.20 · on true"),
            ('{"motor": {"speed": 1e3}, "of": null}', "motor.speed 1e3 · of null"),
            ('{"v": [1, 2, [3]], "e": []}', "v [1, 2, [3]] · e []"),
            ('{"n": 12345678901234567890}', "n 12345678901234567890"),
            ('{"": "unnamed", "é": "ü"}', "unnamed · é ü"),
        ):
            self.assertEqual(summarize_json(text), summary)

    def test_what_is_no_object_is_left_as_it_is(self):
        texts = "", "21.5", "[1, 2]", "{}", '{"a": NaN}', '{"a": 1', '{"a":' * 5000
        for text in texts:
            self.assertIsNone(summarize_json(text), text[:20])


@tagged("post_install", "-at_install")
class TestMessageList(MqttCase):
    def setUp(self):
        super().setUp()
        self.history = self.env[HISTORY]

    def receive_at(self, *times):
        for time in times:
            message = self.mqtt_receive("plant/1", "x")
            message.timestamp = datetime.fromisoformat(time)

    def test_newer_messages_are_counted(self):
        """Those that the list would show, and no others."""
        self.mqtt_receive("plant/1", "1")
        known = self.history.count_newer([], 0)
        self.assertEqual(known["count"], self.history.search_count([], limit=MOST))
        shown = [("topic", "=", "plant/1")]
        self.mqtt_receive("plant/2", "1")
        found = self.history.count_newer(shown, known["newest_id"])
        self.assertEqual(found["count"], 0)
        message = self.mqtt_receive("plant/1", "2")
        found = self.history.count_newer(shown, found["newest_id"])
        self.assertEqual(found, {"count": 1, "newest_id": message.id})
        again = self.history.count_newer(shown, found["newest_id"])
        self.assertEqual(again["count"], 0)

    def test_newer_messages_are_counted_up_to_a_limit(self):
        known = self.history.count_newer([], 0)
        self.history.create(
            [
                {"service_id": self.service.id, "topic": "a", "direction": "send"}
                for _ in range(MOST + 1)
            ]
        )
        found = self.history.count_newer([], known["newest_id"])
        self.assertEqual(found["count"], MOST)

    def test_messages_of_another_company_are_not_counted(self):
        other = self.env["res.company"].create({"name": "Elsewhere"})
        reader = new_test_user(
            self.env,
            "elsewhere",
            groups="mqtt_listener.group_user",
            company_id=other.id,
            company_ids=[(6, 0, other.ids)],
        )
        self.service.company_id = self.env.company
        history = self.history.with_user(reader)
        known = history.count_newer([], 0)
        self.mqtt_receive("plant/1", "1")
        self.assertEqual(history.count_newer([], known["newest_id"])["count"], 0)
        nobody = new_test_user(self.env, "nobody", groups="base.group_user")
        with self.assertRaises(AccessError):
            self.history.with_user(nobody).count_newer([], 0)

    def test_the_service_is_a_column_if_there_are_several(self):
        def is_shown():
            arch = self.history.get_view(view_type="list")["arch"]
            column = arch.split('<field name="service_id"')[1].split("/>")[0]
            return 'column_invisible="True"' not in column

        services = self.env["mqtt.service"].with_context(active_test=False)
        (services.search([]) - self.service).unlink()
        self.assertFalse(is_shown())
        self.service.copy({"name": "Another"})
        self.assertTrue(is_shown())

    def test_preview(self):
        for payload, preview in (
            ({"temperature": 61.2, "state": "on"}, "temperature 61.2 · state on"),
            ("a  text\nof lines", "a text of lines"),
            (b"\xff\x00", "2 bytes, binary"),
            ({"a": "x" * 2000}, '{"a": "' + "x" * 113 + "…"),
        ):
            message = self.mqtt_receive("plant/1", payload)
            self.assertEqual(message.payload_preview, preview)

    def test_by_the_minute(self):
        """Grouped in the time zone of the user, and each group finds its messages."""
        self.receive_at("2026-10-24 23:59:59.999", "2026-10-25 00:30:00.000")
        self.receive_at("2026-10-25 01:30:10.000")  # clocks in Berlin were put back
        berlin = self.history.with_context(tz="Europe/Berlin")
        of_service = [("service_id", "=", self.service.id)]
        groups = berlin.formatted_read_group(of_service, ["minute"], ["__count"])
        self.assertEqual(
            {group["minute"]: group["__count"] for group in groups},
            {"2026-10-25 01:59": 1, "2026-10-25 02:30": 2},
        )
        for group in groups:
            found = berlin.search_count([*of_service, ("minute", "=", group["minute"])])
            self.assertEqual(found, group["__count"])
        self.assertEqual(berlin.search_count([("minute", "=", "never")]), 0)

    def test_a_filter_that_is_not_valid_is_named(self):
        self.mqtt_receive("plant/1", "x")
        found = self.history.search_count([("topic_filter", "=", "plant/+")])
        self.assertEqual(found, 1)
        with self.assertRaisesRegex(UserError, "“a/#/b”, # has to stand alone"):
            self.history.search_count([("topic_filter", "=", "a/#/b")])

    def test_messages_of_the_same_topic(self):
        message = self.mqtt_receive("plant/1", "x")
        other = self.mqtt_receive("plant/10", "x")
        action = message.action_open_same_topic()
        self.assertEqual(action["name"], "plant/1")
        found = self.history.search(action["domain"])
        self.assertIn(message, found)
        self.assertNotIn(other, found)

    def test_milliseconds(self):
        self.receive_at("2026-01-01 10:00:00.041999")
        message = self.history.search([], order="id desc", limit=1)
        self.assertEqual(message.milliseconds, 41)

    def test_a_message_without_a_response_topic_cannot_be_answered(self):
        """The dialog would publish to the topic of the device itself."""
        message = self.mqtt_receive("plant/1", "x")
        context = message.action_answer()["context"]
        self.assertFalse(context["default_topic"])
