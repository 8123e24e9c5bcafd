# Copyright 2026 mqtt_listener contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""From a PUBLISH packet to the message that is stored."""

from __future__ import annotations

import time

from ..broker.properties import read_properties
from ..broker.receiving import text_of
from ..mqtt.message import UNREADABLE, Message
from ..mqtt.publish_packet import Publish
from ..mqtt.rate import TopicRates
from ..mqtt.wording import short_line
from .subscriptions import Subscriptions


def read_message(
    publish: Publish, subscriptions: Subscriptions, rates: TopicRates
) -> tuple[Message, bool]:
    """The message of a packet, and whether it is a duplicate delivery: one that another
    subscription has brought as well.

    :param subscriptions: of the connection, which know whose the message is.
    :param rates: count the messages of each topic.
    """
    trouble = None
    try:
        properties, identifiers, _alias = read_properties(publish.properties)
    except Exception as error:  # noqa: BLE001
        # Not refused: the broker would send it again with every new connection, and
        # everything behind it would wait. It goes into quarantine.
        trouble = short_line(f"Its properties cannot be read: {error}")
        properties, identifiers = {UNREADABLE: (publish.properties or b"").hex()}, ()
    topic = text_of(publish.topic)
    route = subscriptions.route(topic)
    is_copy = trouble is None and not route.takes(identifiers)
    now = time.time_ns() // 1000
    is_paused = not is_copy and rates.count(topic, now)
    message = Message(
        topic=topic,
        payload=publish.payload,
        qos=publish.qos,
        retain=publish.retain,
        dup=publish.dup,
        packet_id=publish.packet_id,
        timestamp=now,
        properties=properties,
        subscription_id=route.subscription.id if route.subscription else None,
        store=route.store,
        at_once=route.at_once,
        trouble=trouble,
        paused=rates.limit if is_paused else 0,
        left_out=publish.left_out,
        hashed=publish.hashed,
    )
    return message, is_copy
