# Copyright 2026 mqtt_listener contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
from odoo import fields, models

from ..common.wide_fields import BigMany2one


class MqttRequest(models.Model):
    """A message that asked for an answer, and who is told of it."""

    _name = "mqtt.request"
    _inherit = ["mqtt.short.topics"]
    _description = "MQTT Request"
    _rec_name = "message_id"
    _order = "id desc"
    _log_access = False

    service_id = fields.Many2one(
        "mqtt.service",
        required=True,
        ondelete="cascade",
        index=True,
        help="Service that sends the request and receives the response.",
    )
    message_id = BigMany2one(
        "mqtt.signal.history",
        string="Request",
        required=True,
        ondelete="cascade",
        help="Message that was sent as the request.",
    )
    topic = fields.Char(related="message_id.topic")
    correlation = fields.Char(
        string="Correlation Data",
        required=True,
        help="Correlation data that identifies the response, as hexadecimal digits.",
    )
    asked_at = fields.Datetime(required=True, help="Time when the request was made.")
    deadline = fields.Datetime(
        required=True,
        help="Time when the requesting method is called without a response.",
    )
    state = fields.Selection(
        [
            ("waiting", "Waiting"),
            ("answered", "Answered"),
            ("silent", "No Answer"),
            ("late", "Answered too Late"),
        ],
        default="waiting",
        required=True,
        readonly=True,  # what the badge keeps up to date on an open page,
        help="Waiting: the response may still arrive. Answered: it arrived. No Answer: "
        "it did not arrive in time. Answered too Late: it arrived afterwards.",
    )
    answer_id = BigMany2one(
        "mqtt.signal.history",
        string="Answer",
        ondelete="set null",
        index="btree_not_null",
        help="Message that was received as the response.",
    )
    answer_preview = fields.Char(related="answer_id.payload_preview", string="Says")

    job_uuid = fields.Char(
        help="Identifier of the job that reports a missing response."
    )

    # Who is told: as queue_job keeps the environment of a job's records.
    model_name = fields.Char()
    method_name = fields.Char(help="Method that is called with the response.")
    record_ids = fields.Json()
    user_id = fields.Many2one(
        "res.users",
        string="Asked by",
        ondelete="cascade",
        help="User that the method runs as.",
    )
    as_superuser = fields.Boolean()
    context = fields.Json()

    _message_uniq = models.UniqueIndex("(message_id)")
    _correlation_uniq = models.UniqueIndex("(correlation)")


class MqttSignalHistory(models.Model):
    _inherit = "mqtt.signal.history"

    request_ids = fields.One2many("mqtt.request", "message_id")
    answered_ids = fields.One2many("mqtt.request", "answer_id")
    request_state = fields.Selection(related="request_ids.state", string="Answer is")
    answer_id = fields.Many2one(related="request_ids.answer_id", string="Answer")
    answers_id = fields.Many2one(related="answered_ids.message_id", string="Answer to")
