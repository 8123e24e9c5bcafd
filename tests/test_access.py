# Copyright 2026 mqtt_listener contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
from odoo.exceptions import AccessError, UserError, ValidationError
from odoo.fields import Command
from odoo.tests import tagged

from .access import public_methods
from .access_case import AccessCase

# Who may (r)ead, (w)rite, (c)reate, (d)elete; those not named may nothing.
MODELS = {
    "mqtt.service": {"user": "r", "operator": "r", "manager": "rwcd"},
    "mqtt.subscription": {"user": "r", "operator": "r", "manager": "rwcd"},
    "mqtt.announcement": {"user": "r", "operator": "r", "manager": "rwcd"},
    "mqtt.signal.history": {"user": "r", "operator": "r", "manager": "rd"},
    "mqtt.topic": {"user": "r", "operator": "r", "manager": "r"},
    "mqtt.live": {"manager": "r"},
    "mqtt.connection": {"user": "r", "operator": "r", "manager": "r"},
    "mqtt.grant": {"user": "r", "operator": "r", "manager": "r"},
    "mqtt.batch": {"manager": "r"},
    "mqtt.paused.topic": {"user": "r", "operator": "r", "manager": "r"},
    "mqtt.quarantine": {"user": "r", "operator": "r", "manager": "rd"},
    "mqtt.receipt": {"manager": "r"},
    "mqtt.handler": {"user": "r", "operator": "r", "manager": "rwcd"},
    "mqtt.handler.statistics": {"manager": "r"},
    "mqtt.mapping": {"user": "r", "operator": "r", "manager": "rwcd"},
    "mqtt.mapping.line": {"user": "r", "operator": "r", "manager": "rwcd"},
    "mqtt.mapping.key": {"manager": "r"},
    "mqtt.replay": {"operator": "rwc", "manager": "rwcd"},
    "mqtt.failure": {"operator": "r", "manager": "r"},
    "mqtt.replacement": {"operator": "rwcd", "manager": "rwcd"},
    "mqtt.cancellation": {"operator": "rwcd", "manager": "rwcd"},
    "mqtt.handler.trial": {"operator": "rwcd", "manager": "rwcd"},
    "mqtt.correction": {"operator": "rwcd", "manager": "rwcd"},
    "mqtt.dispatch": {"manager": "r"},
    "mqtt.ordered.message": {"manager": "r"},
    "mqtt.outbox": {"manager": "r"},
    "mqtt.publish": {"operator": "rwcd", "manager": "rwcd"},
    "mqtt.request": {"user": "r", "operator": "r", "manager": "r"},
    "mqtt.device.rule": {"user": "r", "operator": "r", "manager": "rwcd"},
    "mqtt.metric": {"user": "r", "operator": "r", "manager": "rwcd"},
    "mqtt.device.tag": {"user": "r", "operator": "r", "manager": "rwcd"},
    "mqtt.device": {"user": "r", "operator": "r", "manager": "rwd"},
    "mqtt.device.value": {"user": "r", "operator": "r", "manager": "r"},
    "mqtt.reading": {"user": "r", "operator": "r", "manager": "r"},
    "mqtt.rollup": {"user": "r", "operator": "r", "manager": "r"},
    "mqtt.connection.test": {"operator": "rwcd", "manager": "rwcd"},
    "mqtt.connection.test.line": {"operator": "rwcd", "manager": "rwcd"},
}
OPERATIONS = {"read": "r", "write": "w", "create": "c", "unlink": "d"}
WHO = {
    "user": ("user", "operator", "manager"),
    "operator": ("operator", "manager"),
    "manager": ("manager",),
}
NOBODY = {"host": "127.0.0.1", "port": 1}  # answers there
# What can be called by RPC: who may, and with which arguments.
METHODS = {
    ("mqtt.service", "start_mqtt_service"): ("operator",),
    ("mqtt.service", "stop_mqtt_service"): ("operator",),
    ("mqtt.service", "restart_mqtt_service"): ("operator",),
    ("mqtt.service", "check_mqtt_status"): ("operator",),
    ("mqtt.service", "mqtt_publish"): ("operator", "plant/1", "x"),
    ("mqtt.service", "mqtt_request"): ("operator", "plant/1", "x"),
    ("mqtt.service", "overview_data"): ("user",),
    ("mqtt.service", "overview_traffic"): ("user",),
    ("mqtt.service", "live_services"): ("user",),
    ("mqtt.service", "live_levels"): ("user", []),
    ("mqtt.service", "topic_chart"): ("user", "plant/1", 60),
    ("mqtt.service", "topic_history"): ("user", "plant/1", 60),
    ("mqtt.service", "topic_publish"): ("operator", "plant/1", "x"),
    ("mqtt.service", "topic_published"): ("user", []),
    ("mqtt.service", "topic_value"): ("user", "plant/1"),
    ("mqtt.service", "action_check"): ("operator",),
    ("mqtt.service", "action_test_connection"): ("operator",),
    ("mqtt.service", "action_test_typed"): ("manager", {"keepalive": 61}),
    ("mqtt.service", "first_steps_connect"): ("manager", "127.0.0.1:1"),
    ("mqtt.service", "first_steps_listen"): ("manager", NOBODY, "plant"),
    ("mqtt.service", "first_steps_receive"): ("manager", NOBODY, ["plant/#"]),
    ("mqtt.service", "action_new_handler"): ("manager",),
    ("mqtt.service", "problem_count"): ("operator",),
    ("mqtt.service", "action_publish"): ("operator",),
    ("mqtt.service", "action_session_loss_seen"): ("operator",),
    ("mqtt.service", "action_open_messages"): ("user",),
    ("mqtt.service", "action_open_quarantine"): ("user",),
    ("mqtt.service", "action_open_oversized"): ("user",),
    ("mqtt.service", "action_open_suspended_handlers"): ("user",),
    ("mqtt.service", "action_open_paused"): ("user",),
    ("mqtt.service", "action_open_jobs"): ("user",),
    ("mqtt.service", "action_open_subscriptions"): ("user",),
    ("mqtt.subscription", "action_open_messages"): ("user",),
    ("mqtt.signal.history", "json"): ("user",),
    ("mqtt.signal.history", "action_open_jobs"): ("user",),
    ("mqtt.signal.history", "action_open_same_topic"): ("user",),
    ("mqtt.signal.history", "count_newer"): ("user", [], 0),
    ("mqtt.signal.history", "action_download_payload"): ("user",),
    ("mqtt.signal.history", "action_open_topic"): ("user",),
    ("mqtt.signal.history", "action_answer"): ("operator",),
    ("mqtt.signal.history", "action_replay"): ("operator",),
    ("mqtt.signal.history", "action_map"): ("manager",),
    ("mqtt.signal.history", "action_read_as_metric"): ("manager", "$"),
    ("mqtt.quarantine", "action_retry"): ("operator",),
    ("mqtt.paused.topic", "action_resume"): ("operator",),
    ("mqtt.handler", "action_open_dead_letters"): ("user",),
    ("mqtt.handler", "action_open_messages"): ("user",),
    ("mqtt.handler", "action_open_last_failed"): ("user",),
    ("mqtt.handler", "action_resume"): ("operator",),
    ("mqtt.handler", "action_try"): ("operator",),
    ("mqtt.handler", "action_open"): ("user",),
    ("mqtt.mapping", "action_open_dead_letters"): ("user",),
    ("mqtt.mapping", "action_open_handler"): ("user",),
    ("mqtt.mapping", "action_open_messages"): ("user",),
    ("mqtt.mapping", "action_resume"): ("operator",),
    ("mqtt.mapping", "action_try"): ("operator",),
    ("mqtt.replay", "action_start"): ("operator",),
    ("mqtt.replay", "action_cancel"): ("operator",),
    ("mqtt.failure", "action_open"): ("operator",),
    ("mqtt.failure", "action_requeue"): ("operator",),
    ("mqtt.failure", "action_cancel"): ("operator",),
    ("mqtt.failure", "action_correct"): ("operator",),
    ("mqtt.cancellation", "action_cancel_jobs"): ("operator",),
    ("mqtt.replacement", "action_process"): ("operator",),
    ("mqtt.correction", "action_process"): ("operator",),
    ("mqtt.handler.trial", "action_run"): ("operator",),
    ("mqtt.publish", "action_publish"): ("operator",),
    ("mqtt.device.rule", "action_open_devices"): ("user",),
    ("mqtt.device.rule", "action_fill"): ("operator",),
    ("mqtt.device", "action_accept"): ("manager",),
    ("mqtt.device", "action_open_readings"): ("user",),
    ("mqtt.device", "action_open_record"): ("user",),
    ("mqtt.device", "chart_data"): ("user", 0, "day"),
    ("mqtt.device", "last_messages"): ("user",),
    ("mqtt.device", "widget_data"): ("user",),
    ("mqtt.reading", "action_open_message"): ("user",),
    ("queue.job", "action_mqtt_requeue"): ("operator",),
    ("queue.job", "action_mqtt_cancel"): ("operator",),
    ("queue.job", "action_mqtt_correct"): ("operator",),
    ("queue.job", "action_mqtt_open_message"): ("operator",),
    ("queue.job", "related_action_mqtt_handler"): ("operator",),
    ("queue.job", "related_action_mqtt_messages"): ("operator",),
    ("queue.job", "related_action_mqtt_published"): ("operator",),
    ("queue.job", "related_action_mqtt_stored"): ("operator",),
    # queue_job's own, which store jobs as superuser
    ("queue.job", "requeue"): ("manager",),
    ("queue.job", "button_done"): ("manager",),
    ("queue.job", "button_cancelled"): ("manager",),
}


@tagged("post_install", "-at_install")
class TestAccess(AccessCase):
    def new_values(self):
        """What a manager can create for the service: values by model."""
        of_service = {"service_id": self.service.id}
        action = self.handler.action_server_id
        key = {"part": "key", "field_name": "subject", "source": "text"}
        return {
            "mqtt.service": {"name": "New", "company_id": self.service.company_id.id},
            "mqtt.subscription": {**of_service, "topic_filter": "new"},
            "mqtt.announcement": {**of_service, "kind": "stop", "topic": "new"},
            "mqtt.handler": {
                **of_service,
                "name": "New",
                "pattern": "new",
                "action_server_id": action.id,
            },
            "mqtt.mapping": {
                **of_service,
                "name": "New",
                "pattern": "new",
                "res_model": "mail.message",
                "key_ids": [Command.create(key)],
            },
            "mqtt.mapping.line": {**key, "mapping_id": self.mapping.id},
            "mqtt.replay": {**of_service, "topic_filter": "new"},
            "mqtt.device.rule": {
                **of_service,
                "name": "New",
                "pattern": "new/{device}",
            },
            "mqtt.metric": {
                "name": "New",
                "rule_id": self.records["mqtt.device.rule"].id,
            },
            "mqtt.device.tag": {
                "name": "New",
                "company_id": self.service.company_id.id,
            },
        }

    def dialog(self, model, env):
        """A record of a transient model, as its dialog makes it."""
        values = {
            "mqtt.cancellation": {"job_ids": self.job.ids, "reason": "Scrapped"},
            "mqtt.connection.test": {"service_id": self.service.id},
            "mqtt.connection.test.line": {
                "test_id": self.new_test(env).id,
                "step": "name",
            },
            "mqtt.correction": {"job_id": self.job.id, "payload": "x"},
            "mqtt.handler.trial": {
                "handler_id": self.handler.id,
                "service_id": self.service.id,
                "topic": "not/its/topic",
            },
            "mqtt.publish": {"service_id": self.service.id, "topic": "plant/1"},
            "mqtt.replacement": {"job_ids": self.job.ids, "search_text": "1"},
        }
        return env[model].create(values[model])

    def new_test(self, env):
        return env["mqtt.connection.test"].create({"service_id": self.service.id})

    def may_call(self, user, model, method, arguments, record=None):
        """Whether a user may call a method, whatever else keeps it from working."""
        env = self.env(user=user, context={"allowed_company_ids": user.company_ids.ids})
        with self.undone():
            try:
                if record is None:
                    record = self.dialog(model, env)
                self.env.flush_all()
                self.env.invalidate_all()  # as in a transaction of its own
                getattr(record.with_env(env), method)(*arguments)
            except AccessError:
                return False
            except UserError:
                return True
        return True

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
        names = {name for name in own.mapped("model") if not self.env[name]._abstract}
        self.assertEqual(names, set(MODELS))

    def test_methods(self):
        """Every method × role, cell by cell."""
        for (model, method), (least, *arguments) in METHODS.items():
            # A dialog is of who opened it: those who cannot get the superuser's.
            opened = self.records.get(model)
            for role, user in self.users.items():
                record = opened
                if record is None and role not in WHO[least]:
                    record = self.dialog(model, self.env)
                with self.subTest(model=model, method=method, role=role):
                    may = self.may_call(user, model, method, arguments, record)
                    self.assertEqual(may, role in WHO[least])

    def test_every_method_is_in_the_table(self):
        """No method of the addon that a client can call is without an entry."""
        self.assertLessEqual(public_methods(self.env), set(METHODS))

    def test_dialogs_are_of_who_opened_them(self):
        """Another operator neither sees nor runs them."""
        for model in MODELS:
            if not self.env[model]._transient:
                continue
            with self.undone():
                dialog = self.dialog(model, self.env)
                own = dialog.with_user(self.users["operator"])
                for operation in ("read", "write", "unlink"):
                    with self.subTest(model=model, operation=operation):
                        self.assertFalse(own.has_access(operation))
        for model, method in METHODS:
            if not self.env[model]._transient:
                continue
            with self.subTest(model=model, method=method):
                dialog = self.dialog(model, self.env)
                user = self.users["manager"]
                self.assertFalse(self.may_call(user, model, method, [], dialog))

    def test_no_jobs_of_others(self):
        """An operator reads the jobs of MQTT only, and changes none."""
        other = self.env["res.partner"].with_delay()._compute_display_name().db_record()
        own = (self.job + other).with_user(self.users["operator"])
        self.assertTrue(own[0].has_access("read"))
        self.assertFalse(own[1].has_access("read"))
        self.assertFalse(own[0].has_access("write"))

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
        """All rights in another company are nothing on the records of this one."""
        context = {"allowed_company_ids": self.elsewhere.company_ids.ids}
        env = self.env(user=self.elsewhere, context=context)
        for model in MODELS:
            if self.env[model]._transient:
                continue
            record = self.records[model].with_env(env)
            self.assertTrue(record.sudo().exists(), model)
            self.assertNotIn(record, env[model].search([]), model)
            for operation in ("read", "write", "unlink"):
                with self.subTest(model=model, operation=operation):
                    self.assertFalse(record.has_access(operation))
        for (model, method), (_least, *arguments) in METHODS.items():
            if (record := self.records.get(model)) is None:
                record = self.dialog(model, self.env)
            with self.subTest(model=model, method=method):
                self.assertFalse(
                    self.may_call(self.elsewhere, model, method, arguments, record)
                )

    def may(self, user, method, record, values):
        """Whether a user may create or write, in the companies of their own."""
        env = self.env(user=user, context={"allowed_company_ids": user.company_ids.ids})
        with self.undone():
            try:
                getattr(record.with_env(env), method)(values)
                self.env.flush_all()
            except AccessError:
                return False
        return True

    def test_nothing_new_for_another_company(self):
        """Who may create anything there adds nothing to this one, and moves nothing."""
        manager = self.users["manager"]
        for user in (manager, self.elsewhere):  # who write server actions
            user.group_ids |= self.env.ref("base.group_system")
        theirs = self.service.copy({"company_id": self.elsewhere.company_id.id})
        new_values = self.new_values()
        for model, allowed in MODELS.items():
            if self.env[model]._transient:
                continue
            values = new_values.get(model, {})
            may_create = "c" in allowed.get("manager", "")
            self.assertEqual(bool(values), may_create, model)
            new = self.env[model]
            with self.subTest(model=model, operation="create"):
                self.assertEqual(self.may(manager, "create", new, values), may_create)
                self.assertFalse(self.may(self.elsewhere, "create", new, values))
            if "service_id" not in values:
                continue
            record = new.create({**values, "service_id": theirs.id})
            with self.subTest(model=model, operation="move"):
                move = {"service_id": self.service.id}
                self.assertFalse(self.may(self.elsewhere, "write", record, move))

    def test_a_dialog_for_another_company(self):
        """Opened there, it does not reach into this one."""
        for model, method in METHODS:
            if not self.env[model]._transient:
                continue
            with self.subTest(model=model, method=method):
                self.assertFalse(self.may_call(self.elsewhere, model, method, []))

    def test_a_service_of_all_companies(self):
        """Is there for each of them."""
        self.service.company_id = False
        context = {"allowed_company_ids": self.elsewhere.company_ids.ids}
        env = self.env(user=self.elsewhere, context=context)
        for model in ("mqtt.service", "mqtt.subscription", "mqtt.signal.history"):
            self.assertTrue(self.records[model].with_env(env).has_access("read"))

    def test_every_stored_model_has_a_company_rule(self):
        """It is for all groups, so that no group adds to what it lets through."""
        for model in MODELS:
            if self.env[model]._transient:
                continue
            rules = self.env["ir.rule"].search([("model_id.model", "=", model)])
            with self.subTest(model=model):
                domains = rules.filtered("global").mapped("domain_force")
                self.assertIn("company_ids", str(domains))

    def test_a_row_is_no_method(self):
        """Nobody makes a row of handlers stand for a method, or for another one."""
        manager = self.users["manager"]
        manager.group_ids |= self.env.ref("base.group_system")
        handler = self.handler.with_user(manager)
        for values in (
            {"kind": "code"},
            {"model_name": "res.users", "method_name": "unlink"},
        ):
            with self.subTest(values=values):
                with self.assertRaises(UserError):
                    handler.write(values)
                with self.assertRaises(UserError):
                    handler.create(
                        {
                            "name": "X",
                            "pattern": "x",
                            "action_server_id": self.handler.action_server_id.id,
                            **values,
                        }
                    )

    def test_what_a_refused_row_says(self):
        """PostgreSQL logs a whole row that it refuses: it is not asked."""
        self.service.password = "s3cret"
        with self.assertRaises(ValidationError), self.assertNoLogs("odoo.sql_db"):
            self.service.name = False
            self.env.flush_all()
