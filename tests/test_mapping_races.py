# Copyright 2026 mqtt_listener contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""Two transactions that meet the same new key."""

import threading

from psycopg2.errors import SerializationFailure

from odoo.fields import Command
from odoo.tests import tagged
from odoo.tools import mute_logger

from .committed import CommittedCase

REF = "mapping-race"


@tagged("post_install", "-at_install")
class TestMappingRaces(CommittedCase):
    def setUp(self):
        super().setUp()
        with self.transaction() as env:
            self.mapping_ids = [self.new_mapping(env, name).id for name in "ab"]
        self.addCleanup(self.remove_mappings)

    def remove_mappings(self):
        with self.transaction() as env:
            env["mqtt.mapping"].browse(self.mapping_ids).unlink()
            env["res.partner"].search([("ref", "=like", f"{REF}%")]).unlink()

    def new_mapping(self, env, name):
        level = {"source": "level", "value": "ref"}
        return env["mqtt.mapping"].create(
            {
                "name": name,
                "pattern": "plant/{ref}",
                "service_id": self.service_id,
                "enabled": False,
                "res_model": "res.partner",
                "not_found": "create",
                "key_ids": [
                    Command.create({"part": "key", "field_name": "ref", **level})
                ],
                "default_ids": [
                    Command.create({"part": "default", "field_name": "name", **level})
                ],
            }
        )

    def handle(self, env, ref, mapping_id=None):
        mapping = env["mqtt.mapping"].browse(mapping_id or self.mapping_ids[0])
        message = env["mqtt.signal.history"].create(
            {"service_id": self.service_id, "topic": f"plant/{ref}", "payload": "{}"}
        )
        mapping.handler_id._bind(message.service_id)(message)
        env.flush_all()

    def found(self, ref):
        with self.transaction() as env:
            return env["res.partner"].search_count([("ref", "=", ref)])

    def test_the_second_is_refused_and_finds_the_record_afterwards(self):
        """Also where the first has committed before the second looks for the key, and
        where they are of two mappings.
        """
        for number, second_id in enumerate(self.mapping_ids):
            ref = f"{REF}-{number}"
            late = self.open_transaction()
            late["res.partner"].search_count([])  # its snapshot is from here
            with self.transaction() as env:
                self.handle(env, ref)
            with (
                self.assertRaises(SerializationFailure),
                mute_logger("odoo.sql_db"),
            ):
                self.handle(late, ref, second_id)
            late.cr.rollback()
            with self.transaction() as env:
                self.handle(env, ref, second_id)
            self.assertEqual(self.found(ref), 1)

    def test_they_wait_for_each_other(self):
        """The second, while the first is not committed yet."""
        ref = f"{REF}-waits"
        first, second = self.open_transaction(), self.open_transaction()
        second["res.partner"].search_count([])
        self.handle(first, ref)
        raised = []

        def run():
            try:
                with mute_logger("odoo.sql_db"):
                    self.handle(second, ref)
            except SerializationFailure as error:
                raised.append(error)

        thread = threading.Thread(target=run)
        thread.start()
        self.wait_for_lock(thread)
        first.cr.commit()
        thread.join()
        second.cr.rollback()
        self.assertEqual(len(raised), 1)
        self.assertEqual(self.found(ref), 1)

    def wait_for_lock(self, thread):
        """Until a statement waits for another transaction, or the thread has ended."""
        while thread.is_alive():
            with self.transaction() as env:
                env.cr.execute(
                    "SELECT count(*) FROM pg_stat_activity"
                    " WHERE datname = current_database() AND wait_event_type = 'Lock'"
                )
                if env.cr.fetchone()[0]:
                    return

    def test_different_keys_do_not_meet(self):
        first, second = self.open_transaction(), self.open_transaction()
        for env, name in ((first, "a"), (second, "b")):
            env["res.partner"].search_count([])
            self.handle(env, f"{REF}-{name}")
        first.cr.commit()
        second.cr.commit()
        self.assertEqual(self.found(f"{REF}-a") + self.found(f"{REF}-b"), 2)

    def test_a_record_that_was_deleted_is_created_again(self):
        ref = f"{REF}-again"
        for _time in range(2):
            with self.transaction() as env:
                self.handle(env, ref)
                env["res.partner"].search([("ref", "=", ref)]).unlink()
        with self.transaction() as env:
            self.handle(env, ref)
            env["mqtt.mapping.key"].search([]).claimed_on = "2020-01-01"
            env["mqtt.mapping.key"]._gc_claims()
            self.assertFalse(env["mqtt.mapping.key"].search([]))
        self.assertEqual(self.found(ref), 1)
