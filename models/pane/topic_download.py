# Copyright 2026 mqtt_listener contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
from odoo import models

from ...mqtt.payload import PayloadError, decode_text
from .topic_history import OLDEST_FIRST, after_message

BATCH = 500  # messages that are read together
BATCH_BYTES = 4 * 1024 * 1024  # of their payloads, the first one apart


class MqttService(models.Model):
    """The messages of a topic in a span, for a file of any length."""

    _inherit = "mqtt.service"

    def _topic_messages(self, topic, span):
        """The messages of a span, the oldest first, a few at a time.

        What was read of them before is forgotten: the memory it takes is that of the
        largest payload, whatever the span holds.

        :param topic: name of the topic.
        :param span: see :func:`.topic_history.bounds`.
        :return: iterator of recordsets of ``mqtt.signal.history``.
        :raise AccessError: for a user who may not read the service.
        """
        within = self._domain_of_topic(topic) & self._domain_of_span(span)
        history = self.env["mqtt.signal.history"]
        domain = within
        while found := history.search(domain, order=OLDEST_FIRST, limit=BATCH):
            batch = found._first_bytes(BATCH_BYTES)
            yield batch
            domain = within & after_message(batch[-1])
            self.env.invalidate_all()


class MqttSignalHistory(models.Model):
    _inherit = "mqtt.signal.history"

    def _downloaded(self):
        """A message as the files of a pane have it.

        :return: dict: ``time`` (UTC), ``topic``, ``direction``, ``qos``, ``retain``,
            ``size`` (bytes), and ``payload`` (text) or ``payload_hex``; neither where
            history does not have it.
        """
        self.ensure_one()
        values = {
            "time": self.timestamp.isoformat(timespec="microseconds") + "Z",
            "topic": self.topic,
            "direction": self.direction,
            "qos": self.qos,
            "retain": self.retain,
            "size": self.size,
        }
        try:
            payload = self.payload_bytes
        except PayloadError:
            return values
        text = decode_text(payload)
        if text is None:
            return {**values, "payload_hex": payload.hex()}
        return {**values, "payload": text}
