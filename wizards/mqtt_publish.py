# Copyright 2026 mqtt_listener contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
from odoo import fields, models

from ..models.common.wide_fields import BigInteger, BigMany2one


class MqttPublish(models.TransientModel):
    """A message that a person publishes."""

    _name = "mqtt.publish"
    _description = "Publish an MQTT Message"

    service_id = fields.Many2one(
        "mqtt.service",
        required=True,
        ondelete="cascade",
        help="Service that publishes the message.",
    )
    protocol = fields.Selection(related="service_id.protocol")
    topic = fields.Char(required=True, help="Topic to publish to, without wildcards.")
    payload = fields.Text(help="Text that is published, in UTF-8.")
    qos = fields.Selection(
        [("0", "0"), ("1", "1"), ("2", "2")],
        string="QoS",
        default="1",
        required=True,
        help="Quality of service: 0 at most once, 1 at least once, 2 exactly once.",
    )
    retain = fields.Boolean(
        help="The broker keeps the message and sends it to clients that subscribe "
        "later."
    )
    answered_id = BigMany2one(
        "mqtt.signal.history",
        string="Answers",
        readonly=True,
        help="Message that this one is a response to.",
    )
    content_type = fields.Char(
        help="MIME type of the payload, such as application/json (MQTT 5)."
    )
    response_topic = fields.Char(
        help="Topic that subscribers should send a response to (MQTT 5)."
    )
    message_expiry = BigInteger(
        help="Seconds after which the broker discards the message. 0: never."
    )
    asks = fields.Boolean(
        string="Ask for an Answer",
        help="The message carries a response topic, and its response is linked to it.",
    )
    timeout = fields.Integer(default=30, help="Seconds to wait for the response.")

    def action_publish(self):
        """Publish it, and show what becomes of it.

        :raise AccessError: for a user who is no MQTT operator.
        :raise UserError: when no broker could take the message, saying why.
        """
        self.ensure_one()
        properties = {
            "content_type": self.content_type,
            "response_topic": not self.asks and self.response_topic,
            "message_expiry": self.message_expiry,
            # The sender of the request knows the answer by it (section 4.10).
            "correlation_data": self.answered_id.with_context(
                bin_size=False
            ).correlation_data,
        }
        properties = {name: value for name, value in properties.items() if value}
        topic, payload, qos = self.topic, self.payload or "", int(self.qos)
        if self.asks:
            request = self.service_id.mqtt_request(
                topic, payload, timeout=self.timeout, qos=qos, properties=properties
            )
            return request.get_formview_action()
        message = self.service_id.mqtt_publish(
            topic, payload, qos=qos, retain=self.retain, properties=properties
        )
        return message.get_formview_action()


class MqttService(models.Model):
    _inherit = "mqtt.service"

    def action_publish(self):
        """Ask what to publish.

        :raise AccessError: for a user who is no MQTT operator.
        """
        self.ensure_one()
        self._for_publishing()
        return self._publish_action({"default_service_id": self.id})

    def _publish_action(self, context):
        return {
            "type": "ir.actions.act_window",
            "name": self.env._("Publish"),
            "res_model": "mqtt.publish",
            "view_mode": "form",
            "target": "new",
            "context": context,
        }


class MqttSignalHistory(models.Model):
    _inherit = "mqtt.signal.history"

    def action_answer(self):
        """Ask what to answer: to the message's response topic, with its correlation
        data (MQTT 5.0 section 4.10).

        :raise AccessError: for a user who is no MQTT operator.
        """
        self.ensure_one()
        self.service_id._for_publishing()
        return self.service_id._publish_action(
            {
                "default_service_id": self.service_id.id,
                "default_topic": self.response_topic,
                "default_answered_id": self.id,
            }
        )
