"""A device that does what it is told, and answers."""

import threading

from paho.mqtt import client as paho
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

TIMEOUT = 20


class Device:
    """Answers what comes to a topic, where and how it is asked to.

    :param answers: gives the payloads of the answers to a payload.
    """

    def __init__(self, broker, topic, answers):
        self._broker, self._topic, self._answers = broker, topic, answers
        self._is_ready = threading.Event()
        self._client = paho.Client(
            paho.CallbackAPIVersion.VERSION2, protocol=paho.MQTTv5
        )
        self._client.on_message = self._on_message
        self._client.on_subscribe = lambda *_: self._is_ready.set()

    def __enter__(self):
        self._client.connect(self._broker.host, self._broker.port)
        self._client.subscribe(self._topic, qos=1)
        self._client.loop_start()
        assert self._is_ready.wait(TIMEOUT)
        return self

    def __exit__(self, *_error):
        self._client.disconnect()
        self._client.loop_stop()

    def _on_message(self, client, _userdata, message):
        topic = message.properties.ResponseTopic
        properties = Properties(PacketTypes.PUBLISH)
        properties.CorrelationData = message.properties.CorrelationData
        for payload in self._answers(message.payload):
            client.publish(topic, payload, qos=1, properties=properties)
