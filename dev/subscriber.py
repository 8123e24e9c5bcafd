# Copyright 2026 mqtt_listener contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""A client that is subscribed while it is used as a context."""

import threading

from paho.mqtt import client as paho

TIMEOUT = 20


class Subscriber:
    """Is told what comes to a topic, by :meth:`on_message`.

    :param qos: at most, of what it is told.
    """

    protocol = paho.MQTTv311

    def __init__(self, broker, topic, qos):
        self._broker, self._topic, self._qos = broker, topic, qos
        self._is_ready = threading.Event()
        self._client = paho.Client(
            paho.CallbackAPIVersion.VERSION2, protocol=self.protocol
        )
        self._client.on_subscribe = lambda *_: self._is_ready.set()
        self._client.on_message = lambda client, _userdata, message: self.on_message(
            client, message
        )

    def __enter__(self):
        self._client.connect(self._broker.host, self._broker.port)
        self._client.subscribe(self._topic, qos=self._qos)
        self._client.loop_start()
        assert self._is_ready.wait(TIMEOUT)
        return self

    def __exit__(self, *_error):
        self._client.disconnect()
        self._client.loop_stop()

    def on_message(self, client, message):
        """Do what is to be done about a message, in the client's thread."""
        raise NotImplementedError
