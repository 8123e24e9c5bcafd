# Copyright 2026 mqtt_listener contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
import base64

from odoo import api, fields, models

from ...mqtt.json_summary import summarize_json
from ...mqtt.json_text import pretty_json
from ...mqtt.payload import decode_text, hex_view

PREVIEW_CHARS = 120
SUMMARY_CHARS = 1024  # of a payload: a longer one shows its beginning as it is
SHOWN_BYTES = 65_536  # of a payload, in the form (characters, where it is text)
READ_BYTES = 4 * 1024 * 1024  # of an attachment, for that: JSON is indented if whole


class MqttSignalHistory(models.Model):
    """A payload and its properties as people see them in lists, forms and files."""

    _inherit = "mqtt.signal.history"
    payload_kind = fields.Selection(
        [
            ("json", "JSON"),
            ("text", "Text"),
            ("binary", "Binary"),
            ("empty", "Empty"),
            ("not_kept", "Not Kept"),
        ],
        compute="_compute_payload_view",
        help="Whether the payload is JSON, other text, binary, empty or not stored.",
    )
    payload_view = fields.Text(
        string="Content",
        compute="_compute_payload_view",
        help="The payload, indented if it is JSON. A long one is shortened.",
    )
    payload_is_cut = fields.Boolean(
        compute="_compute_payload_view",
        help="Only the beginning of the payload is shown. Download the payload "
        "to see all of it.",
    )
    payload_preview = fields.Char(
        string="Preview",
        compute="_compute_payload_preview",
        help="The values of a JSON object by their names; the beginning of any other "
        "payload.",
    )
    payload_file = fields.Binary(
        compute="_compute_payload_file",
        string="Download",
        help="The whole payload as a file.",
    )
    payload_filename = fields.Char(
        compute="_compute_payload_filename", help="Name of the file with the payload."
    )

    @api.depends("payload", "payload_raw", "payload_digest", "payload_attachment_id")
    def _compute_payload_view(self):
        for message in self:
            raw, text = message._shown()
            if raw:
                message.payload_kind = "binary"
                message.payload_is_cut = len(raw) > SHOWN_BYTES
                message.payload_view = hex_view(raw[:SHOWN_BYTES])
                continue
            pretty = pretty_json(text, limit=2 * SHOWN_BYTES)
            shown = pretty or text
            message.payload_kind = "json" if pretty else "text" if text else "empty"
            if not message._is_kept():
                message.payload_kind = "not_kept"
            is_begun = bool(message.payload_digest) and message.size > READ_BYTES
            message.payload_is_cut = is_begun or len(shown) > SHOWN_BYTES
            message.payload_view = shown[:SHOWN_BYTES]

    @api.depends("payload", "size", "payload_digest", "payload_attachment_id")
    @api.depends_context("lang")
    def _compute_payload_preview(self):
        # No ORM equivalent: it reads payloads whole, and a page of a list shows 80.
        self.flush_recordset(["payload"])
        self.env.cr.execute(
            "SELECT id, left(payload, %s) FROM mqtt_signal_history WHERE id IN %s",
            [SUMMARY_CHARS + 1, tuple(self.ids) or (None,)],
        )
        beginnings = dict(self.env.cr.fetchall())
        for message in self:
            text = beginnings.get(message._origin.id) or ""
            if not text and message.size:
                text = message._describe_without_text()
            if len(text) <= SUMMARY_CHARS:
                text = summarize_json(text) or text
            text = text[: 2 * PREVIEW_CHARS]
            short = " ".join(text.split())
            message.payload_preview = (
                short if len(short) <= PREVIEW_CHARS else short[:PREVIEW_CHARS] + "…"
            )

    def _shown(self):
        """What a form shows the beginning of: bytes that are no text, and text."""
        if not self.payload_digest:
            raw = self.with_context(bin_size=False).payload_raw
            return raw, self._fields["payload"].in_row(self) or ""
        beginning = self._large_beginning(READ_BYTES)
        text = decode_text(beginning, is_whole=False)
        return (beginning, "") if text is None else (b"", text)

    def _describe_without_text(self):
        if not self._is_kept():
            return self.env._("%s bytes, not kept", self.size)
        if self.payload_attachment_id:
            return self.env._("%s bytes, attachment", self.size)
        return self.env._("%s bytes, binary", self.size)

    @api.depends("payload", "payload_raw", "payload_digest")
    def _compute_payload_file(self):
        for message in self:
            # An attachment is downloaded as such: a form would take it into memory.
            message.payload_file = not message.payload_digest and base64.b64encode(
                message.payload_bytes
            )

    @api.depends("payload_kind")
    def _compute_payload_filename(self):
        extensions = {"json": "json", "text": "txt", "empty": "txt"}
        for message in self:
            extension = extensions.get(message.payload_kind, "bin")
            message.payload_filename = f"message-{message.id}.{extension}"
