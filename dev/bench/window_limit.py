# Copyright 2026 mqtt_listener contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""The limit of a window: paho receives it, one commit, then it is acknowledged.

python -m dev.bench.window_limit <host> <port> <window> <messages>

Reads a line of JSON that says how PostgreSQL is reached (libpq parameters; a password
is no argument). Says ``ready`` when it is subscribed; in the end a line of JSON with
``end``, on the monotonic clock.
"""

import json
import sys
import time

import psycopg2
from paho.mqtt.client import CallbackAPIVersion, Client, MQTTv5
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

CREATE = "CREATE TABLE IF NOT EXISTS bench_window (content bytea)"
COMMIT = "INSERT INTO bench_window (content) VALUES (%s)"


def main() -> None:
    """Until so many messages are durable and acknowledged."""
    host, port, window, left = sys.argv[1], *map(int, sys.argv[2:])
    connection = psycopg2.connect(**json.loads(sys.stdin.readline()))
    connection.autocommit = True
    cursor = connection.cursor()
    cursor.execute(CREATE)
    client = Client(CallbackAPIVersion.VERSION2, protocol=MQTTv5, manual_ack=True)
    held = []

    def on_message(_client, _userdata, message) -> None:
        nonlocal left
        held.append(message)
        if len(held) < min(window, left):
            return
        cursor.execute(COMMIT, [b"".join(one.payload for one in held)])
        for one in held:
            client.ack(one.mid, one.qos)
        left -= len(held)
        held.clear()
        if not left:
            client.disconnect()

    client.on_connect = lambda *_: client.subscribe("window_limit/#", 1)
    client.on_subscribe = lambda *_: print("ready", flush=True)
    client.on_message = on_message
    properties = Properties(PacketTypes.CONNECT)
    properties.ReceiveMaximum = window
    client.connect(host, port, properties=properties)
    client.loop_forever()
    print(json.dumps({"end": time.monotonic()}))


if __name__ == "__main__":
    main()
