# Copyright 2026 mqtt_listener contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
from odoo import fields, models

from ..common.wide_fields import BigInteger, Bytes


class MqttReceipt(models.Model):
    """Packet identifiers and digests of committed messages the broker may send again.

    Written with each batch, in its transaction; deleted once the broker is known to
    have processed the acknowledgements. ``mqtt/receipts.py`` says how they are used.
    """

    _name = "mqtt.receipt"
    _description = "MQTT receipt log"
    _rec_name = "service_id"
    _order = "service_id, last_sequence, id"
    _log_access = False

    service_id = fields.Many2one("mqtt.service", required=True, ondelete="cascade")
    last_sequence = BigInteger(required=True)
    content = Bytes(required=True)

    _service_sequence = models.Index("(service_id, last_sequence)")
