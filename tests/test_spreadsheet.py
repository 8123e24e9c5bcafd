# Copyright 2026 mqtt_listener contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
import base64
import csv
import io
import json

from openpyxl import load_workbook

from odoo import http
from odoo.tests import HttpCase, tagged

from ..controllers.spreadsheet import XLSX_FORMULA, plain
from .common import MqttMixin

FORMULAS = ("=1+1", "+1+1", "-1-1", "@SUM(A1)", "{=1+1}", "=cmd|' /C calc'!A0")
HISTORY = "mqtt.signal.history"


@tagged("post_install", "-at_install")
class TestSpreadsheet(MqttMixin, HttpCase):
    """What a device says is calculated by no spreadsheet."""

    def setUp(self):
        super().setUp()
        self.authenticate("admin", "admin")
        self.messages = self.receive(
            *(self.message(topic, topic.encode()) for topic in FORMULAS)
        )
        partners = self.env["res.partner"].create([{"name": one} for one in FORMULAS])
        self.records = {HISTORY: self.messages, "res.partner": partners}

    def export(self, kind, model, fields, groupby=()):
        data = {
            "model": model,
            "fields": [{"name": one, "label": one, "type": "char"} for one in fields],
            "ids": self.records[model].ids,
            "domain": [],
            "import_compat": False,
            "context": {},
            "groupby": list(groupby),
        }
        return self.download(f"/web/export/{kind}", data)

    def download(self, url, data):
        form = {"data": json.dumps(data), "csrf_token": http.Request.csrf_token(self)}
        response = self.url_open(url, data=form)
        response.raise_for_status()
        return response.content

    def cells(self, content):
        sheet = load_workbook(io.BytesIO(content)).active
        return [cell for row in sheet.iter_rows() for cell in row if cell.value]

    def assert_text(self, content):
        """Each of the formulas is there, as text."""
        cells = self.cells(content)
        self.assertNotIn("f", {cell.data_type for cell in cells})
        for formula in FORMULAS:
            found = [cell.value for cell in cells if formula in str(cell.value)]
            self.assertTrue(found, formula)

    def test_rows(self):
        for model, fields in (
            (HISTORY, ["topic", "payload", "payload_preview", "display_name"]),
            ("res.partner", ["name", "display_name"]),
        ):
            with self.subTest(model=model):
                self.assert_text(self.export("xlsx", model, fields))
                text = self.export("csv", model, fields).decode()
                _head, *rows = csv.reader(io.StringIO(text))
                self.assertEqual(len(rows), len(FORMULAS))
                for cell in (cell for row in rows for cell in row):
                    self.assertFalse(cell.startswith(("=", "+", "-", "@")), cell)

    def test_groups(self):
        """The header of a group is a value too."""
        self.assert_text(self.export("xlsx", HISTORY, ["payload"], groupby=["topic"]))
        self.assert_text(self.export("xlsx", "res.partner", ["name"], groupby=["name"]))

    def test_pivots(self):
        headers = [
            {"title": one, "width": 1, "height": 1, "measure_count": 1}
            for one in FORMULAS
        ]
        table = {
            "title": "Messages",
            "model": HISTORY,
            "measure_count": 1,
            "col_group_headers": [headers],
            "measure_headers": [{"title": one, "is_bold": False} for one in FORMULAS],
            "rows": [
                {"title": one, "indent": 0, "values": [{"value": one, "is_bold": True}]}
                for one in FORMULAS
            ],
        }
        self.assert_text(self.download("/web/pivot/export_xlsx", table))

    def test_what_is_plain_stays(self):
        numbers = "-5.2", "+1", "-1e-3"
        for value in ("plant/1", "1-1", "", 5, -5.5, None, False, b"=1", *numbers):
            self.assertEqual(plain(value), value)
        for value in (" =1", "\t1", "\r1", "\n=1", "-5.2+1", "-1e3e"):
            self.assertEqual(plain(value), f"'{value}")
        for value in ("external:\\\\share\\x.xlsx", "internal:A!1", "file://x"):
            self.assertEqual(plain(value, XLSX_FORMULA), f"'{value}")

    def test_names_of_files(self):
        """A topic becomes a name that no system takes for more."""
        self.service.payload_limit = 1
        for topic in (*FORMULAS, "../../x", "-rf", "a\u202egpj.exe", "x" * 5_000):
            (message,) = self.receive(self.message(topic, b"xx"))
            name = message.payload_attachment_id.name
            self.assertRegex(name, r"^[\w][\w.-]{0,99}$")
            download = self.url_open(message.action_download_payload()["url"])
            self.assertEqual(download.content, b"xx")
            self.assertNotIn("filename=-", download.headers["Content-Disposition"])

    def test_mails(self):
        """What a notification quotes is text, not markup, and the subject is ours."""
        handler = self.env["mqtt.handler"].create(
            {
                "name": "Fail",
                "pattern": "+",
                "max_retries": 1,
                "action_server_id": self.env["ir.actions.server"]
                .create(
                    {
                        "name": "Fail",
                        "model_id": self.env["ir.model"]._get_id(HISTORY),
                        "state": "code",
                        "code": "raise UserError(payload)",
                    }
                )
                .id,
            }
        )
        self.receive(
            self.message("<b>t</b>".replace("/", "|"), b"<img src=x>\r\nBcc: x")
        )
        self.env["mqtt.handler"]._tell_failures()
        message = handler.message_ids[:1]
        self.assertNotIn("<img", message.body)
        self.assertNotIn("<b>", message.body)
        self.assertIn("&lt;img src=x&gt; Bcc: x", message.body)
        self.assertNotRegex(message.subject or "", "img|Bcc")

    def test_payloads_of_attachments(self):
        """Are served as a file, whatever they begin with."""
        (message,) = self.receive(self.message("page", b"<script>alert(1)</script>"))
        url = f"/web/content/{HISTORY}/{message.id}/payload_file"
        response = self.url_open(url)
        self.assertEqual(response.content, base64.b64decode(message.payload_file))
        self.assertIn("default-src 'none'", response.headers["Content-Security-Policy"])
