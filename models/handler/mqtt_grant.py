# Copyright 2026 mqtt_listener contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
from odoo import fields, models

from ..common.wide_fields import BigInteger


class MqttGrant(models.Model):
    """What the broker answered to a subscription, and what came through it.

    Written by the listener only, for the same reason as ``mqtt.connection``.
    """

    _name = "mqtt.grant"
    _description = "MQTT subscription state"
    _rec_name = "subscription_id"
    _log_access = False

    subscription_id = fields.Many2one(
        "mqtt.subscription", required=True, ondelete="cascade"
    )
    state = fields.Selection(
        [
            ("pending", "Not subscribed"),
            ("granted", "Subscribed"),
            ("covered", "Through another filter"),
            ("refused", "Refused"),
        ],
        default="pending",
        required=True,
    )
    granted_qos = fields.Integer(string="Granted QoS")
    reason = fields.Char(
        help="Reason that the broker gave when it refused the subscription."
    )
    message_count = BigInteger(default=0, required=True)
    count_before = BigInteger(
        default=0,
        required=True,
        help="Number of messages when the listener took over the service.",
    )
    last_message = fields.Datetime()

    _subscription_uniq = models.UniqueIndex("(subscription_id)")
