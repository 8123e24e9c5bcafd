# Copyright 2026 mqtt_listener contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
from odoo import fields, models

from ..common.wide_fields import BigInteger, BigMany2one


class MqttOrderedMessage(models.Model):
    """A message that waits for its turn at a handler that keeps the order.

    Written in the transaction that stores the message, deleted in the one in which
    the handler got it.
    """

    _name = "mqtt.ordered.message"
    _description = "MQTT message that waits for its turn"
    _rec_name = "message_id"
    _log_access = False
    _order = "sequence, id"

    handler_id = fields.Many2one("mqtt.handler", required=True, ondelete="cascade")
    service_id = fields.Many2one("mqtt.service", required=True, ondelete="cascade")
    message_id = BigMany2one(
        "mqtt.signal.history", required=True, ondelete="cascade", index=True
    )
    sequence = BigInteger(required=True)

    _handler_service_sequence = models.Index("(handler_id, service_id, sequence)")
