# Copyright 2026 mqtt_listener contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
from odoo import api, fields, models
from odoo.fields import Domain

from ...mqtt.payload import PayloadError

OWN_ATTACHMENTS = Domain("res_model", "=", "mqtt.service") & Domain(
    "res_field", "=", "history_ids"
)


class MqttSignalHistory(models.Model):
    """Payloads that are too large for the row of their message."""

    _inherit = "mqtt.signal.history"
    payload_attachment_id = fields.Many2one(
        "ir.attachment",
        string="Payload as Attachment",
        readonly=True,
        copy=False,
        ondelete="restrict",  # a message stays as it came
        index="btree_not_null",
        help="Attachment with the payload, if it was too large to be stored with "
        "the message.",
    )
    payload_digest = fields.Char(
        string="SHA-256",
        readonly=True,
        copy=False,
        help="SHA-256 digest of the payload, if it was too large to be stored with "
        "the message.",
    )
    payload_warning = fields.Char(
        compute="_compute_payload_warning", help="Why the payload was not stored."
    )
    _not_kept = models.Index(
        "(service_id)"
        " WHERE payload_digest IS NOT NULL AND payload_attachment_id IS NULL"
    )

    @api.depends("payload_digest", "payload_attachment_id", "size")
    @api.depends_context("lang")
    def _compute_payload_warning(self):
        for message in self:
            message.payload_warning = not message._is_kept() and self.env._(
                "The payload of %(size)s bytes was larger than “%(service)s” keeps "
                "(Attachment Limit, now %(limit)s bytes), or than its node takes "
                "(packet_bytes in odoo.conf), and was not kept.",
                size=message.size,
                service=message.service_id.name,
                limit=message.service_id.attachment_limit,
            )

    def _is_kept(self):
        """Whether its payload is in history."""
        return bool(self.payload_attachment_id or not self.payload_digest)

    def _large_payload(self):
        """The payload that is not in the row.

        :raise PayloadError: when there is none, or not what came.
        """
        if not self._is_kept():
            raise PayloadError(self.payload_warning)
        # sudo: whoever may read the message may read all of it
        attachment = self.payload_attachment_id.sudo().with_context(bin_size=False)
        payload = attachment.raw or b""
        if len(payload) != self.size:
            # The file store is not the one it was written to, or not there just now.
            raise PayloadError(
                self.env._(
                    "The payload's file %(file)s has %(found)s bytes instead of "
                    "%(size)s: is this the file store it was written to?",
                    file=attachment.store_fname or "",
                    found=len(payload),
                    size=self.size,
                )
            )
        return payload

    def _large_beginning(self, limit):
        """The first bytes of the payload that is not in the row, for a form.

        :param limit: bytes; no more are read.
        """
        # sudo: whoever may read the message may read all of it
        attachment = self.payload_attachment_id.sudo().with_context(bin_size=False)
        if attachment.store_fname:
            return attachment._file_read(attachment.store_fname, limit)
        return (attachment.raw or b"")[:limit]

    def action_download_payload(self):
        """Download the payload that is an attachment."""
        self.ensure_one()
        return {
            "type": "ir.actions.act_url",
            "url": f"/web/content/{self.payload_attachment_id.id}?download=true",
            "target": "download",
        }

    def unlink(self):
        """Delete them with the attachments that hold their payloads."""
        attachments = self.sudo().payload_attachment_id
        result = super().unlink()
        attachments.unlink()
        return result

    @api.autovacuum
    def _gc_payloads(self):
        """Remove payloads of messages that went without the ORM, as partitions do."""
        used = self.sudo()._search([("payload_attachment_id", "!=", False)])
        self.env["ir.attachment"].sudo().search(
            OWN_ATTACHMENTS
            & Domain("id", "not in", used.subselect("payload_attachment_id"))
        ).unlink()
