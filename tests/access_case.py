# Copyright 2026 mqtt_listener contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""A record of each model of the addon, and a user of each role."""

from contextlib import contextmanager

from odoo.fields import Command
from odoo.tests import new_test_user

from .common import MqttCase

ROLES = {
    "nobody": "base.group_user",
    "user": "mqtt_listener.group_user",
    "operator": "mqtt_listener.group_operator",
    "manager": "mqtt_listener.group_manager",
    "portal": "base.group_portal",
    "public": "base.group_public",
}


class AccessCase(MqttCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.users = {
            role: new_test_user(cls.env, f"mqtt_{role}", groups=group)
            for role, group in ROLES.items()
        }
        other = cls.env["res.company"].create({"name": "Other"})
        cls.elsewhere = new_test_user(
            cls.env,
            "mqtt_manager_elsewhere",
            groups="mqtt_listener.group_manager",
            company_id=other.id,
            company_ids=[Command.set(other.ids)],
        )
        cls.service.write(
            # nobody answers there
            {"company_id": cls.env.company.id, "host": "127.0.0.1", "port": 1}
        )
        action = cls.env["ir.actions.server"].create(
            {
                "name": "Refuse",
                "model_id": cls.env.ref("mqtt_listener.model_mqtt_signal_history").id,
                "state": "code",
                "code": "raise UserError('no')",
            }
        )
        cls.handler = cls.env["mqtt.handler"].create(
            {
                "name": "Refuse",
                "pattern": "plant/1",
                "service_id": cls.service.id,
                "action_server_id": action.id,
            }
        )

        cls.mapping = cls.env["mqtt.mapping"].create(
            {
                "name": "Subject",
                "pattern": "plant/3",
                "service_id": cls.service.id,
                "res_model": "mail.message",
                "user_id": cls.users["manager"].id,
                "key_ids": [
                    Command.create(
                        {"part": "key", "field_name": "subject", "source": "text"}
                    )
                ],
            }
        )

    def setUp(self):
        super().setUp()
        self.history = self.mqtt_receive("plant/1", {"number": 1})
        self.job = self.history.job_ids
        self.service.status = "start"
        records = (
            self.service,
            self.subscription,
            self.handler,
            self.mapping,
            self.mapping.key_ids,
            self.history,
            self.job,
            *self.rows(),
        )
        self.records = {record._name: record for record in records}
        self.env.flush_all()

    def rows(self):
        """One of each other stored model."""
        yield from self.device_rows()
        env, of_service = self.env, {"service_id": self.service.id}
        of_message = {**of_service, "message_id": self.history.id}
        env["mqtt.quarantine"]._put(self.service, [(9, self.message(), "Refused")])
        sent = self.service.mqtt_publish("plant/1", "x")
        request = self.service.mqtt_request("plant/1", "x")
        replay = {"selected_ids": self.history.ids, "topic_filter": False}
        batch = {"last_sequence": 9, "message_count": 1, "content": b"x"}
        receipt = {"last_sequence": 9, "content": b"x"}
        self.job.state = "failed"
        yield env["mqtt.failure"].search([("example_id", "=", self.job.id)])
        env["mqtt.topic"]._note_some(self.service.id)
        yield env["mqtt.topic"].search([("service_id", "=", self.service.id)])
        yield env["mqtt.live"].search([("service_id", "=", self.service.id)])
        yield self.service.connection_ids
        yield self.subscription.grant_ids
        yield env["mqtt.quarantine"].search([("service_id", "=", self.service.id)])
        yield env["mqtt.outbox"].search([("message_id", "=", sent.id)])
        yield request
        yield env["mqtt.replay"].create(replay)
        yield env["mqtt.announcement"].create(
            {**of_service, "kind": "birth", "topic": "odoo/status"}
        )
        yield env["mqtt.paused.topic"].create(
            {**of_service, "topic": "plant/9", "paused_since": "2026-01-01 00:00:00"}
        )
        env["mqtt.mapping.key"]._claim(self.mapping, {"x"})
        yield env["mqtt.mapping.key"].search([])
        yield env["mqtt.batch"].create({**of_service, **batch})
        yield env["mqtt.receipt"].create({**of_service, **receipt})
        yield env["mqtt.handler.statistics"].create(
            {**of_service, "handler_id": self.handler.id}
        )
        env["mqtt.dispatch"]._put(self.service, self.handler, [1], "root", 10)
        yield env["mqtt.dispatch"].search([("service_id", "=", self.service.id)])
        yield env["mqtt.ordered.message"].create(
            {**of_message, "handler_id": self.handler.id, "sequence": 1}
        )

    def device_rows(self):
        """One of each model of devices: a machine that sends its temperature."""
        env = self.env
        rule = env["mqtt.device.rule"].create(
            {
                "name": "Machines",
                "pattern": "plant/{device}/telemetry",
                "service_id": self.service.id,
                "metric_ids": [(0, 0, {"name": "Temperature", "path": "$.t"})],
            }
        )
        self.mqtt_receive("plant/1/telemetry", {"t": 20})
        env.cr.execute("UPDATE mqtt_rollup_due SET hour = hour - interval '1 day'")
        env.cr.execute("UPDATE mqtt_reading_all SET time = time - interval '1 day'")
        env["mqtt.rollup"]._roll_up()
        yield rule
        yield rule.metric_ids
        yield rule.device_ids
        yield rule.device_ids.value_ids
        yield env["mqtt.reading"].search([("device_id", "in", rule.device_ids.ids)])
        yield env["mqtt.rollup"].search([("device_id", "in", rule.device_ids.ids)])
        yield env["mqtt.device.tag"].create(
            {"name": "Press", "company_id": self.service.company_id.id}
        )

    @contextmanager
    def undone(self):
        """What is done in it is not."""
        savepoint = self.env.cr.savepoint()
        try:
            yield
        finally:
            self.env.invalidate_all(flush=False)
            savepoint.close(rollback=True)
            self.env.registry.clear_cache()
