# Copyright 2026 mqtt_listener contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
from odoo import api, fields, models

from .listeners import start


class Message(models.Model):
    """What a listener thread of the classic design stores: the fields of a history."""

    _name = "mqtt.bench.message"
    _description = "Message"

    topic = fields.Char(required=True, index=True)
    payload = fields.Text()
    qos = fields.Integer()
    retain = fields.Boolean()
    direction = fields.Selection([("receive", "Received"), ("send", "Sent")])
    timestamp = fields.Datetime(index=True)

    @api.model
    def listen(self, design, host, port, count):
        """Start a listener thread in this worker, as modules do, for so many messages.

        :param design: ``classic`` or ``naive``.
        """
        start(self.env.cr.dbname, design, host, port, count)
        return True

    def _job_handle(self, topic, payload):
        """A job for one message: store it, and handle it where it is an item's."""
        self._store(topic, payload)
        _design, kind, key = topic.split("/")
        if kind != "stored":
            self.env["mqtt.bench.item"]._find_and_write(key, payload[:100])

    def _store(self, topic, payload):
        self.create(
            {
                "topic": topic,
                "payload": payload,
                "qos": 1,
                "retain": False,
                "direction": "receive",
                "timestamp": fields.Datetime.now(),
            }
        )
