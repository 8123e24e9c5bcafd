# Copyright 2026 mqtt_listener contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""The messages of a topic as a file."""

import csv
import io
import json

from odoo.tests import HttpCase, new_test_user, tagged
from odoo.tools import mute_logger

from .common import MqttMixin
from .pane_case import NOW, SECOND, Receiving


@tagged("post_install", "-at_install")
class TestTopicDownload(Receiving, MqttMixin, HttpCase):
    def download(self, kind, begin=0, end=2e9, topic="plant/d", **values):
        values = {"groups": "mqtt_listener.group_user", **values}
        count = self.env["res.users"].search_count([])
        user = new_test_user(self.env, f"pane_{count}", **values)
        self.authenticate(user.login, user.login)
        url = f"/mqtt_listener/topic/{self.service.id}/messages.{kind}"
        return self.url_open(f"{url}?topic={topic}&begin={begin}&end={end}")

    def test_csv(self):
        """Every message of the span, also of more than one batch; no formulas."""
        payloads = [b"=1+1", b"@x", b"\xff\x00", b'a,"b"\n', *[b"5"] * 600]
        self.receive_all(*payloads, topic="plant/d", step=0)
        response = self.download("csv")
        self.assertIn("plant_d.csv", response.headers["Content-Disposition"])
        rows = list(csv.DictReader(io.StringIO(response.content.decode(), newline="")))
        self.assertEqual(len(rows), len(payloads))
        self.assertEqual(
            [row["payload"] for row in rows[:5]], ["'=1+1", "'@x", "", 'a,"b"\n', "5"]
        )
        self.assertEqual(rows[2]["payload_hex"], "ff00")
        self.assertEqual(rows[0]["time"], "2026-01-01T12:00:00.000000Z")

    def test_json_lines(self):
        self.receive_all(b'{"n": 1.0}', b"2", b"3", topic="plant/d")
        begin = NOW / SECOND
        response = self.download("jsonl", begin=begin, end=begin + 2)
        rows = [json.loads(line) for line in response.content.splitlines()]
        self.assertEqual([row["payload"] for row in rows], ['{"n": 1.0}', "2"])
        self.assertEqual(self.download("jsonl", begin="x").status_code, 400)

    def test_for_whom(self):
        other = self.env["res.company"].create({"name": "Other"})
        self.service.company_id = self.env.company
        elsewhere = {
            "groups": "mqtt_listener.group_manager",
            "company_id": other.id,
            "company_ids": [(6, 0, other.ids)],
        }
        for values in ({"groups": "base.group_user"}, elsewhere):
            with mute_logger("odoo.http"), self.subTest(values=values):
                self.assertEqual(self.download("csv", **values).status_code, 403)
