# Copyright 2026 mqtt_listener contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
from odoo import models
from odoo.fields import Domain

from ...mqtt.wording import short_line

ANSWER_SECONDS = 30  # that a response is waited for


class MqttService(models.Model):
    """Publishing from the pane of a topic, and what became of it."""

    _inherit = "mqtt.service"

    def topic_publish(self, topic, payload, qos=1, retain=False, asks=False):
        """Publish a text as a person typed it.

        :param topic: name of the topic.
        :param payload: text; it is sent as UTF-8.
        :param qos: 0, 1 or 2.
        :param retain: whether the broker keeps it; not for one that asks.
        :param asks: whether it carries a response topic (MQTT 5), and its response is
            waited for.
        :return: id of the message.
        :raise AccessError: for a user who is no MQTT operator.
        :raise UserError: when no broker could take the message, saying why.
        """
        self.ensure_one()
        payload = payload if isinstance(payload, str) else ""
        if asks:
            request = self.mqtt_request(topic, payload, ANSWER_SECONDS, qos=qos)
            return request.message_id.id
        return self.mqtt_publish(topic, payload, qos=qos, retain=retain).id

    def topic_published(self, message_ids):
        """What became of messages that were published from the pane.

        :param message_ids: ids of messages of this service.
        :return: a dict for each that is still there: ``id``, ``state``,
            ``state_label``, ``problem`` (why it was not sent), ``answer_state`` and
            ``answer_label`` (of its request), ``answer_id`` and ``answer`` (the
            beginning of the response).
        :raise AccessError: for a user who may not read the service.
        """
        self.ensure_one()
        self.check_access("read")
        sent = self.env["mqtt.signal.history"].search(
            Domain("id", "in", list(message_ids))
            & Domain("service_id", "=", self.id)
            & Domain("direction", "=", "send")
        )
        requests = self.env["mqtt.request"]
        states = dict(sent._fields["state"]._description_selection(self.env))
        answers = dict(requests._fields["state"]._description_selection(self.env))
        return [
            {
                "id": message.id,
                "state": message.state,
                "state_label": states[message.state],
                "problem": short_line(message.publish_problem or ""),
                "answer_state": message.request_state,
                "answer_label": answers.get(message.request_state, ""),
                "answer_id": message.answer_id.id,
                "answer": message.answer_id.payload_preview or "",
            }
            for message in sent
        ]
