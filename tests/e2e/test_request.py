"""Commands to a device that answers, or does not."""

import threading

import pytest
from paho.mqtt import client as paho
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from service import Service

from dev.servers import wait_until

COUNT = 100
TIMEOUT = 20


@pytest.fixture
def device(broker):
    """Answers what it is asked with what it was told, but for every tenth request."""
    is_ready = threading.Event()
    client = paho.Client(paho.CallbackAPIVersion.VERSION2, protocol=paho.MQTTv5)

    def answer(_client, _userdata, message):
        if int(message.payload) % 10 == 9:
            return
        properties = Properties(PacketTypes.PUBLISH)
        properties.CorrelationData = message.properties.CorrelationData
        # Twice: no device can be kept from that.
        for _ in range(2):
            client.publish(
                message.properties.ResponseTopic,
                message.payload,
                qos=1,
                properties=properties,
            )

    client.on_message = answer
    client.on_subscribe = lambda *_: is_ready.set()
    client.connect(broker.host, broker.port)
    client.subscribe("device/command", qos=1)
    client.loop_start()
    assert is_ready.wait(TIMEOUT)
    yield client
    client.disconnect()
    client.loop_stop()


def test_answered_or_not(odoo, broker, device):
    """Whoever asked is told once: the answer, or that there is none. The first requests
    are published when the subscription that brings their answers is granted.
    """
    service = Service(odoo, broker, "plant/#")
    service.start()
    rows = odoo.call(
        "mqtt.e2e.row", "ask", service.id, "device/command", COUNT, TIMEOUT
    )

    def states():
        found = odoo.call(
            "mqtt.request",
            "search_read",
            [("service_id", "=", service.id)],
            ["state"],
            order="id",
        )
        return [one["state"] for one in found]

    expected = ["silent" if n % 10 == 9 else "answered" for n in range(COUNT)]
    wait_until(lambda: states() == expected, 3 * TIMEOUT, "not all were told")

    def open_jobs():
        return odoo.call(
            "queue.job",
            "search_count",
            [("mqtt_service_id", "=", service.id), ("state", "!=", "done")],
        )

    wait_until(lambda: not open_jobs(), TIMEOUT, "some jobs are not done")
    told = odoo.call("mqtt.e2e.row", "read", rows, ["number"])
    assert [one["number"] for one in told] == [
        1000 if n % 10 == 9 else n for n in range(COUNT)
    ]
    service.stop()
