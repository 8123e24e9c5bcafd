# Copyright 2026 mqtt_listener contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
import psycopg2

from odoo.exceptions import UserError
from odoo.tests import Form, new_test_user, tagged
from odoo.tools import mute_logger

from .common import MqttCase

CRON_LOGGER = "odoo.addons.base.models.ir_cron"


class PublishActionCase(MqttCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.service.host = "127.0.0.1"
        cls.partners = cls.env["res.partner"].create(
            [{"name": "b"}, {"name": "c"}, {"name": 'a "b"'}]
        )

    def values(self, **values):
        return {
            "name": "Tell the press",
            "model_id": self.env.ref("base.model_res_partner").id,
            "state": "mqtt_publish",
            "mqtt_service_id": self.service.id,
            "mqtt_topic": "partner/{{ record.id }}",
            "mqtt_payload": '{"name": {{ to_json(record.name) }}, "n": {{ 0 }}}',
            **values,
        }

    def action(self, **values):
        return self.env["ir.actions.server"].create(self.values(**values))

    def run_on(self, records, action, **context):
        action.with_context(
            active_model=records._name,
            active_ids=records.ids,
            active_id=records[:1].id,
            **context,
        ).run()

    def sent(self):
        return self.env["mqtt.signal.history"].search(
            [("direction", "=", "send")], order="id"
        )


@tagged("post_install", "-at_install")
class TestPublishAction(PublishActionCase):
    """What the server action publishes, whoever and whatever sets it off."""

    def test_each_record(self):
        """In the order they were given, in one job; the user is no MQTT user."""
        action = self.action(mqtt_qos="2", mqtt_retain=True)
        user = new_test_user(
            self.env,
            "publish_by_action",
            groups="base.group_user,base.group_partner_manager",
        )
        partners = self.partners[::-1]
        self.run_on(partners, action.with_user(user))
        messages = self.sent()
        self.assertEqual(
            messages.mapped("topic"), [f"partner/{partner.id}" for partner in partners]
        )
        self.assertEqual(messages[0].payload, '{"name": "a \\"b\\"", "n": 0}')
        self.assertEqual((messages[0].qos, messages[0].retain), (2, True))
        self.env.cr.precommit.run()
        jobs = self.env["queue.job"].search([("method_name", "=", "_job_publish")])
        self.assertEqual(len(jobs), 1)

    def test_an_automation_rule(self):
        """Odoo runs the action once for each record that a rule is about."""
        action = self.action()
        for partner in self.partners:
            self.run_on(partner, action.sudo(), domain_post=[("id", "!=", 0)])
        topics = [f"partner/{partner.id}" for partner in self.partners]
        self.assertEqual(self.sent().mapped("topic"), topics)

    def test_records_of_another_model_are_none_of_its_own(self):
        action = self.action(mqtt_topic="t", mqtt_payload="{{ record or 'none' }}")
        self.run_on(self.env.user, action)
        self.assertEqual(self.sent().mapped("payload"), ["none"])

    def test_an_action_that_cannot_work(self):
        """It names the expression, and the preview shows the same."""
        partner = self.partners[0]
        for values, words in (
            ({"mqtt_topic": "a/{{ record.nothing }}"}, "record.nothing"),
            ({"mqtt_topic": "a/#"}, "topic filters"),
            ({"mqtt_payload": "{{ (1).__class__ }}"}, "__class__"),
        ):
            action = self.action(**values)
            with self.subTest(values), self.assertRaisesRegex(UserError, words):
                self.run_on(partner, action)
        action.mqtt_preview_ref = partner
        with self.enter_registry_test_mode():
            self.assertIn("__class__", action.mqtt_preview)

    def test_what_another_try_helps_against_is_not_hidden(self):
        """Odoo runs the transaction again, as for any other action."""
        conflict = "DO 'BEGIN RAISE serialization_failure; END'"
        action = self.action(mqtt_topic=f'{{{{ env.cr.execute("{conflict}") }}}}')
        with (
            mute_logger("odoo.sql_db"),
            self.assertRaises(psycopg2.errors.SerializationFailure),
        ):
            self.run_on(self.partners, action)


@tagged("post_install", "-at_install")
class TestPublishOnSchedule(PublishActionCase):
    def cron(self, **values):
        return self.env["ir.cron"].create(
            self.values(
                mqtt_topic="partners/count",
                mqtt_payload="{{ model.search_count([('name', '=', 'c')]) }}",
                **values,
            )
        )

    def trigger(self, cron):
        with self.enter_registry_test_mode():
            cron.method_direct_trigger()

    def test_it_publishes_once(self):
        self.trigger(self.cron(mqtt_qos="2"))
        message = self.sent()
        self.assertEqual(
            (message.topic, message.payload, message.qos), ("partners/count", "1", 2)
        )

    def test_a_record_that_it_has_not(self):
        """The expression that needs one is named, and the reason is."""
        cron = self.cron()
        cron.mqtt_topic = "partner/{{ record.id }}"
        with self.assertLogs(CRON_LOGGER, "ERROR") as logs:
            self.trigger(cron)
        self.assertRegex("".join(logs.output), "record.id without a record")
        self.assertFalse(self.sent())

    def test_its_form(self):
        """The kind can be chosen there; the preview is on no record."""
        with (
            self.enter_registry_test_mode(),
            Form(self.env["ir.cron"], "base.ir_cron_view_form") as form,
        ):
            self.assertEqual(form.state, "code")
            self.assertEqual(form.allowed_states, ["code", "mqtt_publish"])
            form.name = "Count"
            form.model_id = self.env.ref("base.model_res_partner")
            form.state = "mqtt_publish"
            form.mqtt_service_id = self.service
            form.mqtt_topic = "partners/{{ record.id }}"
            self.assertIn("without a record", form.mqtt_preview)
            form.mqtt_topic = "partners/{{ model._name }}"
            self.assertEqual(form.mqtt_preview, "partners/res.partner\n")
            form.model_id = self.env["ir.model"]
            self.assertFalse(form.mqtt_preview)
            form.model_id = self.env.ref("base.model_res_partner")
            with self.assertRaises(AssertionError):
                form.mqtt_preview_ref = self.partners[0]
        cron = form.record
        with self.enter_registry_test_mode(), Form(cron) as form:
            self.assertEqual(form.mqtt_preview, "partners/res.partner\n")
            form.mqtt_payload = "{{ 1 + 1 }}"
            self.assertEqual(form.mqtt_preview, "partners/res.partner\n2")
        self.trigger(cron)
        self.assertEqual(self.sent().payload, "2")

    def test_it_goes_with_the_addon(self):
        """Odoo lets no action go that a schedule needs."""
        cron = self.cron(active=False)
        action = cron.ir_actions_server_id
        self.env["ir.model.fields.selection"].search(
            [
                ("field_id.model", "=", "ir.actions.server"),
                ("value", "=", "mqtt_publish"),
            ]
        )._process_ondelete()
        self.assertFalse(cron.exists())
        self.assertFalse(action.exists())


@tagged("post_install", "-at_install")
class TestPublishActionService(PublishActionCase):
    """Whose broker an action publishes through."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.env["mqtt.service"].search([("id", "!=", cls.service.id)]).active = False
        cls.other_company = cls.env["res.company"].create({"name": "Other"})
        cls.other_user = new_test_user(
            cls.env,
            "publish_elsewhere",
            groups="base.group_user,base.group_partner_manager",
            company_id=cls.other_company.id,
            company_ids=[(6, 0, cls.other_company.ids)],
        )

    def test_none_of_another_company_is_taken(self):
        """The oldest of the company's own and of those that are everybody's."""
        action = self.action(mqtt_service_id=False).with_user(self.other_user)
        partner = self.partners[0]
        with self.assertRaisesRegex(UserError, "Tell the press.*Other.*choose"):
            self.run_on(partner, action)
        own = self.service.copy(
            {"name": "Own", "company_id": self.other_company.id, "host": "127.0.0.1"}
        )
        own.active = True
        self.run_on(partner, action)
        self.assertEqual(self.sent().service_id, own)
        self.service.company_id = False
        self.run_on(partner, action)
        self.assertEqual(self.sent()[-1].service_id, self.service)

    def test_the_one_it_names_is_taken_for_everybody(self):
        action = self.action().with_user(self.other_user)
        self.run_on(self.partners[0], action)
        self.assertEqual(self.sent().service_id, self.service)


@tagged("post_install", "-at_install")
class TestPublishPreview(PublishActionCase):
    """Looking at an action changes nothing."""

    def preview(self, **values):
        action = self.action(**values)
        action.mqtt_preview_ref = self.partners[-1]
        self.env.cr.flush()
        with self.enter_registry_test_mode():
            preview = action.mqtt_preview
        self.assertFalse(self.env.cr.precommit, "something waits for the commit")
        return preview

    def test_it_shows_topic_and_payload(self):
        self.assertEqual(
            self.preview(),
            f'partner/{self.partners[-1].id}\n{{"name": "a \\"b\\"", "n": 0}}',
        )

    def test_what_is_typed_stays(self):
        action = self.action(mqtt_topic="{{ env['res.partner'].create({'name': 1}) }}")
        with self.enter_registry_test_mode(), Form(action) as form:
            form.mqtt_preview_ref = f"res.partner,{self.partners[1].id}"
            self.assertIn("changes data", form.mqtt_preview)
            form.mqtt_payload = "x"
            form.mqtt_topic = "{{ record.name }}"
            self.assertEqual(form.mqtt_preview, "c\nx")
        self.assertEqual(
            (action.mqtt_topic, action.mqtt_payload), (form.mqtt_topic, "x")
        )

    def test_nothing_is_changed(self):
        """Neither rows, nor sequences, nor what waits for the commit, nor the log."""
        sequences = self.env["ir.sequence"].create(
            [
                {"name": kind, "code": kind, "implementation": kind}
                for kind in ("standard", "no_gap")
            ]
        )
        record = self.partners[-1]
        for expression in (
            "env['ir.sequence'].next_by_code('standard')",
            "env['ir.sequence'].next_by_code('no_gap')",
            "record.write({'name': 'changed'})",
            "record.unlink()",
            "env['mqtt.service'].mqtt_publish('t', 'x')",
            "env['bus.bus']._sendone('channel', 'kind', {})",
            "log('seen')",
        ):
            with self.subTest(expression):
                self.assertTrue(self.preview(mqtt_topic=f"{{{{ {expression} }}}}"))
        self.assertEqual(sequences.mapped("number_next_actual"), [1, 1])
        self.assertEqual(record.exists().name, 'a "b"')
        self.assertFalse(self.sent())
        self.assertFalse(self.env["ir.logging"].search([("message", "=", "seen")]))

    def test_an_error_of_sql(self):
        """It is shown, and the transaction that looked goes on."""
        preview = self.preview(mqtt_topic="{{ env.cr.execute('SELECT nothing') }}")
        self.assertIn("SELECT nothing", preview)
        self.assertTrue(self.env["res.partner"].search_count([]))
