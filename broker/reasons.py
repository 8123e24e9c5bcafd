# Copyright 2026 mqtt_listener contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""Reason codes as brokers send them, and what they say with them (section 2.4).

paho raises for a code that it does not know in a packet, which would end the connection
without a word of what the broker meant.
"""

from __future__ import annotations

from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from ..mqtt.wording import short_line

_RETURN_CODES = {  # of a CONNACK of MQTT 3.1.1, section 3.2.2.3
    1: 0x84,
    2: 0x85,
    3: 0x88,
    4: 0x86,
    5: 0x87,
}
UNSPECIFIED = 0x80


class Reason(ReasonCode):
    """A reason code of any number, in any packet.

    :param packet_type: one of paho's ``PacketTypes``.
    :param value: the code.
    :param name: what it means, where the specification does not say it.
    """

    def __init__(self, packet_type: int, value: int, name: str = ""):
        self._name = name
        super().__init__(packet_type, identifier=value)

    def getName(self) -> str:
        if self._name:
            return self._name
        names = self.names.get(self.value, {})
        own = (name for name, packets in names.items() if self.packetType in packets)
        elsewhere = next(iter(names), f"Reason code 0x{self.value:02X}")
        return next(own, elsewhere)


def connack_reason(code: int) -> Reason:
    """The reason for which a CONNACK refuses, of either version of MQTT.

    :param code: not 0.
    """
    if code >= UNSPECIFIED:
        return Reason(PacketTypes.CONNACK, code)
    known = _RETURN_CODES.get(code)
    name = "" if known else f"Return code {code}"
    return Reason(PacketTypes.CONNACK, known or UNSPECIFIED, name)


def read_answer(
    packet: bytes, packet_type: int, *, is_5: bool
) -> tuple[int, list[Reason], Properties]:
    """What is in a SUBACK or UNSUBACK.

    :return: packet identifier, reasons (none in an UNSUBACK of 3.1.1) and properties.
    :raise Exception: of paho's choice, when it is none.
    """
    properties = Properties(packet_type)
    start = 2
    if is_5:
        start += properties.unpack(packet[2:])[1]
    return (
        int.from_bytes(packet[:2], "big"),
        [Reason(packet_type, code) for code in packet[start:]],
        properties,
    )


def read_properties_of(packet: bytes, packet_type: int) -> Properties:
    """Properties behind a reason; none where they cannot be read: it has been said."""
    properties = Properties(packet_type)
    try:
        if packet:
            properties.unpack(packet)
    except Exception:  # of paho's choice  # noqa: BLE001
        return Properties(packet_type)
    return properties


def reason_text(reason_code: ReasonCode, properties: Properties | None) -> str:
    """A reason code's name, and what the broker says: its words, another server."""
    said = ", ".join(
        getattr(properties, name)
        for name in ("ReasonString", "ServerReference")
        if hasattr(properties, name)
    )
    return short_line(f"{reason_code}: {said}" if said else reason_code)


def server_reference(properties: Properties | None) -> str:
    """The other servers that CONNACK or DISCONNECT names (section 4.13), as they
    stand there; empty without.
    """
    return getattr(properties, "ServerReference", "")
