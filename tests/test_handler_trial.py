# Copyright 2026 mqtt_listener contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
import re
from unittest.mock import patch

from odoo import SUPERUSER_ID
from odoo.exceptions import AccessError, UserError
from odoo.tests import Form, mute_logger, new_test_user, tagged

from .test_handler import HandlerCase


class TrialCase(HandlerCase):
    def setUp(self):
        super().setUp()
        self.operator = new_test_user(
            self.env,
            "mqtt_operator",
            groups="mqtt_listener.group_operator,base.group_partner_manager",
        )

    def trial(self, handler, topic="plant/1", payload="x", **values):
        trial = self.env["mqtt.handler.trial"].with_user(self.operator)
        return trial.create(
            {
                "handler_id": handler.id,
                "service_id": self.service.id,
                "topic": topic,
                "payload": payload,
                **values,
            }
        )

    def run_trial(self, handler, *arguments, **values):
        trial = self.trial(handler, *arguments, **values)
        with self.enter_registry_test_mode():
            action = trial.action_run()
        self.assertEqual(action["res_id"], trial.id)
        return trial

    def assert_changed(self, trial, before, after):
        cells = re.findall("<td[^>]*>(.*?)</td>", trial.changes)
        self.assertIn(
            (before, "→", after), zip(cells, cells[1:], cells[2:], strict=False)
        )


@tagged("post_install", "-at_install")
class TestHandlerTrial(TrialCase):
    def test_changes_are_shown_and_none_is_kept(self):
        changed = self.partner("plant/1")
        changed.street = "Old street"
        deleted = self.partner("plant/2")
        tag = self.env["res.partner.category"].create({"name": "Machine"})
        count = self.env["res.partner"].search_count([])

        def on_message(self, message):
            partner = self.search([("ref", "=", message.topic)])
            partner.write({"street": "New street", "category_id": [(4, tag.id)]})
            self.create({"name": "Newcomer", "comment": message.payload})
            self.search([("ref", "=", "plant/2")]).unlink()

        trial = self.run_trial(self.declare("plant/1", on_message))
        self.assertEqual(trial.state, "done", trial.error)
        for text in ("Old street", "New street", "Machine", "Newcomer", "plant/2"):
            self.assertIn(text, trial.changes)
        self.assertEqual(
            [word for word in trial.changes.split("<") if "badge" in word],
            [
                f'span class="badge text-bg-{color}">{word}'
                for color, word in (
                    ("success", "Created"),
                    ("info", "Changed"),
                    ("danger", "Deleted"),
                )
            ],
        )
        self.assertEqual(
            trial.summary, "It would have changed 3 records. Nothing was kept."
        )
        self.assertGreater(trial.duration, 0)
        self.assertEqual(changed.street, "Old street")
        self.assertFalse(changed.category_id)
        self.assertTrue(deleted.exists())
        self.assertEqual(self.env["res.partner"].search_count([]), count)
        self.assertFalse(
            self.env["mqtt.signal.history"].search(
                [("service_id", "=", self.service.id)]
            )
        )

    def test_what_amounts_to_nothing_is_no_change(self):
        partner = self.partner("plant/1")

        def on_message(self, message):
            found = self.search([("ref", "=", message.topic)])
            found.street = "Elsewhere"
            self.env.flush_all()
            found.street = False
            self.create({"name": "Short-lived"}).unlink()

        trial = self.run_trial(self.declare("plant/1", on_message))
        self.assertEqual(
            (trial.state, trial.summary),
            ("done", "It ran, and would have changed nothing."),
        )
        self.assertFalse(trial.changes)
        self.assertFalse(partner.street)

    def test_hooks_and_caches_go_too(self):
        committed = []

        def on_message(self, message):
            self.env.cr.postcommit.add(lambda: committed.append(1))
            parameters = self.env["ir.config_parameter"].sudo()
            parameters.set_param("mqtt_trial_test", "tried")
            assert parameters.get_param("mqtt_trial_test") == "tried"

        trial = self.run_trial(self.declare("plant/1", on_message))
        self.assertEqual(trial.state, "done", trial.error)
        parameters = self.env["ir.config_parameter"]
        self.assertFalse(parameters.get_param("mqtt_trial_test"))
        self.env.cr.postcommit.run()
        self.assertFalse(committed)

    def test_many_changes_are_cut(self):
        def on_message(self, message):
            self.create([{"name": f"P {n}", "street": "s" * 999} for n in range(150)])

        trial = self.run_trial(self.declare("plant/1", on_message))
        self.assertEqual(trial.changes.count("text-bg-success"), 100)
        self.assertNotIn("s" * 201, trial.changes)
        self.assertIn("… and 50 more", trial.changes)

    def test_what_is_raised_is_shown(self):
        def on_message(self, message):
            self.create({"name": "Newcomer"})
            raise ValueError("no such machine")

        trial = self.run_trial(self.declare("plant/1", on_message))
        self.assertEqual(trial.state, "failed")
        self.assertIn("ValueError: no such machine (", trial.error)
        self.assertIn("test_handler_trial.py", trial.trace)
        self.assertNotIn("guard.py", trial.trace)
        self.assertFalse(trial.changes)

    def test_an_error_of_the_database_is_shown(self):
        def on_message(self, message):
            self.env.cr.execute("SELECT 1 FROM there_is_none")

        with mute_logger("odoo.sql_db"):
            trial = self.run_trial(self.declare("plant/1", on_message))
        self.assertEqual(trial.state, "failed")
        self.assertIn("UndefinedTable", trial.error)

    def test_what_breaks_a_rule_is_told_in_its_words(self):
        def commits(self, message):
            self.env.cr.commit()  # pylint: disable=invalid-commit

        def deletes(self, message):
            message.unlink()

        for function, text in (
            (commits, "A handler may not commit"),
            (deletes, "It deleted its message"),
        ):
            trial = self.run_trial(self.declare("plant/1", function))
            self.assertIn(text, trial.error)
            self.assertFalse(trial.trace)

    def test_a_statement_that_never_returns_is_canceled(self):
        def loops(self, message):
            self.env.cr.execute("SELECT pg_sleep(60)")

        self.limit(own_call_seconds=0.2)
        with mute_logger("odoo.sql_db", "odoo.addons.mqtt_listener.jobs.watchdog"):
            trial = self.run_trial(self.declare("plant/1", loops))
        self.assertIn("did not return within 0.2 seconds", trial.error)

    def test_it_runs_as_in_a_job(self):
        """As its own user, with the named levels, for one message of a batch too."""
        seen = []

        def on_message(self, message, line):
            seen.append((self.env.uid, self.env.su, message.topic, line))

        self.run_trial(self.declare("plant/{line}", on_message), "plant/A")
        self.service.user_id = new_test_user(self.env, "mqtt_runner")

        def on_batch(self, messages, line):
            seen.append((self.env.uid, self.env.su, messages.mapped("topic"), line))

        handler = self.declare("plant/{line}", on_batch, name="_on_all", batch=True)
        self.run_trial(handler, "plant/A")
        self.assertEqual(
            seen,
            [
                (SUPERUSER_ID, True, "plant/A", "A"),
                (self.service.user_id.id, False, ["plant/A"], ["A"]),
            ],
        )

    def test_a_server_action_is_tried(self):
        self.partner("4711")
        action = self.action("record.write({'comment': mqtt_json['state']})")
        handler = self.env["mqtt.handler"].create(
            {
                "name": "State",
                "pattern": "plant/{ref}",
                "action_server_id": action.id,
                "record_domain": "[('ref', '=', params['ref'])]",
            }
        )
        trial = self.run_trial(handler, "plant/4711", '{"state": "on"}')
        self.assertEqual(trial.state, "done", trial.error)
        self.assert_changed(trial, "–", "on")

    def test_a_message_that_came_stays_as_it_was(self):
        seen = []

        def on_message(self, message):
            seen.append((message.id, message.payload_bytes))
            message.topic = "plant/other"

        handler = self.declare("plant/+", on_message, service="Plant")
        handler.enabled = False
        message = self.mqtt_receive("plant/7", b"\xff\x00")
        trial = self.env["mqtt.handler.trial"].with_user(self.operator)
        trial = trial.create({"handler_id": handler.id, "message_id": message.id})
        self.assertEqual(
            (trial.service_id, trial.topic, trial.is_binary),
            (self.service, "plant/7", True),
        )
        with self.enter_registry_test_mode():
            trial.action_run()
        self.assertEqual(trial.state, "done", trial.error)
        self.assertEqual(seen, [(message.id, b"\xff\x00")])
        self.assert_changed(trial, "plant/7", "plant/other")
        self.assertEqual((message.topic, message.state), ("plant/7", "stored"))

    def test_messages_of_other_companies_are_not_shown(self):
        company = self.env["res.company"].create({"name": "Other"})
        message = self.mqtt_receive("plant/7", "secret")
        self.service.company_id = company
        handler = self.declare("plant/+", lambda self, message: None)
        trials = self.env["mqtt.handler.trial"].with_user(self.operator)
        with self.assertRaises(AccessError), mute_logger("odoo.models"):
            trials.create({"handler_id": handler.id, "message_id": message.id})
            trials.env.flush_all()
        with self.assertRaises(AccessError):
            self.run_trial(handler)

    def test_a_message_that_it_would_not_get_is_refused(self):
        handler = self.declare("plant/{line}/state", lambda self, message, line: None)
        for topic, text in (
            ("plant/state", "does not match the pattern plant/{line}/state"),
            ("plant/+/state", r"has \+ or #"),
            ("", "Enter the topic"),
        ):
            with self.assertRaisesRegex(UserError, text):
                self.run_trial(handler, topic)
        other = self.declare(
            "plant/1", lambda self, message: None, name="_on_x", service="Other"
        )
        with self.assertRaisesRegex(UserError, "gets no messages of Plant"):
            self.run_trial(other)

    def test_only_operators_may(self):
        seen = []
        handler = self.declare("plant/1", lambda self, message: seen.append(message))
        trial = self.trial(handler)
        user = new_test_user(self.env, "mqtt_user", groups="mqtt_listener.group_user")
        for call in (
            handler.with_user(user).action_try,
            trial.with_user(user).action_run,
            lambda: (
                self.env["mqtt.handler.trial"]
                .with_user(user)
                .create({"handler_id": handler.id})
            ),
        ):
            with self.assertRaises(AccessError), mute_logger("odoo.models"):
                call()
        self.assertFalse(seen)

    def test_what_the_operator_may_not_read_is_not_shown(self):
        partner = self.partner("plant/1")

        def on_message(self, message):
            self.env["ir.config_parameter"].set_param("a_secret_key", "hush")
            partner = self.search([("ref", "=", message.topic)])
            partner.barcode = "4006381333931"

        barcode = self.registry["res.partner"]._fields["barcode"]
        with patch.object(barcode, "groups", "base.group_system"):
            trial = self.run_trial(self.declare("plant/1", on_message))
        self.assertEqual(trial.state, "done", trial.error)
        self.assertIn("ir.config_parameter", trial.changes)
        self.assertIn(str(partner.id), trial.changes)
        for text in ("hush", "a_secret_key", "4006381333931"):
            self.assertNotIn(text, trial.changes)
        self.assertIn("•••", trial.changes)

    def test_hostile_texts_stay_text(self):
        hostile = '<img src="x" onerror="alert(1)"/>'

        def on_message(self, message):
            self.create({"name": message.payload, "ref": message.topic})

        topic = "plant/<script>alert(2)<"
        trial = self.run_trial(self.declare("plant/#", on_message), topic, hostile)
        self.assertEqual(trial.state, "done", trial.error)
        self.assertIn("&lt;img", trial.changes)
        self.assertIn("&lt;script", trial.changes)
        self.assertNotIn("<img", trial.changes)
        self.assertNotIn("<script", trial.changes)

    def test_the_dialog(self):
        seen = []
        handler = self.declare(
            "plant/1",
            lambda self, message: seen.append(message.payload),
            service="Plant",
        )
        self.env["mqtt.service"].create({"name": "AAA", "host": "b.invalid"})
        trial = self.env["mqtt.handler.trial"].create(
            {"handler_id": handler.id, "payload": "x"}
        )
        self.assertEqual((trial.service_id, trial.topic), (self.service, "plant/1"))
        action = handler.with_user(self.operator).action_try()
        trials = self.env["mqtt.handler.trial"].with_user(self.operator)
        with Form(trials.with_context(**action["context"])) as form:
            self.assertEqual(form.service_id, self.service)
            self.assertEqual(form.topic, "plant/1")
            form.payload = "typed"
        trial = form.record
        with self.enter_registry_test_mode():
            trial.action_run()
        self.assertEqual((trial.state, seen), ("done", ["typed"]))
