# Copyright 2026 mqtt_listener contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""Commands to a device that answers, or does not."""

from service import Service

from dev.device import Device
from dev.servers import wait_until

COUNT = 100
TIMEOUT = 20  # seconds


def answers(payload):
    """Twice, as no device can be kept from; but none to every tenth request."""
    return [] if int(payload) % 10 == 9 else [payload] * 2


def test_answered_or_not(odoo, broker):
    """Whoever asked is told once: the answer, or that there is none. The first requests
    are published when the subscription that brings their answers is granted.
    """
    service = Service(odoo, broker, "plant/#")
    service.start()
    mine = [("service_id", "=", service.id)]
    open_jobs = [("mqtt_service_id", "=", service.id), ("state", "!=", "done")]
    expected = ["silent" if n % 10 == 9 else "answered" for n in range(COUNT)]

    def states():
        found = odoo.call("mqtt.request", "search_read", mine, ["state"], order="id")
        return [one["state"] for one in found]

    with Device(broker, "device/command", answers):
        rows = odoo.call(
            "mqtt.e2e.row", "ask", service.id, "device/command", COUNT, TIMEOUT
        )
        wait_until(lambda: states() == expected, 3 * TIMEOUT, "not all were told")
        wait_until(
            lambda: not odoo.call("queue.job", "search_count", open_jobs),
            TIMEOUT,
            "some jobs are not done",
        )
    told = odoo.call("mqtt.e2e.row", "read", rows, ["number"])
    assert [one["number"] for one in told] == [
        1000 if n % 10 == 9 else n for n in range(COUNT)
    ]
    service.stop()
