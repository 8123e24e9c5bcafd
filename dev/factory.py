# Copyright 2026 mqtt_listener contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""The simulated factory: machines that publish and obey, as a process of its own.

    python -m dev.factory --port 11883 --run 7 --rate 1000

Each machine publishes JSON telemetry and a plain-text state at QoS 1 and a binary
frame at QoS 0; `factory/info` is retained. Each obeys what comes to its `command`
topic and answers where it is asked to. Every QoS 1 message carries the run
and a number of its own, so that what is lost or doubled can be counted by content
from the database. What the broker has acknowledged is reported on standard output,
one JSON line a beat; SIGTERM ends the publishing, waits for the rest and reports.
"""

import argparse
import json
import math
import random
import signal
import struct
import threading
import time
from dataclasses import dataclass

import paho.mqtt.client as mqtt
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

MACHINES = 24
BEAT = 0.1  # seconds between two bursts of messages
WAITING = 2000  # how many messages may wait for the broker
STATES = ("running", "idle", "setup", "fault")


@dataclass
class Machine:
    """One machine: what it measures goes up and down, its state changes at times."""

    name: str
    phase: float
    state: str = "running"
    counted_before: int = 0  # pieces, when its counter was last set back

    def telemetry(self, mark: str) -> bytes:
        now = time.time()
        wave = math.sin(now / 10 + self.phase)
        values = {
            "id": mark,
            "machine": self.name,
            "at": round(now, 3),
            "temperature": round(60 + 15 * wave + random.random(), 2),
            "pressure": round(4 + wave, 3),
            "pieces": self.pieces(),
        }
        return json.dumps(values).encode()

    def pieces(self) -> int:
        return int(time.time() * 2 + self.phase) % 100_000 - self.counted_before

    def obey(self, order: bytes) -> bytes:
        """Do what a command says; its answer."""
        command = json.loads(order).get("command")
        if command != "reset":
            return json.dumps({"error": f"unknown command {command}"}).encode()
        counted = self.pieces()
        self.counted_before += counted
        return json.dumps({"counted": counted}).encode()

    def change(self, mark: str) -> bytes:
        self.state = random.choice(STATES)
        return f"{self.state} {mark}".encode()

    def frame(self) -> bytes:
        """What a field bus would say: not text."""
        samples = [random.randrange(-(2**15), 2**15) for _ in range(16)]
        return b"\xff\xfe" + struct.pack("<16h", *samples)


class Line:
    """One MQTT client with one QoS, counting what has left and what is confirmed."""

    def __init__(self, name: str, qos: int) -> None:
        self.qos = qos
        self.sent = 0
        self.confirmed = 0
        self._changed = threading.Condition()
        self._connected = threading.Event()
        self._client = mqtt.Client(
            mqtt.CallbackAPIVersion.VERSION2, client_id=name, protocol=mqtt.MQTTv5
        )
        self._client.max_inflight_messages_set(200)
        self._client.on_connect = lambda *_: self._connected.set()
        self._client.on_publish = self._on_publish

    def connect(self, host: str, port: int) -> None:
        self._client.connect(host, port)
        self._client.loop_start()
        if not self._connected.wait(10):
            raise SystemExit(f"the broker at {host}:{port} does not answer")

    def publish(self, topic: str, payload: bytes, retain: bool = False) -> None:
        with self._changed:
            self._changed.wait_for(lambda: self.sent - self.confirmed < WAITING)
            self.sent += 1
        self._client.publish(topic, payload, qos=self.qos, retain=retain)

    def finish(self, timeout: float) -> None:
        """Wait until the broker has confirmed everything, and leave."""
        with self._changed:
            self._changed.wait_for(lambda: self.sent == self.confirmed, timeout)
        self._client.disconnect()
        self._client.loop_stop()

    def _on_publish(self, *_: object) -> None:
        # At QoS 1 this is the broker's PUBACK, at QoS 0 the socket has it.
        with self._changed:
            self.confirmed += 1
            self._changed.notify_all()


class Commands:
    """The ears of the machines: what is asked of them is done, and answered."""

    def __init__(self, name: str, machines: list[Machine]) -> None:
        self._machines = {machine.name: machine for machine in machines}
        self._listening = threading.Event()
        self._client = mqtt.Client(
            mqtt.CallbackAPIVersion.VERSION2, client_id=name, protocol=mqtt.MQTTv5
        )
        self._client.on_connect = lambda client, *_: client.subscribe(
            "factory/+/command", qos=1
        )
        self._client.on_subscribe = lambda *_: self._listening.set()
        self._client.on_message = self._on_message

    def connect(self, host: str, port: int) -> None:
        self._client.connect(host, port)
        self._client.loop_start()
        if not self._listening.wait(10):
            raise SystemExit(f"the broker at {host}:{port} does not answer")

    def finish(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()

    def _on_message(self, client: mqtt.Client, _data, message) -> None:
        machine = self._machines.get(message.topic.split("/")[1])
        answer_to = getattr(message.properties, "ResponseTopic", None)
        if machine is None or not answer_to:
            return
        properties = Properties(PacketTypes.PUBLISH)
        properties.CorrelationData = message.properties.CorrelationData
        properties.ContentType = "application/json"
        answer = machine.obey(message.payload)
        client.publish(answer_to, answer, qos=1, properties=properties)


class Factory:
    """All machines behind two lines to the broker, one for each QoS, and their ears."""

    def __init__(self, run: str) -> None:
        self.run = run
        self.machines = [Machine(f"machine-{n:02}", n) for n in range(1, MACHINES + 1)]
        self.stopped = threading.Event()
        self.exact = Line(f"factory-{run}-exact", qos=1)
        self.frames = Line(f"factory-{run}-frames", qos=0)
        self.commands = Commands(f"factory-{run}-commands", self.machines)
        self._number = 0

    def connect(self, host: str, port: int) -> None:
        self.exact.connect(host, port)
        self.frames.connect(host, port)
        self.commands.connect(host, port)

    def work(self, rate: float) -> None:
        """Publish about `rate` messages a second until stopped."""
        info = f"factory {self._mark()}".encode()
        self.exact.publish("factory/info", info, retain=True)
        begin = time.monotonic()
        done = 0
        while not self.stopped.wait(BEAT):
            due = int((time.monotonic() - begin) * rate)
            for _ in range(min(due - done, int(rate))):
                self._publish_one(random.choice(self.machines))
            done = due
            self.report()

    def finish(self) -> None:
        """Wait for what is on its way, and say the final numbers."""
        self.exact.finish(timeout=60)
        self.frames.finish(timeout=5)
        self.commands.finish()
        self.report(done=True)

    def report(self, **more: object) -> None:
        numbers = {
            "sent": self.exact.sent,
            "confirmed": self.exact.confirmed,
            "frames": self.frames.sent,
        }
        print(json.dumps({**numbers, **more}), flush=True)

    def _publish_one(self, machine: Machine) -> None:
        topic = f"factory/{machine.name}"
        dice = random.random()
        if dice < 0.85:
            self.exact.publish(f"{topic}/telemetry", machine.telemetry(self._mark()))
        elif dice < 0.95:
            self.exact.publish(f"{topic}/state", machine.change(self._mark()))
        else:
            self.frames.publish(f"{topic}/frame", machine.frame())

    def _mark(self) -> str:
        self._number += 1
        return f"{self.run}-{self._number}"


def main() -> None:
    options = argparse.ArgumentParser()
    options.add_argument("--host", default="127.0.0.1")
    options.add_argument("--port", type=int, required=True)
    options.add_argument("--run", required=True)
    options.add_argument("--rate", type=float, default=500)
    chosen = options.parse_args()
    factory = Factory(chosen.run)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: factory.stopped.set())
    factory.connect(chosen.host, chosen.port)
    factory.work(chosen.rate)
    factory.finish()


if __name__ == "__main__":
    main()
