# Copyright 2026 mqtt_listener contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""A device that does what it is told, and answers."""

from paho.mqtt import client as paho
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from .subscriber import Subscriber


class Device(Subscriber):
    """Answers what comes to a topic, where and how it is asked to.

    :param answers: gives the payloads of the answers to a payload.
    """

    protocol = paho.MQTTv5

    def __init__(self, broker, topic, answers):
        super().__init__(broker, topic, qos=1)
        self._answers = answers

    def on_message(self, client, message):
        topic = message.properties.ResponseTopic
        properties = Properties(PacketTypes.PUBLISH)
        properties.CorrelationData = message.properties.CorrelationData
        for payload in self._answers(message.payload):
            client.publish(topic, payload, qos=1, properties=properties)
