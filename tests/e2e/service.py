# Copyright 2026 mqtt_listener contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""A service on a real server, as an administrator and as PostgreSQL see it."""

import re
import threading

from paho.mqtt import client as paho
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from dev.servers import wait_until

RECONNECT = {"reconnect_min_delay": 0.5, "reconnect_max_delay": 2.0}


class Service:
    """One ``mqtt.service``, driven over XML-RPC.

    :param odoo: the server; :param broker: host and port are taken from it.
    :param filters: topic filters, or dicts of values of ``mqtt.subscription``.
    """

    def __init__(self, odoo, broker, *filters, **values):
        self.odoo = odoo
        subscriptions = [
            one if isinstance(one, dict) else {"topic_filter": one} for one in filters
        ]
        self.id = odoo.call(
            "mqtt.service",
            "create",
            {
                "name": "Plant",
                "host": broker.host,
                "port": broker.port,
                "subscription_ids": [(0, 0, one) for one in subscriptions],
                **RECONNECT,
                **values,
            },
        )

    def call(self, method, *arguments):
        return self.odoo.call("mqtt.service", method, [self.id], *arguments)

    def read(self, *names):
        (values,) = self.call("read", list(names))
        return values[names[0]] if len(names) == 1 else values

    @property
    def status(self):
        return self.call("check_mqtt_status")["status"]

    @property
    def listener_pid(self):
        """Process id of the listener, from what the form shows; None without one."""
        found = re.search(r"process (\d+)", self.read("host_info") or "")
        return found and int(found[1])

    def start(self):
        assert self.call("start_mqtt_service") is True
        self.wait_status("connected")

    def stop(self):
        assert self.call("stop_mqtt_service") is True

    def wait_status(self, status, timeout=30):
        wait_until(
            lambda: self.status == status, timeout, f"the service is not {status}"
        )

    def rows(self, columns="topic", where="true"):
        """Columns of the messages in history, in the order they were received."""
        return self.odoo.databases.query(
            self.odoo.database,
            f"SELECT {columns} FROM mqtt_signal_history"
            f" WHERE service_id = {self.id} AND {where} ORDER BY sequence",
        )

    def wait_stored(self, count, timeout=60, where="true"):
        wait_until(
            lambda: self._count(where) >= count,
            timeout,
            f"{count} messages are not stored",
        )

    def _count(self, where):
        ((count,),) = self.odoo.databases.query(
            self.odoo.database,
            "SELECT count(*) FROM mqtt_signal_history"
            f" WHERE service_id = {self.id} AND {where}",
        )
        return count


def publish(broker, topic, payload, *, qos=1, retain=False, properties=None):
    """Publish one message and wait until the broker has it."""
    client = paho.Client(paho.CallbackAPIVersion.VERSION2, protocol=paho.MQTTv5)
    client.connect(broker.host, broker.port)
    client.loop_start()
    sent = Properties(PacketTypes.PUBLISH)
    for name, value in (properties or {}).items():
        setattr(sent, name, value)
    client.publish(topic, payload, qos, retain, sent).wait_for_publish(30)
    client.disconnect()
    client.loop_stop()


class Numbers(threading.Thread):
    """Publishes 0, 1, 2 … to a topic until told to stop.

    It survives a broker that goes away: paho sends again what was not acknowledged,
    and the session of the publisher is kept. With QoS 1 a broker that dies before its
    PUBACK gets a message twice; with QoS 2 it does not.

    :param rate: messages a second.
    :param limit: how many at most; it ends by itself then.
    """

    def __init__(self, broker, topic, rate=500, qos=1, limit=None):
        super().__init__(daemon=True)
        self.topic, self.rate, self.qos, self.limit = topic, rate, qos, limit
        self.sent = 0
        self._acknowledged = 0
        self._halt = threading.Event()
        self._client = paho.Client(
            paho.CallbackAPIVersion.VERSION2,
            client_id=f"numbers-{topic.replace('/', '-')}",
            clean_session=False,
        )
        self._client.reconnect_delay_set(1, 1)
        self._client.on_publish = self._on_publish
        self._client.max_inflight_messages_set(100)
        self._client.connect(broker.host, broker.port)
        self._client.loop_start()

    def run(self):
        while not self._halt.wait(10 / self.rate):
            for _ in range(10):
                if self.sent == self.limit:
                    return
                self._client.publish(self.topic, str(self.sent), self.qos)
                self.sent += 1

    def _on_publish(self, *_args):
        self._acknowledged += 1

    def wait_sent(self, count, timeout=60):
        """Wait until at least so many were handed to the client."""
        wait_until(lambda: self.sent >= count, timeout, f"{count} not published")

    def finish(self, timeout=60):
        """Stop, wait until the broker has acknowledged all; how many there were."""
        self._halt.set()
        self.join()
        wait_until(
            lambda: self._acknowledged >= self.sent,
            timeout,
            "the broker did not take all messages",
        )
        self._client.disconnect()
        self._client.loop_stop()
        return self.sent


def assert_exactly(service, topic, count, timeout=90):
    """The numbers 0 … count - 1 are in history once each, in their order."""
    where = f"topic = '{topic}'"
    service.wait_stored(count, timeout, where)
    wait_until(
        lambda: not service.read("waiting_count"), 30, "batches are still waiting"
    )
    stored = [int(payload) for (payload,) in service.rows("payload", where)]
    expected = set(range(count))
    lost = expected - set(stored)
    assert not lost, f"{len(lost)} lost: {sorted(lost)[:10]}"
    assert len(stored) == count, f"{len(stored) - count} doubled"
    assert stored == sorted(stored), "not in order"
