# Copyright 2026 mqtt_listener contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
import base64
from dataclasses import replace

from psycopg2.errors import OutOfMemory

from odoo import api, fields, models
from odoo.tools import mute_logger

from ...mqtt.json_text import pretty_json
from ...mqtt.message import UNREADABLE, decode_batch, encode_batch
from ...mqtt.payload import decode_text, hex_view
from ...mqtt.wording import name_error, short_line
from ..common.groups import OPERATOR, check_group
from ..common.wide_fields import BigInteger, Bytes
from ..message.payload_view import SHOWN_BYTES

PART = 500  # messages that are stored again at a time: their payloads are in memory


class MqttQuarantine(models.Model):
    """A message that was received and cannot be stored for a reason of its own.

    It is kept here as it came, so that what follows it goes on, until a person has it
    tried again or deletes it.
    """

    _name = "mqtt.quarantine"
    _inherit = ["mqtt.short.topics"]
    _description = "MQTT Message in Quarantine"
    _rec_name = "topic"
    _order = "id desc"
    _log_access = False

    service_id = fields.Many2one(
        "mqtt.service",
        required=True,
        ondelete="restrict",
        index=True,
        help="Service that received the message.",
    )
    topic = fields.Char(required=True, help="Topic of the message.")
    reason = fields.Text(
        required=True, help="Reason why the message could not be stored."
    )
    timestamp = fields.Datetime(
        required=True, string="Received", help="Time when the message was received."
    )
    sequence = BigInteger(
        aggregator=None, help="Position in the order of reception of the service."
    )
    size = fields.Integer(help="Size in bytes.", aggregator="sum")
    tries = fields.Integer(
        default=1, aggregator=None, help="Number of tries to store the message."
    )
    last_try = fields.Datetime(
        default=fields.Datetime.now, help="Time of the last try."
    )
    content = Bytes(
        required=True, help="The message, as mqtt/message.py encodes batches of one."
    )

    qos = fields.Integer(
        string="QoS",
        compute="_compute_view",
        aggregator=None,
        help="Quality of service: 0 at most once, 1 at least once, 2 exactly once.",
    )
    retain = fields.Boolean(
        string="Retained",
        compute="_compute_view",
        help="The broker kept this message from before the subscription.",
    )
    properties_text = fields.Text(
        string="Properties",
        compute="_compute_view",
        help="MQTT 5 properties of the message.",
    )
    payload_view = fields.Text(
        string="Payload",
        compute="_compute_view",
        help="Beginning of the payload, as text or as hexadecimal digits.",
    )
    payload_file = fields.Binary(
        string="Download",
        compute="_compute_payload_file",
        help="The whole payload as a file.",
    )
    payload_filename = fields.Char(
        compute="_compute_payload_file", help="Name of the file with the payload."
    )

    def _put(self, service, refused):
        """Put messages into quarantine.

        :param refused: (sequence, message, reason) of each, the reason a text or the
            exception that said so.
        """
        if not refused:
            return
        try:
            with mute_logger("odoo.sql_db"), self.env.cr.savepoint():
                self._create_refused(service, refused)
        except OutOfMemory:
            lighter = [
                (at, one.without_payload() if one.is_large else one, reason)
                for at, one, reason in refused
            ]
            self._create_refused(service, lighter)
        service._notify_state()

    def _create_refused(self, service, refused):
        self.create(
            [
                {
                    "service_id": service.id,
                    "topic": message.topic,
                    "reason": self._describe(reason),
                    "timestamp": message.received_at,
                    "sequence": sequence,
                    "size": message.payload_size,
                    "content": encode_batch([message]),
                }
                for sequence, message, reason in refused
            ]
        )

    @api.model
    def _describe(self, reason):
        return short_line(reason) if isinstance(reason, str) else name_error(reason)

    def _message(self):
        self.ensure_one()
        (message,) = decode_batch(self.with_context(bin_size=False).content)
        return message

    @api.depends("content")
    def _compute_view(self):
        for record in self:
            message = record._message()
            text = decode_text(message.payload[: 2 * SHOWN_BYTES])
            shown = (
                hex_view(message.payload[:SHOWN_BYTES])
                if text is None
                else pretty_json(text, limit=2 * SHOWN_BYTES) or text
            )
            record.payload_view = shown[:SHOWN_BYTES]
            record.qos = message.qos
            record.retain = message.retain
            record.properties_text = "\n".join(
                f"{name}: {value}" for name, value in (message.properties or {}).items()
            )

    @api.depends("content")
    def _compute_payload_file(self):
        for record in self:
            record.payload_file = base64.b64encode(record._message().payload)
            record.payload_filename = f"quarantine-{record.id}.bin"

    def action_retry(self):
        """Store these messages and have them handled, as if they came now.

        Properties that cannot be read are left out. What is refused again stays.

        :raise AccessError: for a user who is no MQTT operator.
        """
        check_group(
            self.env,
            OPERATOR,
            self.env._("Only an MQTT operator may have messages stored again."),
        )
        self.check_access("read")
        # sudo: what is stored is the listener's, whoever has it stored
        records = self.sudo().sorted("sequence")
        for service, of_service in records.grouped("service_id").items():
            for start in range(0, len(of_service), PART):
                of_service[start : start + PART]._retry(service)
        left = records.exists()
        return self._notification(len(records) - len(left), left)

    def _retry(self, service):
        messages = {record.sequence: record for record in self}
        stored = []
        refused = service._for_jobs()._store(
            [(service, one.sequence, one._retried_message()) for one in self], stored
        )
        service._enqueue_handlers(stored)
        for _service, sequence, _message, error in refused:
            record = messages.pop(sequence)
            record.write(
                {
                    "reason": self._describe(error),
                    "tries": record.tries + 1,
                    "last_try": fields.Datetime.now(),
                }
            )
        self.browse([record.id for record in messages.values()]).unlink()
        service._notify_state()

    def _retried_message(self):
        message = self._message()
        properties = {
            name: value
            for name, value in (message.properties or {}).items()
            if name != UNREADABLE
        }
        return replace(message, trouble=None, paused=0, properties=properties or None)

    def _notification(self, stored, left):
        said = [self.env._("Messages stored: %s", stored)]
        if left:
            said.append(
                self.env._(
                    "still refused: %(count)s (%(reason)s)",
                    count=len(left),
                    reason=short_line(left[0].reason),
                )
            )
        return {
            "type": "ir.actions.client",
            "tag": "display_notification",
            "params": {
                "message": ", ".join(said),
                "type": "warning" if left else "success",
                "next": {"type": "ir.actions.client", "tag": "soft_reload"},
            },
        }
