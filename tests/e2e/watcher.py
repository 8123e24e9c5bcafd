"""Who hears what is published."""

import threading

from paho.mqtt import client as paho

from dev.servers import wait_until

TIMEOUT = 20


class Watcher:
    """Hears what is published to a topic while it is used as a context."""

    def __init__(self, broker, topic):
        self.heard = []
        self._broker, self._topic = broker, topic
        self._is_ready = threading.Event()
        self._client = paho.Client(paho.CallbackAPIVersion.VERSION2)
        self._client.on_subscribe = lambda *_: self._is_ready.set()
        self._client.on_message = lambda _client, _userdata, message: self.heard.append(
            message.payload.decode()
        )

    def __enter__(self):
        self._client.connect(self._broker.host, self._broker.port)
        self._client.subscribe(self._topic, qos=2)
        self._client.loop_start()
        assert self._is_ready.wait(TIMEOUT)
        return self

    def __exit__(self, *_error):
        self._client.disconnect()
        self._client.loop_stop()

    def wait(self, *payloads):
        wait_until(
            lambda: self.heard == list(payloads), TIMEOUT, f"not {payloads}: {self}"
        )

    def __str__(self):
        return f"heard {self.heard}"
