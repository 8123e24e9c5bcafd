# Copyright 2026 mqtt_listener contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""What a real broker makes of a service that comes, leaves, and dies."""

import pytest
from service import Service
from watcher import Watcher

from dev.servers import wait_until
from dev.subscriber import TIMEOUT


@pytest.mark.parametrize("protocol", ["5", "3.1.1"])
def test_it_comes_leaves_and_dies(new_odoo, broker, protocol):
    """Each time others learn the truth, and the last of it stays with the broker."""
    topic = f"odoo/{protocol}/status"
    announcements = [
        {"kind": kind, "topic": topic, "payload": payload, "qos": qos}
        for kind, payload, qos in (
            ("birth", "here", "2"),
            ("stop", "stopped", "2"),
            ("will", "lost", "1"),
        )
    ]
    with new_odoo(workers=2) as odoo, Watcher(broker, topic) as watcher:
        service = Service(
            odoo,
            broker,
            "plant/#",
            protocol=protocol,
            announcement_ids=[(0, 0, one) for one in announcements],
        )
        service.start()
        watcher.wait("here")
        service.call("restart_mqtt_service")
        watcher.wait("here", "stopped", "here")
        service.stop()
        watcher.wait("here", "stopped", "here", "stopped")
        wait_until(lambda: not service.read("thread_identifier"), TIMEOUT, "not ended")
        service.start()
        watcher.heard.clear()
        odoo.kill()
        watcher.wait("lost")
    with Watcher(broker, topic) as late:
        late.wait("lost")
