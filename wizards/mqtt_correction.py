# Copyright 2026 mqtt_listener contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
import base64

from odoo import api, fields, models
from odoo.exceptions import UserError

from ..models.queue.queue_job import PUBLISH_METHOD
from ..mqtt.json_text import parse_json
from ..mqtt.payload import PayloadError


class MqttCorrection(models.TransientModel):
    """What a failed message should have said."""

    _name = "mqtt.correction"
    _description = "Correction of a Failed MQTT Message"

    job_id = fields.Many2one(
        "queue.job",
        required=True,
        ondelete="cascade",
        help="Failed job whose message is corrected.",
    )
    # Not as superuser, or any job and message could be read through them.
    topic = fields.Char(related="job_id.mqtt_topic", related_sudo=False)
    handler_id = fields.Many2one(
        related="job_id.mqtt_handler_id", string="Handler", related_sudo=False
    )
    error = fields.Char(related="job_id.exc_message", related_sudo=False)
    message_count = fields.Integer(
        related="job_id.mqtt_message_count", related_sudo=False
    )
    is_text = fields.Boolean(
        compute="_compute_is_text",
        help="Whether the payload is text that can be edited here.",
    )
    payload = fields.Text(
        compute="_compute_payload",
        compute_sudo=False,
        store=True,
        readonly=False,
        help="Payload that is handled instead.",
    )
    payload_warning = fields.Char(
        compute="_compute_payload_warning",
        help="What is not JSON in the payload, if the message was JSON.",
    )
    payload_file = fields.Binary(
        string="Payload as a File", help="The payload, where it is not text."
    )

    @api.depends("job_id")
    def _compute_is_text(self):
        for correction in self:
            message = correction.job_id.mqtt_message_id
            # What is an attachment is too long for a form.
            correction.is_text = not (message.payload_raw or message.payload_digest)

    @api.depends("job_id")
    def _compute_payload(self):
        for correction in self:
            message = correction.job_id.mqtt_message_id
            correction.payload = correction.is_text and message.payload

    @api.depends("payload")
    def _compute_payload_warning(self):
        for correction in self:
            message = correction.job_id.mqtt_message_id
            is_meant_as_json = _why_not_json(message.payload or "") is None
            begins = (correction.payload or "").lstrip()[:1] in ("{", "[")
            why = is_meant_as_json or begins
            correction.payload_warning = why and _why_not_json(correction.payload or "")

    def action_process(self):
        """Give the correction to the handler, or publish it, as a message of its own.

        The original stays, and its job is cancelled; what else that was to publish is
        published after the correction.

        :raise AccessError: for a user who is no MQTT operator.
        :raise UserError: when the message is not failed any more.
        """
        self.ensure_one()
        job = self.job_id._for_mqtt_operation()
        if not job:
            raise UserError(self.env._("This message is not failed any more."))
        corrected = job.mqtt_message_id._correct([self._payload_bytes()])
        reason = self.env._("corrected as message %s", corrected.id)
        if job.method_name == PUBLISH_METHOD:
            job._mqtt_publish_instead(corrected, reason)
        else:
            corrected._enqueue_handle(job.mqtt_handler_id)
        job._mqtt_cancel(job._mqtt_cancelled_by_me(reason))
        return {"type": "ir.actions.client", "tag": "soft_reload"}

    def _payload_bytes(self):
        if self.is_text:
            return (self.payload or "").encode()
        if not self.payload_file:
            raise UserError(self.env._("Choose the file with the right payload."))
        return base64.b64decode(self.with_context(bin_size=False).payload_file)


def _why_not_json(text):
    try:
        parse_json(text.encode())
    except PayloadError as error:
        return str(error)
    return None
