# Copyright 2026 mqtt_listener contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""Checks of what a broker delivers: once, whatever ends meanwhile."""

import base64
import hashlib
import os
import signal

from paho.mqtt import client as paho

from ..faults.link import UP, Link
from ..publisher import Publisher
from .flow import Flow
from .stage import Service
from .trial import Outcome, Trial, arrives, settled

KILLS_OF_LISTENER, KILLS_OF_BROKER = 3, 2
RETAINED = 10
SIZES = (0, 1, 3_000_000)  # bytes
ANSWERED = ("granted", "refused")  # states of a subscription
OVERLAP = {
    # With MQTT 3.1.1 filters that overlap in part are refused.
    "5": ("/+/c", "/b/+"),
    "3.1.1": ("/#", "/b/+"),
}


def many(trial: Trial) -> Outcome:
    """As many as asked for, as fast as the broker takes them."""
    with trial.service() as service:
        service.start()
        flow = trial.flow(service)
        flow.publish(trial.messages)
        return settled(flow)


def while_stopped(trial: Trial) -> Outcome:
    """Published while the service is stopped: the broker has to keep them."""
    with trial.service() as service:
        service.start()
        service.stop()
        flow = trial.flow(service)
        flow.publish(trial.some)
        service.start()
        return settled(flow)


def listener_killed(trial: Trial) -> Outcome:
    """SIGKILL of the listener while messages arrive; the server starts another."""
    with trial.service() as service:
        service.start()
        flow = trial.flow(service)
        for _ in range(KILLS_OF_LISTENER):
            _until_amid(trial, flow)
            pid = service.listener_pid
            os.kill(pid, signal.SIGKILL)
            service.wait_connected(unless=pid)
            flow.wait_published()
        flow.publish(trial.some)
        return settled(flow, _warning(service))


def broker_killed(trial: Trial) -> Outcome:
    """SIGKILL of the broker while acknowledgements are on their way to it.

    They never reach it: what they acknowledge is in history, and comes again.
    """
    link = Link(trial.broker.host, trial.broker.port)
    with trial.service(port=link.port) as service:
        service.start()
        flow = trial.flow(service)
        for _ in range(KILLS_OF_BROKER):
            _until_amid(trial, flow)
            link.stall(UP)
            flow.wait_published()
            flow.publish(trial.some)
            trial.broker.settle()
            trial.broker.kill()
            link.heal()
            trial.broker.start().wait_ready()
            service.wait_connected()
        flow.publish(trial.some)
        outcome = settled(flow, _warning(service))
    link.close()
    return outcome


def _warning(service: Service) -> str:
    """What the form says of the session: it lasts, so nothing is to be said."""
    warning = service.read("session_loss")
    return f"the form warns: {warning}" if warning else ""


def _until_amid(trial: Trial, flow: Flow) -> None:
    """Publish, and wait for a random moment at which part of it is stored."""
    part = trial.chance.uniform(0.1, 0.8)
    stored = flow.published + int(part * trial.some)
    flow.begin(trial.some)
    flow.wait_stored(stored)


def overlap(trial: Trial) -> Outcome:
    """Messages that two filters match are stored once."""
    with trial.service(*OVERLAP[trial.protocol]) as service:
        service.start()
        flow = trial.flow(service, "/b/c")
        flow.publish(trial.some)
        return settled(flow)


def shared(trial: Trial) -> Outcome:
    """A shared subscription that one service has, or that the form calls refused."""
    topic, trial.topic = trial.topic, f"$share/odoo/{trial.topic}"
    with trial.service() as service:
        service.start()
        trial.topic = topic
        arrives(lambda: service.subscriptions[0][0] in ANSWERED)
        if service.subscriptions[0][0] == "refused":
            return Outcome(0, 0, note=_what_is_said(service))
        flow = trial.flow(service)
        flow.publish(trial.some)
        return settled(flow, _what_is_said(service))


def _what_is_said(service: Service) -> str:
    ((state, refusal),) = service.subscriptions
    return f"the form says {state}" + (f": {refusal}" if refusal else "")


def retained(trial: Trial) -> Outcome:
    """Messages that the broker had kept before the service came."""
    client = paho.Client(paho.CallbackAPIVersion.VERSION2)
    client.connect(trial.broker.host, trial.broker.port)
    client.loop_start()
    for number in range(RETAINED):
        topic = f"{trial.topic}/{number}"
        client.publish(topic, str(number), 1, True).wait_for_publish(30)
    client.disconnect()
    client.loop_stop()
    # No wildcard: RabbitMQ knows retained messages by their topics only.
    with trial.service(*(f"/{number}" for number in range(RETAINED))) as service:
        service.start()
        return stored_of(service, [str(n).encode() for n in range(RETAINED)])


def large(trial: Trial) -> Outcome:
    """Payloads of no byte to 3 MB: what is stored has the same SHA-256."""
    payloads = [os.urandom(size) for size in SIZES]
    topic = trial.topic.encode()
    with trial.service() as service:
        service.start()
        publisher = Publisher(
            trial.broker.host, trial.broker.port, lambda n: (topic, payloads[n])
        )
        publisher.publish(len(payloads), block=1)
        publisher.close()
        return stored_of(service, payloads)


def stored_of(service: Service, payloads: "list[bytes]") -> Outcome:
    """What is stored of payloads, of which no two are equal."""
    expected = [hashlib.sha256(payload).hexdigest() for payload in payloads]
    arrives(lambda: len(_digests(service)) >= len(expected))
    stored = _digests(service)
    missing = len(set(expected) - set(stored))
    foreign = len(set(stored) - set(expected))
    doubled = len(stored) - len(set(stored))
    note = f"{foreign} altered" if foreign else ""
    return Outcome(len(payloads), len(stored), missing, doubled, note)


def _digests(service: Service) -> "list[str]":
    """SHA-256 of what is stored."""
    messages = service.stage.odoo.call(
        "mqtt.signal.history",
        "search_read",
        [("service_id", "=", service.id), ("direction", "=", "receive")],
        ["payload_file", "payload_digest"],
    )
    return [
        one["payload_digest"]
        or hashlib.sha256(base64.b64decode(one["payload_file"] or "")).hexdigest()
        for one in messages
    ]
