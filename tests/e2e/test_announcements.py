"""What a real broker makes of a service that comes, leaves, and dies."""

import threading

import pytest
from paho.mqtt import client as paho
from service import Service

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


@pytest.mark.parametrize("protocol", ["5", "3.1.1"])
def test_it_comes_leaves_and_dies(new_odoo, broker, protocol):
    """Each time others learn the truth, and the last of it stays with the broker."""
    topic = f"odoo/{protocol}/status"
    announcements = [
        {"kind": kind, "topic": topic, "payload": payload, "qos": qos}
        for kind, payload, qos in (
            ("birth", "here", "2"),
            ("stop", "stopped", "2"),
            ("will", "lost", "1"),
        )
    ]
    with new_odoo(workers=2) as odoo, Watcher(broker, topic) as watcher:
        service = Service(
            odoo,
            broker,
            "plant/#",
            protocol=protocol,
            announcement_ids=[(0, 0, one) for one in announcements],
        )
        service.start()
        watcher.wait("here")
        service.call("restart_mqtt_service")
        watcher.wait("here", "stopped", "here")
        service.stop()
        watcher.wait("here", "stopped", "here", "stopped")
        wait_until(lambda: not service.read("thread_identifier"), TIMEOUT, "not ended")
        service.start()
        watcher.heard.clear()
        odoo.kill()
        watcher.wait("lost")
    with Watcher(broker, topic) as late:
        late.wait("lost")
