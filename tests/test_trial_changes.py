# Copyright 2026 mqtt_listener contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""What a trial shows of what a handler changed, however it did that."""

from unittest.mock import patch

from odoo import Command
from odoo.tests import tagged

from ..wizards import changed_rows
from .test_handler_trial import TrialCase


@tagged("post_install", "-at_install")
class TestTrialChanges(TrialCase):
    def badges(self, trial):
        parts = (trial.changes or "").split("badge text-bg-")[1:]
        return [part.partition(">")[2].partition("<")[0] for part in parts]

    def test_what_sql_changes_is_shown(self):
        partner, gone = self.partner("plant/1"), self.partner("plant/2")

        def on_message(self, message):
            cr = self.env.cr
            cr.execute("UPDATE res_partner SET street='New' WHERE id=%s", [partner.id])
            cr.execute("DELETE FROM res_partner WHERE id=%s", [gone.id])
            cr.execute(
                "INSERT INTO res_partner_category (name, color)"
                ' VALUES (\'{"en_US": "Tag by SQL"}\', 7)'
            )

        trial = self.run_trial(self.declare("plant/1", on_message))
        self.assertEqual(trial.state, "done", trial.error)
        self.assertEqual(self.badges(trial), ["Created", "Changed", "Deleted"])
        self.assert_changed(trial, "–", "New")
        self.assertIn("plant/2", trial.changes)
        self.assertIn("res.partner.category", trial.changes)
        self.assertEqual(
            trial.summary, "It would have changed 3 records. Nothing was kept."
        )

    def test_what_a_cascade_deletes_is_shown(self):
        partner = self.partner("plant/1")
        self.env["res.partner.bank"].create(
            {"acc_number": "4711-0815", "partner_id": partner.id}
        )

        def on_message(self, message):
            self.env.cr.execute("DELETE FROM res_partner WHERE id = %s", [partner.id])

        trial = self.run_trial(self.declare("plant/1", on_message))
        self.assertEqual(self.badges(trial), ["Deleted"] * 2)
        self.assertIn("4711-0815", trial.changes)
        self.assertTrue(partner.exists())

    def test_what_is_written_in_savepoints_is_shown(self):
        """But not what is rolled back to one, which PostgreSQL counts all the same."""
        tag = self.env["res.partner.category"].create({"name": "Before"})

        def on_message(self, message):
            own = tag.with_env(self.env)
            with self.env.cr.savepoint():
                own.name = "Kept"
            savepoint = self.env.cr.savepoint()
            own.create({"name": "Not kept"})
            own.name = "Not kept"
            self.env.flush_all()
            savepoint.close(rollback=True)

        trial = self.run_trial(self.declare("plant/1", on_message))
        self.assertEqual(self.badges(trial), ["Changed"])
        self.assert_changed(trial, "Before", "Kept")
        self.assertNotIn("Not kept", trial.changes)

    def test_tables_without_a_model_are_counted(self):
        self.env.cr.execute("CREATE TABLE mqtt_elsewhere (text text)")

        def on_message(self, message):
            self.env.cr.execute("INSERT INTO mqtt_elsewhere VALUES ('a'), ('b')")

        trial = self.run_trial(self.declare("plant/1", on_message))
        self.assertEqual(
            trial.summary, "It would have changed 2 records. Nothing was kept."
        )
        self.assertRegex(trial.changes, "mqtt_elsewhere</code>:\\s+2 inserted")

    def test_partitions_are_their_table(self):
        """They are not the tables of models; what has a model is shown."""
        self.env.cr.execute(
            "CREATE TABLE mqtt_parted (part int) PARTITION BY RANGE (part);"
            " CREATE TABLE mqtt_part_one PARTITION OF mqtt_parted"
            " FOR VALUES FROM (0) TO (9)"
        )

        def on_message(self, message):
            self.env.cr.execute("INSERT INTO mqtt_parted VALUES (1), (2)")

        trial = self.run_trial(self.declare("plant/1", on_message))
        self.assertRegex(trial.changes, "mqtt_parted</code>:\\s+2 inserted")

    def test_relations_are_shown_on_what_was_written(self):
        partner = self.partner("plant/1")
        old, new = self.env["res.partner.category"].create(
            [{"name": "Old tag"}, {"name": "New tag"}]
        )
        partner.category_id = old

        def on_message(self, message):
            own = partner.with_env(self.env)
            own.category_id = [Command.unlink(old.id), Command.link(new.id)]

        trial = self.run_trial(self.declare("plant/1", on_message))
        self.assertEqual(self.badges(trial), ["Changed"])
        self.assert_changed(trial, "Old tag", "New tag")
        self.assertIn("res.partner,", trial.changes)

    def test_relations_that_sql_changes_are_shown(self):
        partner = self.partner("plant/1")
        tag = self.env["res.partner.category"].create({"name": "Tag by SQL"})

        def on_message(self, message):
            self.env.cr.execute(
                "INSERT INTO res_partner_res_partner_category_rel"
                " (partner_id, category_id) VALUES (%s, %s)",
                [partner.id, tag.id],
            )

        trial = self.run_trial(self.declare("plant/1", on_message))
        self.assertEqual(self.badges(trial), ["Changed"])
        self.assertIn("Tag by SQL", trial.changes)
        self.assertIn(partner.name, trial.changes)

    def test_models_of_other_addons_are_shown(self):
        """Whatever they are called; those of this addon are its own business."""
        model = self.registry["mqtt.paused.topic"]
        service = self.service

        def on_message(self, message):
            self.env.cr.execute(
                "INSERT INTO mqtt_paused_topic (service_id, topic, paused_since,"
                " message_count) VALUES (%s, 'elsewhere/1', now(), 1)",
                [service.id],
            )

        handler = self.declare("plant/1", on_message)
        trial = self.run_trial(handler)
        self.assertEqual(trial.summary, "It ran, and would have changed nothing.")
        with patch.object(model, "_original_module", "mqtt_elsewhere"):
            trial = self.run_trial(handler)
        self.assertEqual(self.badges(trial), ["Created"], trial.error)
        self.assertIn("mqtt.paused.topic", trial.changes)

    def test_large_tables_are_searched_in_part(self):
        first = self.partner("plant/1")
        last = self.partner("plant/2")

        def on_message(self, message):
            (first + last).with_env(self.env).street = "New"

        handler = self.declare("plant/1", on_message)
        with patch.object(changed_rows, "MAX_SEARCHED", 1):
            trial = self.run_trial(handler)
        self.assertEqual(self.badges(trial), ["Changed"])
        self.assertIn("plant/2", trial.changes)
        self.assertRegex(
            trial.changes, "Only the newest rows of the large table <code>res_partner<"
        )
        self.assertRegex(trial.changes, "0 inserted, 2 updated and\\s+0 deleted")

    def test_what_was_found_in_a_large_table_is_all(self):
        def on_message(self, message):
            self.env["res.partner.industry"].create({"name": "New"})

        handler = self.declare("plant/1", on_message)
        with patch.object(changed_rows, "MAX_SEARCHED", 1):
            trial = self.run_trial(handler)
        self.assertEqual(self.badges(trial), ["Created"])
        self.assertNotIn("newest rows", trial.changes)

    def test_a_search_that_takes_too_long_is_given_up(self):
        partner = self.partner("plant/1")

        def on_message(self, message):
            partner.with_env(self.env).street = "New"

        handler = self.declare("plant/1", on_message)
        with (
            patch.object(
                changed_rows.Searcher,
                "_after_of",
                lambda searcher, *_args: searcher._env.cr.execute(
                    "SELECT pg_sleep(60)", log_exceptions=False
                ),
            ),
            patch.object(changed_rows, "SEARCH_SECONDS", 0.01),
        ):
            trial = self.run_trial(handler)
        self.assertEqual(trial.state, "done", trial.error)
        self.assertRegex(trial.changes, "res_partner</code>:\\s+0 inserted, 1 updated")
        self.assertIn("took too long", trial.changes)

    def test_rows_beyond_those_that_are_read_are_counted(self):
        def on_message(self, message):
            self.create([{"name": f"P {n}"} for n in range(12)])

        handler = self.declare("plant/1", on_message)
        with patch.object(changed_rows, "MAX_ROWS", 5):
            trial = self.run_trial(handler)
        self.assertEqual(self.badges(trial), ["Created"] * 5)
        self.assertRegex(trial.changes, "… and\\s+\\d+\\s+more")

    def test_secrets_are_not_shown(self):
        """Not to users who may read all fields either."""
        self.operator.group_ids += self.env.ref("base.group_system")
        partner = self.partner("plant/1")

        def on_message(self, message):
            partner.with_env(self.env).ref = "hush"

        handler = self.declare("plant/1", on_message)
        self.assertIn("hush", self.run_trial(handler).changes)
        service = self.service

        def on_password(self, message):
            service.with_env(self.env).password = "file:hush"

        trial = self.run_trial(self.declare("plant/1", on_password, name="_on_secret"))
        self.assertEqual(trial.state, "done", trial.error)
        self.assertIn("•••", trial.changes)
        self.assertNotIn("hush", trial.changes)

    def test_records_that_the_user_could_not_read_before_are_not_shown(self):
        """Not what was in them, though a handler has made them readable."""
        other = self.env["res.company"].create({"name": "Other"})
        self.env["ir.config_parameter"].set_param("x", "x")
        service = self.env["mqtt.service"].create(
            {"name": "Their name", "host": "x.invalid", "company_id": other.id}
        )

        def on_message(self, message):
            own = service.with_env(self.env)
            own.write({"company_id": False, "host": "y.invalid"})

        trial = self.run_trial(self.declare("plant/1", on_message))
        self.assertEqual(self.badges(trial), ["Changed"])
        for text in ("x.invalid", "y.invalid", "Their name"):
            self.assertNotIn(text, trial.changes)

    def test_counters_that_are_off_are_told(self):
        self.env.cr.execute(
            "SELECT rolsuper FROM pg_roles WHERE rolname = current_user"
        )
        if not self.env.cr.fetchone()[0]:
            self.skipTest("only a superuser may switch track_counts off")
        self.env.cr.execute("SET LOCAL track_counts = off")
        trial = self.run_trial(self.declare("plant/1", lambda self, message: None))
        self.assertIn("track_counts is off", trial.summary)
