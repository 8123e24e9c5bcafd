# Copyright 2026 mqtt_listener contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""Lists and names of records have the beginning of long topics only."""

from lxml import etree

from odoo.tests import mute_logger, tagged

from ..models.common.short_topics import TOPICS, MqttShortTopics
from ..mqtt.wording import LINE_CHARS
from .test_handler import HandlerCase

LONG = "plant/" + "x" * 60_000


@tagged("post_install", "-at_install")
class TestShortTopics(HandlerCase):
    def shown(self, records, name):
        return records.web_search_read(
            [("id", "in", records.ids)], {name: {}, "display_name": {}}
        )["records"]

    def check(self, records, name="topic"):
        self.assertEqual(len(records), 2)
        for values in self.shown(records, name):
            self.assertLessEqual(len(values[name]), LINE_CHARS)
            self.assertTrue(values[name].startswith("plant/xx"))
            self.assertLessEqual(len(values["display_name"]), LINE_CHARS)
        (values,) = records[0].web_read({name: {}})
        self.assertEqual(values[name], LONG, "a form shows the whole one")

    def test_lists(self):
        def fails(self, message):
            raise ValueError

        self.declare("plant/+", fails, max_retries=1)
        trouble = {"trouble": "unreadable"}
        with mute_logger("odoo.addons.mqtt_listener"):
            messages = self.receive(
                self.message(LONG),
                self.message(LONG),
                self.message(LONG, **trouble),
                self.message(LONG, **trouble),
            )
        self.check(messages)
        self.check(messages.job_ids, "mqtt_topic")
        self.check(self.env["mqtt.quarantine"].search([]))

    def test_which_lists_have_topics(self):
        """Each list with a topic is of a model whose topics are short there."""
        views = self.env["ir.ui.view"].search([("type", "=", "list")])
        found = set()
        for view in views:
            of_module = view.xml_id.startswith("mqtt_listener.")
            names = {
                field.get("name") for field in etree.fromstring(view.arch).iter("field")
            }
            if of_module and names & TOPICS:
                found.add(view.model)
                model = self.registry[view.model]
                self.assertTrue(issubclass(model, MqttShortTopics), view.xml_id)
        self.assertIn("mqtt.signal.history", found)
