# Copyright 2026 mqtt_listener contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""The properties of PUBLISH packets (MQTT 5.0 section 3.3.2.3)."""

from __future__ import annotations

from functools import lru_cache
from typing import Any, NamedTuple

from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from ..mqtt.payload import storable

CACHED_PROPERTIES = 64  # bytes; longer ones hardly repeat themselves
PROPERTIES = {  # paho's names for them
    "content_type": "ContentType",
    "payload_format": "PayloadFormatIndicator",
    "response_topic": "ResponseTopic",
    "message_expiry": "MessageExpiryInterval",
    "correlation_data": "CorrelationData",
    "user_properties": "UserProperty",
}


class Received(NamedTuple):
    """The properties of a PUBLISH.

    :param values: what belongs to the message, as JSON values (not to be changed: equal
        properties share them); ``None`` when there are none.
    :param identifiers: Subscription Identifiers.
    """

    values: dict[str, Any] | None = None
    identifiers: tuple[int, ...] = ()
    topic_alias: int | None = None


def read_properties(content: bytes | None) -> Received:
    """The properties of a PUBLISH.

    :param content: as they stand in the packet; ``None`` with MQTT 3.1.1.
    :raise Exception: of paho's choice, when they are not what the specification says;
        it is strict (U+FEFF in a user property, for one).
    """
    if content is None:
        return Received()
    if len(content) <= CACHED_PROPERTIES:
        return _cached_properties(content)
    return _unpack_properties(content)


def _unpack_properties(content: bytes) -> Received:
    properties = Properties(PacketTypes.PUBLISH)
    properties.unpack(content)
    if properties.isEmpty():
        return Received()
    values = {}
    for name in ("content_type", "payload_format", "response_topic", "message_expiry"):
        attribute = PROPERTIES[name]
        value = getattr(properties, attribute, None)
        if value is not None:
            values[name] = storable(value) if isinstance(value, str) else value
    correlation = getattr(properties, "CorrelationData", None)
    if correlation is not None:
        values["correlation_data"] = bytes(correlation).hex()
    user = getattr(properties, "UserProperty", None)
    if user:
        values["user_properties"] = [[storable(k), storable(v)] for k, v in user]
    return Received(
        values or None,
        tuple(getattr(properties, "SubscriptionIdentifier", ())),
        getattr(properties, "TopicAlias", None),
    )


_cached_properties = lru_cache(maxsize=1000)(_unpack_properties)
