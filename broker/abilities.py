# Copyright 2026 mqtt_listener contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""What a broker says in CONNACK that it can do (MQTT 5.0 section 3.2.2.3)."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from paho.mqtt.properties import Properties

from ..mqtt.outgoing import Outgoing
from ..mqtt.topic import TopicFilter
from ..mqtt.wording import short_line
from .problem import Problem

# The names of the reason codes with which a broker would refuse (section 2.4).
NO_SHARED = "Shared subscription not supported"
NO_WILDCARDS = "Wildcard subscription not supported"
SHOWN_CHARS = 100  # of what a broker says


def _shown(text: str | None) -> str | None:
    return text and short_line(text, SHOWN_CHARS)


@dataclass(frozen=True)
class Abilities:
    """What a broker can do; the defaults are those of a CONNACK that says nothing.

    :ivar maximum_packet_size: bytes it takes in a packet; 0: any.
    :ivar maximum_qos: with which it takes messages.
    :ivar receive_maximum: messages it takes before the first is acknowledged.
    :ivar identifiers: whether it takes Subscription Identifiers.
    :ivar session_expiry: seconds for which it keeps the session, where it is not as
        long as was asked.
    :ivar keep_alive: seconds, where it is not what was asked.
    :ivar client_id: that it assigned, where it did not accept the one it got.
    """

    maximum_packet_size: int = 0
    maximum_qos: int = 2
    receive_maximum: int = 65_535
    retain: bool = True
    wildcards: bool = True
    identifiers: bool = True
    shared: bool = True
    session_expiry: int | None = None
    keep_alive: int | None = None
    client_id: str | None = None

    @classmethod
    def from_connack(cls, properties: Properties | None) -> Abilities:
        """:param properties: of a CONNACK; ``None`` with MQTT 3.1.1."""

        def said(name: str, default: Any) -> Any:
            return getattr(properties, name, default)

        return cls(
            maximum_packet_size=said("MaximumPacketSize", 0),
            maximum_qos=said("MaximumQoS", 2),
            receive_maximum=said("ReceiveMaximum", 65_535),
            retain=said("RetainAvailable", 1) != 0,
            wildcards=said("WildcardSubscriptionAvailable", 1) != 0,
            identifiers=said("SubscriptionIdentifierAvailable", 1) != 0,
            shared=said("SharedSubscriptionAvailable", 1) != 0,
            session_expiry=said("SessionExpiryInterval", None),
            keep_alive=said("ServerKeepAlive", None),
            client_id=_shown(said("AssignedClientIdentifier", None)),
        )

    @property
    def named(self) -> dict[str, int | str | bool]:
        """What it cannot do, or does otherwise, as JSON values."""
        plain = asdict(type(self)())
        own = asdict(self)
        return {name: value for name, value in own.items() if value != plain[name]}

    def reason_against(self, topic_filter: TopicFilter) -> str:
        """Why it makes no sense to subscribe to a filter; empty when it does.

        Brokers grant what they announce that they cannot do, and bring nothing then.
        """
        if topic_filter.is_shared and not self.shared:
            return NO_SHARED
        if not self.wildcards and {"+", "#"} & set(topic_filter.levels):
            return NO_WILDCARDS
        return ""

    def problem_of(self, message: Outgoing, *, is_5: bool) -> Problem | None:
        """Which of the broker's limits a message is beyond, if any."""
        size = message.packet_size(is_5=is_5)
        if self.maximum_packet_size and size > self.maximum_packet_size:
            return Problem("too_large", str(self.maximum_packet_size))
        if message.qos > self.maximum_qos:
            return Problem("qos", str(self.maximum_qos))
        if message.retain and not self.retain:
            return Problem("retain")
        return None
