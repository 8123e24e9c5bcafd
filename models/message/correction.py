# Copyright 2026 mqtt_listener contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
from odoo import models


class MqttSignalHistory(models.Model):
    """A failed message that a user corrects, or replays."""

    _inherit = "mqtt.signal.history"

    def _correct(self, payloads):
        """Messages of their own with what these should have said.

        :param payloads: of each, in bytes.
        :return: the corrections, in the order of these messages.
        :raise UserError: when one is larger than its service keeps.
        """
        values_list = []
        for message, payload in zip(self, payloads, strict=True):
            message.service_id._check_payload_size(payload)
            values_list.append(message._corrected_values(payload))
        for message, values, payload in zip(self, values_list, payloads, strict=True):
            message.service_id._attach_payloads([values], [payload])
        return self.create(values_list)

    def _corrected_values(self, payload):
        copied = (
            "topic",
            "qos",
            "retain",
            "direction",
            "content_type",
            "payload_format",
            "response_topic",
            "correlation_data",
            "user_properties",
        )
        message = self.with_context(bin_size=False)
        return {
            **{name: message[name] for name in copied},
            **self.service_id._payload_values(payload),
            "service_id": self.service_id.id,
            "corrected_from_id": self.id,
            "has_handlers": True,
        }

    def action_replay(self):
        """Prepare a replay of these messages.

        :raise AccessError: for a user who is no MQTT operator.
        """
        self.env["mqtt.replay"]._check_operator()
        self.check_access("read")
        replay = self.env["mqtt.replay"].create(
            {"selected_ids": self.sorted("id").ids, "topic_filter": False}
        )
        return replay.get_formview_action()
