# Copyright 2026 mqtt_listener contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""Checks of what Odoo sends, asks, and is refused."""

import threading
import xmlrpc.client

from ..device import Device
from ..subscriber import Subscriber
from .broker import PASSWORD, USER
from .delivery import stored_of
from .stage import Service
from .trial import Outcome, Trial, arrives, settled

PUBLISHED = 20  # of each QoS
REQUESTS = 20
TIMEOUT = 20  # seconds, of a request


class Hearer(Subscriber):
    """Keeps the payloads that come to a topic."""

    def __init__(self, trial: Trial) -> None:
        super().__init__(trial.broker, f"{trial.topic}/#", qos=2)
        self.heard: list[bytes] = []
        self._lock = threading.Lock()

    def on_message(self, client: object, message: object) -> None:
        with self._lock:
            self.heard.append(message.payload)


def publish(trial: Trial) -> Outcome:
    """What Odoo publishes with QoS 0, 1 and 2 is heard by another client once."""
    expected: list[bytes] = []
    notes = []
    with trial.service() as service, Hearer(trial) as hearer:
        service.start()
        for qos in (0, 1, 2):
            topic = f"{trial.topic}/{qos}"
            texts = [f"{qos}-{number}" for number in range(PUBLISHED)]
            refusal = _publish(service, topic, texts, qos)
            if refusal:
                notes.append(f"QoS {qos}: {refusal}")
            else:
                expected += [text.encode() for text in texts]
        arrives(lambda: set(hearer.heard) >= set(expected))
        heard = list(hearer.heard)
    missing = set(expected) - set(heard)
    doubled = len(heard) - len(set(heard))
    return Outcome(len(expected), len(heard), len(missing), doubled, "; ".join(notes))


def _publish(service: Service, topic: str, texts: "list[str]", qos: int) -> str:
    """Have Odoo publish these; why it is not sent, where it is not."""
    try:
        for text in texts:
            service.call("mqtt_publish", topic, text, qos)
    except xmlrpc.client.Fault as refused:
        return refused.faultString.strip()

    def is_sent() -> bool:
        return {one["state"] for one in _messages(service, topic)} == {"done"}

    if arrives(is_sent):
        return ""
    problems = {one["publish_problem"] for one in _messages(service, topic)}
    return ", ".join(sorted(filter(None, problems))) or "not sent"


def _messages(service: Service, topic: str) -> "list[dict]":
    return service.stage.odoo.call(
        "mqtt.signal.history",
        "search_read",
        [
            ("service_id", "=", service.id),
            ("topic", "=", topic),
            ("direction", "=", "send"),
        ],
        ["state", "publish_problem"],
    )


def request(trial: Trial) -> Outcome:
    """Requests that a device answers."""
    if trial.protocol != "5":
        return Outcome(0, 0, note="MQTT 5 only")
    topic = f"{trial.topic}/command"
    device = Device(trial.broker, topic, lambda payload: [payload])
    with trial.service() as service, device:
        service.start()
        for number in range(REQUESTS):
            service.call("mqtt_request", topic, str(number), TIMEOUT)
        arrives(lambda: len(_answers(service)) == REQUESTS)
        answers = _answers(service)
    expected = {str(number) for number in range(REQUESTS)}
    missing = len(expected - set(answers))
    doubled = len(answers) - len(set(answers))
    return Outcome(REQUESTS, len(answers), missing, doubled)


def _answers(service: Service) -> "list[str]":
    """What the answers say."""
    found = service.stage.odoo.call(
        "mqtt.request",
        "search_read",
        [("service_id", "=", service.id), ("state", "=", "answered")],
        ["answer_preview"],
    )
    return [one["answer_preview"] for one in found]


def wrong_password(trial: Trial) -> Outcome:
    """A wrong password is refused in words, and the right one lets it in."""
    with trial.service(username=USER, password=f"not {PASSWORD}") as service:
        service.ask_start()
        arrives(lambda: service.read("last_error"))
        words = service.read("last_error") or "no word of it"
        service.call("write", {"password": PASSWORD})
        service.call("restart_mqtt_service")
        service.wait_connected()
        flow = trial.flow(service)
        flow.publish(1)
        return settled(flow, words)


def tls(trial: Trial) -> Outcome:
    """What Odoo publishes over TLS comes back to it over TLS."""
    authorities = trial.stage.authority.certificate
    payloads = [b"%d" % number for number in range(PUBLISHED)]
    with (
        trial.broker.secured() as port,
        trial.service(port=port, tls=True, tls_authorities=authorities) as service,
    ):
        service.start()
        for payload in payloads:
            service.call("mqtt_publish", trial.topic, payload.decode())
        return stored_of(service, payloads)
