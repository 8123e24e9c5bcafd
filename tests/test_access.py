from odoo.exceptions import AccessError
from odoo.fields import Command
from odoo.tests import new_test_user, tagged

from .common import MqttCase

ROLES = {
    "nobody": "base.group_user",
    "user": "mqtt_listener.group_user",
    "operator": "mqtt_listener.group_operator",
    "manager": "mqtt_listener.group_manager",
    "portal": "base.group_portal",
    "public": "base.group_public",
}
# Who may (r)ead, (w)rite, (c)reate, (d)elete; those not named may nothing.
MODELS = {
    "mqtt.service": {"user": "r", "operator": "r", "manager": "rwcd"},
    "mqtt.subscription": {"user": "r", "operator": "r", "manager": "rwcd"},
    "mqtt.signal.history": {"user": "r", "operator": "r", "manager": "rd"},
    "mqtt.connection": {"user": "r", "operator": "r", "manager": "r"},
    "mqtt.grant": {"user": "r", "operator": "r", "manager": "r"},
    "mqtt.batch": {"manager": "r"},
    "mqtt.paused.topic": {"user": "r", "operator": "r", "manager": "r"},
    "mqtt.quarantine": {"user": "r", "operator": "r", "manager": "rd"},
    "mqtt.receipt": {"manager": "r"},
    "mqtt.handler": {"user": "r", "operator": "r", "manager": "rwcd"},
    "mqtt.handler.tally": {"manager": "r"},
    "mqtt.replay": {"operator": "rwc", "manager": "rwcd"},
    "mqtt.cancellation": {"operator": "rwcd", "manager": "rwcd"},
    "mqtt.handler.trial": {"operator": "rwcd", "manager": "rwcd"},
    "mqtt.correction": {"operator": "rwcd", "manager": "rwcd"},
    "mqtt.ordered.message": {"manager": "r"},
    "mqtt.outgoing": {"manager": "r"},
    "mqtt.publish": {"operator": "rwcd", "manager": "rwcd"},
    "mqtt.request": {"user": "r", "operator": "r", "manager": "r"},
    "mqtt.connection.test": {"operator": "rwcd", "manager": "rwcd"},
    "mqtt.connection.test.line": {"operator": "rwcd", "manager": "rwcd"},
}
OPERATIONS = {"read": "r", "write": "w", "create": "c", "unlink": "d"}
METHODS = (
    "start_mqtt_service",
    "stop_mqtt_service",
    "restart_mqtt_service",
    "check_mqtt_status",
    "action_check",
    "action_test_connection",
    "action_publish",
)


@tagged("post_install", "-at_install")
class TestAccess(MqttCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.users = {
            role: new_test_user(cls.env, f"mqtt_{role}", groups=group)
            for role, group in ROLES.items()
        }

    def test_models(self):
        """Every model × role × operation, cell by cell."""
        for model, allowed in MODELS.items():
            for role, user in self.users.items():
                for operation, letter in OPERATIONS.items():
                    with self.subTest(model=model, role=role, operation=operation):
                        may = self.env[model].with_user(user).has_access(operation)
                        self.assertEqual(may, letter in allowed.get(role, ""))

    def test_every_model_is_in_the_table(self):
        """No model of the addon is without an entry."""
        models = self.env["ir.model"].search([("model", "=like", "mqtt.%")])
        own = models.filtered(lambda one: "mqtt_listener" in one.modules.split(", "))
        self.assertEqual(set(own.mapped("model")), set(MODELS))

    def test_methods(self):
        """Operators and managers command a service; nobody else does."""
        self.service.host = "127.0.0.1"
        self.service.port = 1  # nobody answers
        for role, user in self.users.items():
            for method in METHODS:
                with self.subTest(role=role, method=method):
                    service = self.service.with_user(user)
                    if role in ("operator", "manager"):
                        self.assertTrue(getattr(service, method)())
                    else:
                        with self.assertRaises(AccessError):
                            getattr(service, method)()

    def test_passwords_are_written_and_never_read(self):
        """By managers only, and by nobody at all."""
        manager = self.users["manager"]
        service = self.service.with_user(manager)
        service.password = "s3cret"
        self.assertEqual(self.service.password_secret, "s3cret")
        for role in ("user", "operator", "manager"):
            self.users[role].group_ids |= self.env.ref("base.group_allow_export")
            service = self.service.with_user(self.users[role])
            self.env.invalidate_all()
            with self.subTest(role=role):
                self.assertNotIn("s3cret", str(service.read()))
                self.assertNotIn("s3cret", str(service.web_read({"password": {}})))
                self.assertTrue(service.password_is_set)
                self.assertFalse(service.password)
                with self.assertRaises(AccessError):
                    service.read(["password_secret"])
                with self.assertRaises(AccessError):
                    service.search([("password_secret", "=like", "s%")])
                with self.assertRaises(AccessError):
                    service.export_data(["password_secret"])
                self.assertNotIn("s3cret", str(service.export_data(["password"])))
        for role in ("user", "operator"):
            with self.subTest(role=role), self.assertRaises(AccessError):
                self.service.with_user(self.users[role]).password = "other"
        self.assertNotIn("s3cret", str(self.service.copy().sudo().password_secret))
        self.service.name = "Still the same broker"
        self.assertEqual(self.service.password_secret, "s3cret")
        self.service.host = "catcher.invalid"
        self.assertFalse(self.service.password_secret, "not for another broker")

    def test_other_companies(self):
        """Services, subscriptions and messages are those of the user's companies."""
        other = self.env["res.company"].create({"name": "Other"})
        self.receive(self.message())
        self.service.company_id = other
        self.env.flush_all()
        for role in ("user", "operator", "manager"):
            env = self.env(user=self.users[role])
            for model in (
                "mqtt.service",
                "mqtt.subscription",
                "mqtt.signal.history",
                "mqtt.connection",
                "mqtt.grant",
            ):
                with self.subTest(role=role, model=model):
                    self.assertFalse(env[model].search([]) & self.records(env, model))
        with self.assertRaises(AccessError):
            self.service.with_user(self.users["operator"]).start_mqtt_service()

    def test_a_manager_of_another_company(self):
        """All rights there are nothing on the records of this company, in any way."""
        other = self.env["res.company"].create({"name": "Other"})
        manager = new_test_user(
            self.env,
            "mqtt_manager_elsewhere",
            groups="mqtt_listener.group_manager",
            company_id=other.id,
            company_ids=[Command.set(other.ids)],
        )
        self.receive(self.message())
        self.service.company_id = self.env.company
        self.env.flush_all()
        env = self.env(user=manager, context={"allowed_company_ids": other.ids})
        for model in ("service", "subscription", "signal.history", "connection"):
            records = self.records(env, f"mqtt.{model}")
            self.assertTrue(records.sudo().exists(), model)
            for operation in ("read", "write", "unlink"):
                with self.subTest(model=model, operation=operation):
                    self.assertFalse(records.has_access(operation))
        for method in METHODS:
            with self.subTest(method=method), self.assertRaises(AccessError):
                getattr(self.service.with_env(env), method)()

    def test_every_stored_model_has_a_company_rule(self):
        """It is for all groups, so that no group adds to what it lets through."""
        for model in MODELS:
            if self.env[model]._transient:
                continue
            rules = self.env["ir.rule"].search([("model_id.model", "=", model)])
            with self.subTest(model=model):
                domains = rules.filtered("global").mapped("domain_force")
                self.assertIn("company_ids", str(domains))

    def records(self, env, model):
        return {
            "mqtt.service": self.service,
            "mqtt.subscription": self.subscription,
            "mqtt.signal.history": self.service.history_ids,
            "mqtt.connection": self.service.connection_ids,
            "mqtt.grant": self.subscription.grant_ids,
        }[model].with_env(env)
