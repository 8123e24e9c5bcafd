# Copyright 2026 mqtt_listener contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
from odoo.tests import Form, tagged

from ..mqtt.suggestion import suggest_pattern
from .mapping_case import MappingCase


@tagged("post_install", "-at_install")
class TestMappingSuggestion(MappingCase):
    """What the form of a new mapping begins with."""

    def test_levels_with_numbers_get_names(self):
        for topic, pattern in (
            ("plant/line1/press-7/state", "plant/{line}/{press}/state"),
            ("plant/4711/state", "plant/{level2}/state"),
            ("a1/a2", "{a}/{a2}"),
            ("plant/state", "plant/state"),
            ("/x/", "/x/"),
            ("dev/00:1A:22/t", "dev/{level2}/t"),
            ("for1/self2", "for1/self2"),
            ("a{b/c", ""),
        ):
            self.assertEqual(suggest_pattern(topic), pattern)

    def test_a_message_is_mapped(self):
        message = self.mqtt_receive("plant/press-7", {"v": 1})
        action = message.action_map("$.v")
        self.assertEqual(action["context"]["mqtt_mapped_path"], "$.v")
        form = Form(self.env["mqtt.mapping"].with_context(**action["context"]))
        self.assertEqual(form.pattern, "plant/{press}")
        self.assertEqual(form.message_id, message)
        form.res_model = "res.partner"
        mapping = form.save()
        line = mapping.key_ids
        self.assertEqual((line.field_name, line.value), ("ref", "press"))
        self.assertEqual(mapping.service_id, self.service)
