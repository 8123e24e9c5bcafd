# Copyright 2026 mqtt_listener contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""Publishing from a real server, over real job workers."""

import pytest
from service import Service

from dev.servers import Mosquitto, wait_until


@pytest.fixture
def own_broker(folder):
    """One that a test may stop."""
    with Mosquitto(folder / "mosquitto-publish", autosave=1) as broker:
        yield broker


@pytest.fixture
def strict_broker(folder):
    """One that lets everybody write below open/ only."""
    acl = folder / "acl"
    acl.write_text("topic read #\ntopic readwrite open/#\n")
    with Mosquitto(folder / "mosquitto-strict", extra=f"acl_file {acl}") as broker:
        yield broker


def sent(service):
    """(topic, state) of what was published."""
    found = service.odoo.call(
        "mqtt.signal.history",
        "search_read",
        [("service_id", "=", service.id), ("direction", "=", "send")],
        ["topic", "state"],
        order="id",
    )
    return [(one["topic"], one["state"]) for one in found]


@pytest.mark.parametrize("protocol", ["5", "3.1.1"])
def test_published_and_received(odoo, broker, protocol):
    """The service hears what it publishes itself, once; other workers see it done."""
    service = Service(odoo, broker, f"echo{protocol}/#", protocol=protocol)
    service.start()
    for number in range(5):
        service.call("mqtt_publish", f"echo{protocol}/{number}", {"n": number})
    received = "direction = 'receive'"
    service.wait_stored(5, where=received)
    payloads = sorted(service.rows("payload", received))
    assert payloads == [(f'{{"n": {n}}}',) for n in range(5)]
    wait_until(
        lambda: {state for _topic, state in sent(service)} == {"done"}, 20, "not sent"
    )


def test_a_broker_that_is_away(odoo, own_broker):
    """What was published meanwhile is sent when it is back."""
    service = Service(odoo, own_broker, "later/#")
    service.start()
    own_broker.stop()
    service.call("mqtt_publish", "later/1", "x")
    wait_until(
        lambda: sent(service) == [("later/1", "retrying")], 20, "it was not tried"
    )
    own_broker.start().wait_ready()
    service.wait_stored(1, where="direction = 'receive'")
    wait_until(lambda: sent(service) == [("later/1", "done")], 20, "not seen as sent")


def test_what_the_broker_refuses(odoo, strict_broker):
    """It is tried again, says why, and costs the others nothing."""
    service = Service(odoo, strict_broker, "open/#")
    service.start()
    for topic in ("open/1", "secret/1", "open/2"):
        service.call("mqtt_publish", topic, "x")
    service.wait_stored(2, where="direction = 'receive'")
    expected = [("open/1", "done"), ("secret/1", "retrying"), ("open/2", "done")]
    wait_until(lambda: sent(service) == expected, 30, "the states are not right")
    (job,) = odoo.call(
        "queue.job",
        "search_read",
        [("method_name", "=", "_job_publish"), ("state", "=", "pending")],
        ["result", "mqtt_topic"],
    )
    assert job["mqtt_topic"] == "secret/1"
    assert "access control list" in job["result"]
    found = odoo.call(
        "mqtt.signal.history",
        "search_read",
        [("service_id", "=", service.id), ("direction", "=", "send")],
        ["publish_problem"],
        order="id",
    )
    why = [one["publish_problem"] for one in found]
    assert why == [False, job["result"], False]
