# Copyright 2026 mqtt_listener contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
from odoo.exceptions import AccessError
from odoo.fields import Command
from odoo.tests import new_test_user, tagged

from .mapping_case import MappingCase
from .test_access import MODELS

MANAGER = "mqtt_listener.group_manager"


@tagged("post_install", "-at_install")
class TestMappingAccess(MappingCase):
    """A mapping runs as its user, and nobody gains rights by one."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.service.company_id = cls.env.company
        groups = f"{MANAGER},base.group_partner_manager"
        cls.maker = new_test_user(cls.env, "mqtt_maker", groups=groups)
        cls.colleague = new_test_user(cls.env, "mqtt_colleague", groups=groups)
        cls.admin = new_test_user(
            cls.env, "mqtt_admin", groups=f"{groups},base.group_system"
        )

    def test_it_runs_as_who_made_it(self):
        partner = self.partner("press")
        mapping = self.mapping(values=[self.path("city", "$.c")], user=self.maker)
        self.assertEqual(mapping.user_id, self.maker)
        self.assert_done(self.mqtt_receive("plant/press", {"c": "Linz"}))
        self.assertEqual((partner.city, partner.write_uid), ("Linz", self.maker))

    def test_what_its_user_may_not_write(self):
        """The model, a field, a record: each is named, and who may."""
        self.partner("press")
        mapping = self.mapping(values=[self.path("city", "$.c")], user=self.maker)
        self.maker.group_ids -= self.env.ref("base.group_partner_manager")
        message = self.mqtt_receive("plant/press", {"c": "Linz"})
        self.assert_failed(
            message, "mqtt_maker", "may not write Contact", "only", "Creation"
        )
        self.maker.group_ids |= self.env.ref("base.group_partner_manager")
        field = self.registry["res.partner"]._fields["city"]
        self.addCleanup(setattr, field, "groups", field.groups)
        field.groups = "base.group_system"
        message = self.mqtt_receive("plant/press", {"c": "Linz"})
        self.assert_failed(
            message, "may not write City of Contact", self.group("base.group_system")
        )
        field.groups = None
        self.env["ir.rule"].create(
            {
                "name": "No press",
                "model_id": self.env["ir.model"]._get_id("res.partner"),
                "domain_force": "[('ref', '!=', 'press')]",
                "perm_read": False,
            }
        )
        message = self.mqtt_receive("plant/press", {"c": "Linz"})
        self.assert_failed(message, "mqtt_maker", "Contact")
        self.assertTrue(mapping)

    def group(self, name):
        return self.env.ref(name).full_name

    def test_creating_needs_the_right_to_create(self):
        access = self.env["ir.model.access"].search(
            [("model_id.model", "=", "res.partner")]
        )
        self.mapping(not_found="create", user=self.maker)
        access.perm_create = False
        message = self.mqtt_receive("plant/press", {})
        self.assert_failed(message, "may not create Contact: no group may")

    def test_it_sees_its_company_only(self):
        other = self.env["res.company"].create({"name": "Other"})
        elsewhere = self.partner("press")
        elsewhere.company_id = other
        here = self.partner("press")
        self.maker.company_ids |= other
        self.mapping(values=[self.path("city", "$.c")], user=self.maker)
        self.assert_done(self.mqtt_receive("plant/press", {"c": "Linz"}))
        self.assertEqual((here.city, elsewhere.city), ("Linz", False))

    def test_nobody_makes_one_that_runs_as_another(self):
        for values in ({"user_id": self.admin.id}, {"user_id": self.colleague.id}):
            with self.assertRaises(AccessError):
                self.mapping(user=self.maker, **values)
        mapping = self.mapping(user=self.maker)
        for record in (mapping, mapping.handler_id):
            with self.assertRaises(AccessError):
                record.with_user(self.maker).user_id = self.admin
        handlers = self.env["mqtt.handler"].with_user(self.maker)
        values = {"name": "X", "pattern": "x", "kind": "mapping"}
        with self.assertRaises(AccessError):
            handlers.with_context(default_user_id=self.admin.id).create(values)
        mapping.with_user(self.admin).user_id = self.colleague

    def test_nobody_changes_one_that_runs_as_another(self):
        mapping = self.mapping(
            values=[self.path("city", "$.c")], user=self.admin, user_id=self.admin.id
        )
        own = mapping.with_user(self.maker)
        line = own.value_ids
        theirs = self.mapping(values=[self.path("zip", "$.c")], user=self.maker)
        key = {"part": "key", "field_name": "name", "source": "text"}
        for change in (
            lambda: own.write({"pattern": "plant/x/{ref}"}),
            lambda: own.write({"service_id": False}),
            lambda: own.write({"direction": "both"}),
            lambda: own.handler_id.write({"pattern": "plant/x/{ref}"}),
            lambda: own.write({"not_found": "ignore"}),
            lambda: own.write({"key_ids": [Command.create(key)]}),
            lambda: own.write({"only_changed": False}),
            lambda: line.write({"value": "$.d"}),
            lambda: line.unlink(),
            lambda: line.create({**key, "mapping_id": own.id}),
            lambda: theirs.value_ids.with_user(self.maker).write(
                {"mapping_id": own.id}
            ),
            lambda: own.handler_id.write({"kind": "action"}),
        ):
            with self.assertRaises(AccessError), self.env.cr.savepoint():
                change()
        own.enabled = False  # an operator's matter
        own.user_id = self.maker
        line.value = "$.d"

    def test_only_a_system_administrator_chooses_actions(self):
        action = self.action("pass")
        with self.assertRaises(AccessError):
            self.mapping(user=self.maker, action_ids=[Command.link(action.id)])
        mapping = self.mapping(user=self.maker)
        for values in (
            {"action_ids": [Command.link(action.id)]},
            {"action_server_id": action.id},
        ):
            with self.assertRaises(AccessError):
                mapping.with_user(self.maker).write(values)
        default = {"default_action_ids": [Command.link(action.id)]}
        with self.assertRaises(AccessError):
            mapping.with_user(self.maker).with_context(**default).copy(
                {"action_ids": [Command.link(action.id)]}
            )
        mapping.with_user(self.admin).action_ids = action

    def test_a_copy_runs_as_who_copies(self):
        mapping = self.mapping(user=self.admin)
        copy = mapping.with_user(self.maker).copy()
        self.assertEqual(copy.user_id, self.maker)

    def test_for_all_companies(self):
        """Without a service it is for messages of all: that needs access to each."""
        other = self.env["res.company"].create({"name": "Other"})
        self.service.copy({"company_id": other.id})
        with self.assertRaises(AccessError):
            self.mapping(user=self.maker, service_id=False)
        mapping = self.mapping(service_id=False, user_id=self.maker.id)
        with self.assertRaises(AccessError):
            mapping.with_user(self.maker).not_found = "ignore"

    def test_only_models_that_the_user_may_write_are_offered(self):
        offered = dict(self.env["mqtt.mapping"].with_user(self.maker)._select_models())
        self.assertIn("res.partner", offered)
        for name in offered:
            self.assertTrue(self.env[name].with_user(self.maker).has_access("write"))
            self.assertNotRegex(name, r"^(ir\.|res\.users|res\.groups|queue\.)")
        everything = dict(self.env["mqtt.mapping"]._select_models())
        own = {name for name in everything if name.startswith("mqtt.")}
        self.assertFalse(own & set(MODELS))
        for name in ("ir.cron", "res.users", "res.groups", "queue.job"):
            self.assertNotIn(name, everything)
