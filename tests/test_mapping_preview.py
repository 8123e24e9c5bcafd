# Copyright 2026 mqtt_listener contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
from odoo.tests import new_test_user, tagged

from .mapping_case import MappingCase

HACK = "<script>alert(1)</script>"


@tagged("post_install", "-at_install")
class TestMappingPreview(MappingCase):
    """What the form of a mapping shows of a message."""

    def test_the_last_message_that_matches(self):
        mapping = self.mapping()
        self.assertFalse(mapping.message_id)
        self.assertFalse(mapping.sample)
        self.assertFalse(mapping.preview)
        first = self.mqtt_receive("plant/press", {"v": 1})
        self.mqtt_receive("plant/other/topic", {"v": 2})
        self.env.invalidate_all()
        self.assertEqual(mapping.message_id, first)
        self.assertEqual(mapping.sample["levels"], {"ref": "press"})
        self.assertEqual(mapping.sample["document"], {"v": 1})
        second = self.mqtt_receive("plant/b", "text\0")
        self.env.invalidate_all()
        self.assertEqual(mapping.message_id, second)
        self.assertIn("not JSON", mapping.sample["problem"])
        mapping.pattern = "plant/{ref}/topic"
        self.assertEqual(mapping.sample["document"], {"v": 2})

    def test_before_and_after(self):
        """Nothing is written; what stays as it is says so."""
        partner = self.partner("press")
        partner.write({"city": "Graz", "street": "Elm"})
        mapping = self.mapping(
            values=[self.path("city", "$.c"), self.path("street", "$.s")]
        )
        self.env["mqtt.handler"].browse(mapping.handler_id.id).enabled = False
        self.mqtt_receive("plant/press", {"c": "Linz", "s": "Elm"})
        self.env.invalidate_all()
        text = " ".join(mapping.preview.striptags().split())
        self.assertIn("Graz → Linz", text)
        self.assertIn("Elm (stays as it is)", text)
        self.assertEqual(partner.city, "Graz")

    def test_while_it_is_edited(self):
        """Of a record that is not saved, as the form has it."""
        self.partner("press")
        self.mqtt_receive("plant/press", {"list": [{"t": 215}]})
        saved = self.mapping()
        mapping = saved.new(origin=saved)
        line = {"part": "value", "field_name": "color", "factor": 0.2}
        mapping.update({"each_path": "$.list", "value_ids": [(0, 0, line)]})
        mapping.value_ids.value = "$.t"
        self.assertEqual(mapping.sample["document"], {"t": 215})
        self.assertIn("43", mapping.preview)
        mapping.value_ids.value = "$.x"
        self.assertIn("there is nothing", mapping.preview)
        mapping.value_ids.value = "$.["
        self.assertIn("alert", mapping.preview)
        mapping.value_ids.field_name = False
        self.assertIn("alert", mapping.preview)
        mapping.res_model = False
        self.assertFalse(mapping.preview)

    def test_new_records_and_ignored_messages(self):
        name = {"field_name": "name", "source": "level", "value": "ref"}
        mapping = self.mapping(defaults=[name], not_found="create", enabled=False)
        self.mqtt_receive("plant/press", "{}")
        self.env.invalidate_all()
        self.assertIn("New", mapping.preview)
        self.assertIn("press", mapping.preview)
        self.assertFalse(self.env["res.partner"].search([("ref", "=", "press")]))
        mapping.not_found = "ignore"
        self.assertIn("would be ignored", mapping.preview)

    def test_what_a_device_says_is_text(self):
        self.partner("press")
        mapping = self.mapping(values=[self.path("city", "$.c")], enabled=False)
        self.mqtt_receive("plant/press", {"c": HACK})
        self.env.invalidate_all()
        self.assertNotIn("<script", mapping.preview)
        self.assertIn("&lt;script", mapping.preview)

    def test_it_shows_no_more_than_the_user_may_see(self):
        """Not with the rights of the user that the mapping runs as."""
        self.partner("press").city = "Secret"
        mapping = self.mapping(values=[self.path("city", "$.c")], enabled=False)
        self.mqtt_receive("plant/press", {"c": "Linz"})
        user = new_test_user(self.env, "mqtt_reader", groups="mqtt_listener.group_user")
        self.env.invalidate_all()
        preview = mapping.with_user(user).preview
        self.assertIn("may not write Contact", preview)
        self.assertNotIn("Secret", preview)
        rights = "mqtt_listener.group_user,base.group_partner_manager"
        other = new_test_user(self.env, "mqtt_other", groups=rights)
        self.env["ir.rule"].create(
            {
                "name": "No press",
                "model_id": self.env["ir.model"]._get_id("res.partner"),
                "domain_force": "[('ref', '!=', 'press')]",
            }
        )
        self.env.invalidate_all()
        self.assertNotIn("Secret", mapping.with_user(other).preview)
