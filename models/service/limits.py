# Copyright 2026 mqtt_listener contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
import hashlib

from odoo import api, fields, models
from odoo.exceptions import UserError, ValidationError
from odoo.fields import Domain

from ...mqtt.log import get_logger
from ...mqtt.outgoing import MAX_REMAINING
from ...mqtt.payload import decode_text
from ...mqtt.wording import file_name
from ..message.mqtt_signal_history import NOT_KEPT

_logger = get_logger(__name__)

MIMETYPE = "application/x-mqtt"  # none that Odoo resizes, indexes or shows as a page


class MqttService(models.Model):
    """How large a payload may be, to be kept in the row of its message, or at all."""

    _inherit = "mqtt.service"

    payload_limit = fields.Integer(
        default=1024 * 1024,
        required=True,
        help="Largest payload in bytes that is stored with its message. A larger "
        "one is stored as an attachment.",
    )
    attachment_limit = fields.Integer(
        default=MAX_REMAINING,
        required=True,
        help="Largest payload in bytes that is stored at all. Of a larger one, "
        "size and digest are stored, and no handler is called.",
    )
    oversized_count = fields.Integer(
        string="Without Payload",
        compute="_compute_oversized_count",
        compute_sudo=True,
        help="Messages whose payload was too large to be stored.",
    )

    @api.constrains("payload_limit", "attachment_limit")
    def _check_limits(self):
        for service in self:
            if service.payload_limit < 1:
                raise ValidationError(
                    self.env._(
                        "Payload Limit of “%(service)s” is %(limit)s; it has to be 1 "
                        "byte or more.",
                        service=service.name,
                        limit=service.payload_limit,
                    )
                )
            if service.attachment_limit < service.payload_limit:
                raise ValidationError(
                    self.env._(
                        "Attachment Limit of “%(service)s” is %(limit)s; it has to be "
                        "%(least)s or more, as Payload Limit is.",
                        service=service.name,
                        limit=service.attachment_limit,
                        least=service.payload_limit,
                    )
                )

    def _compute_oversized_count(self):
        counts = dict(
            self.env["mqtt.signal.history"]._read_group(
                Domain("service_id", "in", self.ids) & NOT_KEPT,
                ["service_id"],
                ["__count"],
            )
        )
        for service in self:
            service.oversized_count = counts.get(service, 0)

    def action_open_oversized(self):
        """Open the messages of this service whose payload was not kept."""
        domain = Domain("service_id", "in", self.ids) & NOT_KEPT
        return {**self.action_open_messages(), "domain": list(domain)}

    def _check_payload_size(self, payload):
        """:raise UserError: when history would not keep this payload."""
        if len(payload) > self.attachment_limit:
            raise UserError(
                self.env._(
                    "The payload has %(size)s bytes; “%(service)s” keeps %(limit)s at "
                    "most (Attachment Limit).",
                    size=len(payload),
                    service=self.name,
                    limit=self.attachment_limit,
                )
            )

    def _is_payload_kept(self, message):
        """Whether history will have the payload of a received message."""
        return not message.left_out and len(message.payload) <= self.attachment_limit

    def _payload_values(self, payload, left_out=None):
        """What history has in the row of a message for this payload, to be completed by
        :meth:`_attach_payloads`.

        :param left_out: what is known of a payload that the listener did not keep.
        """
        if left_out:
            return {
                "payload": None,
                "payload_raw": None,
                "size": left_out.size,
                "payload_digest": left_out.sha256,
            }
        size = len(payload)
        if size > self.payload_limit:
            return {
                "payload": None,
                "payload_raw": None,
                "size": size,
                "payload_digest": hashlib.sha256(payload).hexdigest(),
            }
        text = decode_text(payload)
        return {
            "payload": text,
            "payload_raw": payload if text is None else None,
            "size": size,
        }

    def _attach_payloads(self, values_list, payloads):
        """Keep the payloads that are not to be in the rows, as far as they may be.

        :param values_list: dicts with what :meth:`_payload_values` gave; those of what
            is kept get an attachment.
        :param payloads: of each, in bytes.
        """
        large = [
            pair
            for pair in zip(values_list, payloads, strict=True)
            if pair[0].get("payload_digest")
        ]
        if not large:
            return
        kept = [
            pair
            for pair in large
            if pair[0]["size"] <= self.attachment_limit
            and len(pair[1]) == pair[0]["size"]  # else the listener left it out
        ]
        # Of the service, not of the message: its id has 64 bits, `res_id` has 32.
        attachments = (
            self.env["ir.attachment"]
            .sudo()
            .create(
                [
                    {
                        "name": file_name(values["topic"]),
                        "raw": payload,
                        "mimetype": MIMETYPE,
                        "res_model": self._name,
                        "res_id": self.id,
                        "res_field": "history_ids",
                    }
                    for values, payload in kept
                ]
            )
        )
        for (values, _payload), attachment in zip(kept, attachments, strict=True):
            values["payload_attachment_id"] = attachment.id
        if len(kept) < len(large):
            _logger.warning(
                "%s: payloads that were too large and not kept: %s",
                self.name,
                len(large) - len(kept),
            )
