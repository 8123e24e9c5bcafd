# Copyright 2026 mqtt_listener contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""The listeners of other designs: a paho thread in an Odoo worker.

classic: a record created, and what it says written where it is an item's, and
committed for each message, inside ``on_message``.
naive: a queue job enqueued and committed for each message, which stores and handles it.
"""

import threading

from paho.mqtt.client import CallbackAPIVersion, Client, MQTTv5
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from odoo import SUPERUSER_ID, api
from odoo.modules.registry import Registry

RECEIVE_MAXIMUM = 2000  # the same for all designs


def start(database, design, host, port, count):
    """Start the thread; return when it is subscribed.

    :raise TimeoutError: when the broker does not answer.
    """
    subscribed = threading.Event()
    client = Client(CallbackAPIVersion.VERSION2, protocol=MQTTv5)
    registry = Registry(database)
    left = count

    def on_message(_client, _userdata, message):
        nonlocal left
        topic, payload = message.topic, message.payload.decode()
        with registry.cursor() as cr:
            messages = api.Environment(cr, SUPERUSER_ID, {})["mqtt.bench.message"]
            if design == "naive":
                messages.with_delay()._job_handle(topic, payload)
            else:
                messages._job_handle(topic, payload)
        left -= 1
        if not left:
            client.disconnect()

    client.on_connect = lambda *_: client.subscribe(f"{design}/#", 1)
    client.on_subscribe = lambda *_: subscribed.set()
    client.on_message = on_message
    properties = Properties(PacketTypes.CONNECT)
    properties.ReceiveMaximum = RECEIVE_MAXIMUM
    client.connect(host, port, properties=properties)
    threading.Thread(target=client.loop_forever, daemon=True).start()
    if not subscribed.wait(10):
        raise TimeoutError(f"{host}:{port} does not answer")
