# Copyright 2026 mqtt_listener contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""Trials beside other transactions, and beside each other."""

import threading
from unittest.mock import patch

from odoo.tests import tagged
from odoo.tools import mute_logger

from ..mqtt.handler import mqtt_handler
from .committed import CommittedCase


@tagged("post_install", "-at_install")
class TestTrialsSideBySide(CommittedCase):
    def setUp(self):
        super().setUp()
        with self.transaction() as env:
            partners = env["res.partner"].create(
                [{"name": f"Side {n}", "ref": f"side/{n}"} for n in range(4)]
            )
            self.ids = partners.ids
        self.addCleanup(self.remove_partners)

    def remove_partners(self):
        with self.transaction() as env:
            found = env["res.partner"].with_context(active_test=False)
            found.search([("ref", "like", "side/")]).unlink()

    def declare_method(self, function):
        self.declare("_on_seen")
        function = mqtt_handler("plant/+")(function)
        patcher = patch.object(self.registry["res.partner"], "_on_seen", function)
        patcher.start()
        self.addCleanup(patcher.stop)

    def try_it(self, payload):
        """Run a trial. :return: its values."""
        with self.transaction() as env:
            handler = env["mqtt.handler"].search([("method_name", "=", "_on_seen")])
            trial = env["mqtt.handler.trial"].create(
                {
                    "handler_id": handler.id,
                    "service_id": self.service_id,
                    "topic": "plant/1",
                    "payload": payload,
                }
            )
            result = trial._try()
            trial.unlink()
        self.assertEqual(result["state"], "done", result.get("error"))
        return result

    def test_what_others_commit_is_not_shown(self):
        ids = self.ids
        transaction = self.transaction

        def on_seen(self, message):
            self.browse(ids[0]).street = "Own street"
            with transaction() as env:
                partners = env["res.partner"]
                partners.browse(ids[1]).street = "Other street"
                partners.browse(ids[2]).unlink()
                partners.create({"name": "Other partner", "ref": "side/9"})
            self.browse(ids[3]).unlink()

        self.declare_method(on_seen)
        result = self.try_it("x")
        self.assertIn("would have changed 2 records", result["summary"])
        for text in ("Own street", "Side 0", "Side 3"):
            self.assertIn(text, result["changes"])
        for text in ("Other", "Side 1", "Side 2"):
            self.assertNotIn(text, result["changes"])
        self.assertEqual(
            self.ask("SELECT street FROM res_partner WHERE id = %s", ids[0]), [(None,)]
        )

    @mute_logger("odoo.sql_db")
    def test_two_trials_at_once(self):
        """Each shows its own changes, though both are in flight."""
        ids = self.ids
        both = threading.Barrier(2, timeout=60)

        def on_seen(self, message):
            number = int(message.payload)
            both.wait()
            self.browse(ids[number]).street = f"Street {number}"
            self.create({"name": f"New {number}", "ref": f"side/new/{number}"})
            self.env.flush_all()
            both.wait()

        self.declare_method(on_seen)
        results = {}

        def run(number):
            results[number] = self.try_it(str(number))

        self.in_threads(lambda: run(0), lambda: run(1))
        for number, other in ((0, 1), (1, 0)):
            changes = results[number]["changes"]
            self.assertIn("would have changed 2 records", results[number]["summary"])
            for text in (f"Street {number}", f"New {number}", f"Side {number}"):
                self.assertIn(text, changes)
            for text in (f"Street {other}", f"New {other}"):
                self.assertNotIn(text, changes)
