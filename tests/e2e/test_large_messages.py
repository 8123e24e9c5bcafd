# Copyright 2026 mqtt_listener contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""Large messages through a real broker, and what they take of the listener's memory."""

import hashlib
import os
import threading

import pytest
from paho.mqtt import client as paho
from service import Service

from dev.servers import wait_until

MIB = 1024 * 1024
SPARE = 64 * MIB  # beside three times the message


def peak(pid):
    """The most bytes that a process had in memory since :func:`forget_peak`."""
    with open(f"/proc/{pid}/status") as status:
        (line,) = (line for line in status if line.startswith("VmHWM:"))
    return int(line.split()[1]) * 1024


def forget_peak(pid):
    with open(f"/proc/{pid}/clear_refs", "w") as file:
        file.write("5")
    return peak(pid)


def publish(broker, topic, payload):
    """Publish, however long that takes."""
    client = paho.Client(paho.CallbackAPIVersion.VERSION2)
    sent = threading.Event()
    client.on_publish = lambda *_args: sent.set()
    client.connect(broker.host, broker.port, keepalive=0)
    client.loop_start()
    client.publish(topic, payload, 1)
    assert sent.wait(120)
    client.disconnect()
    client.loop_stop()


def receive(service, broker, topic, size):
    """Publish so many bytes and wait until they are stored.

    :return: what history says of it, the digest that it should have, and how many
        bytes the listener took for it.
    """
    payload = os.urandom(size)
    pid = service.listener_pid
    before = forget_peak(pid)
    publish(broker, topic, payload)
    where = f"topic = '{topic}'"
    service.wait_stored(1, 180, where)
    taken = peak(pid) - before
    assert service.listener_pid == pid, "the listener was ended"
    columns = "size, payload_digest, payload_attachment_id IS NOT NULL"
    (row,) = service.rows(columns, where)
    return row, hashlib.sha256(payload).hexdigest(), taken


@pytest.mark.parametrize("protocol", ["5", "3.1.1"])
def test_memory(new_odoo, broker, protocol):
    """At most three times the message and a bit; beyond Attachment Limit hardly any."""
    with new_odoo(workers=2) as odoo:
        service = Service(odoo, broker, f"large/{protocol}/#", protocol=protocol)
        service.start()
        for size in (30 * MIB, 100 * MIB):
            topic = f"large/{protocol}/{size}"
            row, digest, taken = receive(service, broker, topic, size)
            assert row == (size, digest, True)
            assert taken <= 3 * size + SPARE
        service.stop()
        wait_until(lambda: not service.read("thread_identifier"), 15, "still listening")
        odoo.call("mqtt.service", "write", [service.id], {"attachment_limit": 2 * MIB})
        service.start()
        size = 100 * MIB
        row, digest, taken = receive(service, broker, f"large/{protocol}/gone", size)
        assert row == (size, digest, False)
        assert taken <= SPARE
