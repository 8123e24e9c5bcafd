# Copyright 2026 mqtt_listener contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""A service with a thousand subscriptions."""

import pytest
from service import Service, publish

from dev.servers import wait_until

COUNT = 1000


@pytest.mark.parametrize("protocol", ["5", "3.1.1"])
def test_a_thousand_subscriptions(odoo, broker, protocol):
    """They are added and subscribed, each for itself, and a message is known to be of
    its own one.
    """
    topics = [f"many/{protocol}/{number}/value" for number in range(COUNT)]
    service = Service(odoo, broker, "first", protocol=protocol)
    odoo.call(
        "mqtt.subscription",
        "create",
        [{"service_id": service.id, "topic_filter": one} for one in topics],
    )

    def granted():
        return odoo.call(
            "mqtt.subscription",
            "search_count",
            [("service_id", "=", service.id), ("state", "=", "granted")],
        )

    service.start()
    wait_until(lambda: granted() == COUNT + 1, 60, "not all are subscribed")
    publish(broker, topics[-1], "x")
    service.wait_stored(1)
    rows = odoo.databases.query(
        odoo.database,
        "SELECT topic_filter FROM mqtt_signal_history AS message"
        " JOIN mqtt_subscription ON mqtt_subscription.id = subscription_id"
        f" WHERE message.service_id = {service.id}",
    )
    assert rows == [(topics[-1],)]
