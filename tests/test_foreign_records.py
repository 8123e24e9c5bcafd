# Copyright 2026 mqtt_listener contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""Jobs, attachments and models of other addons behave as without this one."""

from unittest.mock import patch

from odoo.exceptions import AccessError
from odoo.tests import new_test_user, tagged
from odoo.tools import mute_logger

from odoo.addons.queue_job.job import Job

from .common import MqttCase


@tagged("post_install", "-at_install")
class TestForeignRecords(MqttCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.group = cls.env["res.groups"].create({"name": "Reads jobs"})
        cls.env["ir.model.access"].create(
            {
                "name": "Jobs are read",
                "model_id": cls.env["ir.model"]._get_id("queue.job"),
                "group_id": cls.group.id,
                "perm_read": True,
            }
        )
        cls.reader = new_test_user(cls.env, "job_reader", groups="base.group_user")
        cls.reader.group_ids += cls.group
        cls.operator = new_test_user(
            cls.env, "job_operator", groups="mqtt_listener.group_operator"
        )
        cls.both = new_test_user(
            cls.env, "job_both", groups="mqtt_listener.group_operator"
        )
        cls.both.group_ids += cls.group
        cls.manager = new_test_user(
            cls.env, "job_manager", groups="queue_job.group_queue_job_manager"
        )

    def job(self, **values):
        """A job: another addon's, unless ``mqtt_service_id`` is given."""
        job = Job(self.env["res.partner"].browse(1).read)
        vals = {**job._store_values(create=True), "state": "failed", **values}
        return self.env["queue.job"]._mqtt_create([vals])

    def own_job(self, **values):
        return self.job(mqtt_service_id=self.service.id, **values)

    # Rights

    def test_who_sees_jobs(self):
        foreign, own = self.job(), self.own_job()
        jobs = [("id", "in", (foreign + own).ids)]
        for user, seen in (
            (self.reader, foreign + own),
            (self.operator, own),
            (self.both, foreign + own),
            (self.manager, foreign + own),
        ):
            with self.subTest(user=user.login):
                found = self.env["queue.job"].with_user(user).search(jobs)
                self.assertEqual(found.sudo().sorted("id"), seen.sorted("id"))

    def test_rules_of_other_groups_hold(self):
        """Beside them operators see the jobs of MQTT."""
        self.env["ir.rule"].create(
            {
                "name": "Priority jobs",
                "model_id": self.env["ir.model"]._get_id("queue.job"),
                "domain_force": "[('priority', '=', 1)]",
                "groups": self.group.ids,
            }
        )
        foreign, first, own = self.job(), self.job(priority=1), self.own_job()
        jobs = [("id", "in", (foreign + first + own).ids)]
        for user, seen in (
            (self.reader, first),
            (self.both, first + own),
            (self.operator, own),
        ):
            with self.subTest(user=user.login):
                found = self.env["queue.job"].with_user(user).search(jobs)
                self.assertEqual(found.sudo().sorted("id"), seen.sorted("id"))

    def test_who_changes_the_state_of_jobs(self):
        """queue_job itself asks for no right to write."""
        foreign, own = self.job(), self.own_job()
        foreign.with_user(self.reader).requeue()
        self.assertEqual(foreign.state, "pending")
        for user in (self.reader, self.operator):
            with self.subTest(user=user.login), self.assertRaises(AccessError):
                own.with_user(user).requeue()
        own.with_user(self.manager).requeue()
        self.assertEqual(own.state, "pending")
        foreign = self.job().with_user(self.operator)
        self.env.invalidate_all()
        with self.assertRaises(AccessError):
            foreign.requeue()

    # Values

    def test_what_is_written_to_jobs(self):
        """Their texts are stored as they are, also together with those of MQTT."""
        text = "line one\nline two " + "x" * 5_000
        foreign, own = self.job(), self.own_job()
        foreign.write({"result": text})
        self.assertEqual(foreign.result, text)
        (foreign + own).write({"exc_message": text})
        self.assertEqual(foreign.exc_message, text)
        self.assertNotIn("\n", own.exc_message)
        foreign = self.job(result=text)
        self.assertEqual(foreign.result, text)

    def test_a_job_that_is_done_can_fail(self):
        foreign, own = self.job(state="done"), self.own_job(state="done")
        (foreign + own).write({"state": "failed"})
        self.assertEqual((foreign.state, own.state), ("failed", "done"))

    def test_only_jobs_of_mqtt_have_to_be_told_of(self):
        foreign, own = self.job(mqtt_told=True), self.own_job(mqtt_told=True)
        (foreign + own).write({"state": "pending"})
        self.assertEqual((foreign.mqtt_told, own.mqtt_told), (True, False))

    def test_fields_of_other_addons_on_jobs(self):
        """They may be called as those of this one: it is for the ORM to know them."""
        job = self.job().with_user(self.manager)
        with self.assertRaisesRegex(ValueError, "Invalid field 'mqtt_elsewhere'"):
            job.write({"mqtt_elsewhere": 1})
        with self.assertRaises(AccessError):
            job.write({"mqtt_handler_id": False})

    def test_deleting_jobs(self):
        foreign = self.job()
        with patch.object(type(foreign), "_mqtt_give_up", autospec=True) as give_up:
            foreign.unlink()
        self.assertFalse(give_up.call_args.args[0])
        self.assertFalse(foreign.exists())

    @mute_logger("odoo.addons.queue_job")
    def test_failures_are_posted(self):
        foreign = self.job()
        before = foreign.message_ids
        foreign._message_post_on_failure()
        self.assertTrue(foreign.message_ids - before)

    # Attachments

    def test_attachments(self):
        """Only payloads of MQTT messages stay as they came."""
        attachments = self.env["ir.attachment"]
        admin = new_test_user(
            self.env,
            "attaching",
            groups="mqtt_listener.group_manager,base.group_system",
        )
        service = {"res_model": "mqtt.service", "res_id": self.service.id}
        for values in (
            {},
            {"res_model": "res.partner", "res_id": 1},
            service,
            {"res_model": "res.partner", "res_id": 1, "res_field": "history_ids"},
        ):
            with self.subTest(**values):
                one = attachments.create({"name": "x", "raw": b"x", **values})
                one = one.with_user(admin).sudo(False)
                one.write({"name": "y"})
                one.unlink()
        payload = attachments.create(
            {"name": "x", "raw": b"x", "res_field": "history_ids", **service}
        ).with_user(admin)
        for change in (lambda: payload.write({"name": "y"}), payload.unlink):
            with self.assertRaises(AccessError):
                change()

    # Models

    def test_models_of_other_addons_are_not_judged(self):
        """Whatever they are called."""
        model = type(self.env["mqtt.subscription"])
        nul = {"topic_filter": "a\0b"}
        checks = []
        with (
            patch.object(model, "_original_module", "mqtt_elsewhere"),
            patch.object(model, "_check_storable", checks.append),
        ):
            self.subscription.write({"topic_filter": "elsewhere"})
        self.assertFalse(checks)
        with patch.object(model, "_check_storable", lambda *args: checks.append(args)):
            self.subscription.write(dict(nul, topic_filter="here"))
        self.assertTrue(checks)

    def test_schedules_of_other_kinds(self):
        cron = self.env["ir.cron"].new({"state": "object_write"})
        self.assertEqual(cron.allowed_states, ["object_write", "code", "mqtt_publish"])
        cron = self.env["ir.cron"].new({"state": "code"})
        self.assertEqual(cron.allowed_states, ["code", "mqtt_publish"])

    def test_actions_that_run_for_no_message(self):
        action = self.env["ir.actions.server"].create(
            {
                "name": "Elsewhere",
                "model_id": self.env["ir.model"]._get_id("res.partner"),
                "state": "code",
                "code": "action = {'names': [n for n in ('message', 'mqtt_message')"
                " if n in locals()]}",
            }
        )
        names = action._get_eval_context(action)
        for name in ("message", "payload", "topic", "params", "mqtt_message"):
            self.assertNotIn(name, names)
