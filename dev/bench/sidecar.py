# Copyright 2026 mqtt_listener contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""What people build beside Odoo: paho, and one XML-RPC ``create`` for each message.

python -m dev.bench.sidecar <broker> <port> <url> <database> <user id> <password>

Says ``ready`` when it is subscribed to ``sidecar/#``; runs until it is stopped.
"""

import sys
import time
import xmlrpc.client

from paho.mqtt.client import CallbackAPIVersion, Client, MQTTv5
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

RECEIVE_MAXIMUM = 2000  # the same for all designs


def main() -> None:
    """Receive, and create a record for each message before it is acknowledged."""
    host, port, url, database, user, password = sys.argv[1:]
    objects = xmlrpc.client.ServerProxy(f"{url}/xmlrpc/2/object", allow_none=True)
    client = Client(CallbackAPIVersion.VERSION2, protocol=MQTTv5, manual_ack=True)

    def on_message(_client, _userdata, message) -> None:
        values = {
            "topic": message.topic,
            "payload": message.payload.decode(),
            "qos": message.qos,
            "retain": message.retain,
            "direction": "receive",
            "timestamp": time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime()),
        }
        who = database, int(user), password
        objects.execute_kw(*who, "mqtt.bench.message", "create", [values])
        client.ack(message.mid, message.qos)

    client.on_connect = lambda *_: client.subscribe("sidecar/#", 1)
    client.on_subscribe = lambda *_: print("ready", flush=True)
    client.on_message = on_message
    properties = Properties(PacketTypes.CONNECT)
    properties.ReceiveMaximum = RECEIVE_MAXIMUM
    client.connect(host, int(port), properties=properties)
    client.loop_forever()


if __name__ == "__main__":
    main()
