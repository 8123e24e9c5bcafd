# Copyright 2026 mqtt_listener contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""The limit: paho receives with manual acknowledgement, and does nothing else.

python -m dev.bench.limit <host> <port> <messages>

Says ``ready`` when it is subscribed; in the end a line of JSON: ``end``, on the
monotonic clock, and ``cpu`` seconds.
"""

import json
import sys
import time

from paho.mqtt.client import CallbackAPIVersion, Client, MQTTv5
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

RECEIVE_MAXIMUM = 2000  # the same for all designs


def main() -> None:
    host, port, left = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    client = Client(CallbackAPIVersion.VERSION2, protocol=MQTTv5, manual_ack=True)

    def on_message(_client, _userdata, message) -> None:
        nonlocal left
        client.ack(message.mid, message.qos)
        left -= 1
        if not left:
            client.disconnect()

    cpu = 0.0

    def on_subscribe(*_: object) -> None:
        nonlocal cpu
        cpu = time.process_time()
        print("ready", flush=True)

    client.on_connect = lambda *_: client.subscribe("limit/#", 1)
    client.on_subscribe = on_subscribe
    client.on_message = on_message
    properties = Properties(PacketTypes.CONNECT)
    properties.ReceiveMaximum = RECEIVE_MAXIMUM
    client.connect(host, port, properties=properties)
    client.loop_forever()
    print(json.dumps({"end": time.monotonic(), "cpu": time.process_time() - cpu}))


if __name__ == "__main__":
    main()
