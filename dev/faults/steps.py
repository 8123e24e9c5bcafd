# Copyright 2026 mqtt_listener contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""Where the listener is made to raise: each of its callbacks and steps.

``module:Class.method``, and what it takes to have it called under load.
"""

TRAFFIC, RECONNECT, RESTART = "traffic", "reconnect", "restart"

STEPS = {
    "connection:MqttConnection._on_message": TRAFFIC,
    "socket_loop:SocketLoop._read": TRAFFIC,
    "socket_loop:SocketLoop._turn": TRAFFIC,
    "socket_loop:SocketLoop._beat": TRAFFIC,
    "heartbeat:Heartbeat.confirm": TRAFFIC,
    "connection:MqttConnection._obey": TRAFFIC,
    "connection:MqttConnection._connect": RECONNECT,
    "connection:MqttConnection._on_connect": RECONNECT,
    "connection:MqttConnection._on_disconnect": RECONNECT,
    "connection:MqttConnection._on_answer": RECONNECT,
    "connection:MqttConnection._close": RECONNECT,
    "connection:MqttConnection._wait_before_reconnect": RECONNECT,
    "subscriber:Subscriber.connected": RECONNECT,
    "subscriber:Subscriber._send": RECONNECT,
    "window:Window.received": TRAFFIC,
    "reception:Reception.receive": TRAFFIC,
    "reception:Reception.committed": TRAFFIC,
    "reception:Reception.confirmed": TRAFFIC,
    "reception:Reception.pruned": TRAFFIC,
    "inbox:Inbox.put": TRAFFIC,
    "inbox:Inbox.take": TRAFFIC,
    "inbox:Inbox.done": TRAFFIC,
    "bridge:Bridge.enqueue": TRAFFIC,
    "bridge:Bridge.report": TRAFFIC,
    "bridge:Bridge.wait": TRAFFIC,
    "bridge:Bridge.wanted": TRAFFIC,
    "bridge:Bridge.claim": RESTART,
    "bridge:Bridge.release": RESTART,
    "writer:Writer._commit": TRAFFIC,
    "writer:Writer._report": TRAFFIC,
    "supervisor:Supervisor._round": TRAFFIC,
    "supervisor:Supervisor._start": RESTART,
    "node:Node.scan": TRAFFIC,
}
