# Copyright 2026 mqtt_listener contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""paho's client, with what this addon overrides: what an upgrade has to re-check."""

from __future__ import annotations

import selectors
import ssl
from collections.abc import Callable
from typing import Literal

from paho.mqtt import client as paho
from paho.mqtt.client import ConnectFlags, DisconnectFlags
from paho.mqtt.enums import MQTTErrorCode
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import (  # type: ignore[attr-defined]  # where 2.1 has it
    MalformedPacket,
    Properties,
)
from paho.mqtt.reasoncodes import ReasonCode

from ..mqtt.tls import Certificate
from .problem import Problem
from .reasons import Reason, connack_reason, read_answer, read_properties_of
from .receiving import Receiving

__all__ = [  # Client, and what it gives to callbacks
    "Client",
    "ConnectFlags",
    "DisconnectFlags",
    "Properties",
    "ReasonCode",
    "problem_of",
]


class Client(Receiving):
    """paho's client, with a way of its own to receive, and with ears for all answers.

    :ivar packet_bytes: that the broker may send in a packet; 0: any.
    """

    packet_bytes: int = 0

    @property
    def certificate(self) -> Certificate | None:
        """The broker's; ``None`` without TLS."""
        sock = getattr(self._sock, "_socket", self._sock)  # in a WebSocket
        if not isinstance(sock, ssl.SSLSocket):
            return None
        content = sock.getpeercert(binary_form=True)
        return Certificate.from_der(content) if content else None

    def start_packet_ids(self, last: int) -> None:
        """Count the packet identifiers of what is sent from one on, not from 1.

        :param last: the one before, from 0 to 65,534.
        """
        self._last_mid = last

    def turn(self, seconds: float) -> int:
        """Wait for the socket, read and write, as paho's ``loop`` does; that asks
        ``select()``, which takes no descriptor from 1,024 on.

        :return: paho's return code.
        """
        sock = self.socket()
        if sock is None:
            return paho.MQTT_ERR_NO_CONN
        events = selectors.EVENT_READ | selectors.EVENT_WRITE * self.want_write()
        with selectors.DefaultSelector() as selector:
            selector.register(sock, events)
            patience = 0 if self.has_buffered else seconds
            ready = {key.fileobj: mask for key, mask in selector.select(patience)}
        mask = ready.get(sock, 0)
        code = paho.MQTT_ERR_SUCCESS
        if self.has_buffered or mask & selectors.EVENT_READ:
            code = self.loop_read()
        if not code and mask & selectors.EVENT_WRITE:
            code = self.loop_write()
        return code or self.loop_misc()

    # What follows overrides what paho does not call public; there is no other way.

    def _packet_handle(self) -> MQTTErrorCode:
        command = self._in_packet["command"] & 0xF0
        if command == paho.DISCONNECT and not self._is_5:
            return self._broken("unknown_packet")
        code = super()._packet_handle()
        if code == paho.MQTT_ERR_PROTOCOL and command in (0, 0xF0):
            self._broken("unknown_packet")
        return code

    def _handle_connack(self) -> MQTTErrorCode:
        packet = bytes(self._in_packet["packet"])
        if self.is_connected():
            return self._broken("second_connack")
        if len(packet) < 2 or not packet[1]:
            return super()._handle_connack()
        # paho's type is that of any version of its interface.
        callback: Callable[..., None] | None = self.on_connect
        if callback:
            callback(
                self,
                None,
                ConnectFlags(session_present=False),
                connack_reason(packet[1]),
                read_properties_of(packet[2:], PacketTypes.CONNACK),
            )
        return paho.MQTT_ERR_CONN_REFUSED

    def _handle_disconnect(self) -> None:
        packet = bytes(self._in_packet["packet"])
        self._sock_close()
        self._do_on_disconnect(
            packet_from_broker=True,
            v1_rc=paho.MQTT_ERR_SUCCESS,
            reason=Reason(PacketTypes.DISCONNECT, packet[0] if packet else 0),
            properties=read_properties_of(packet[1:], PacketTypes.DISCONNECT),
        )

    def _handle_suback(self) -> None:
        self._answer(self.on_subscribe, PacketTypes.SUBACK)

    def _handle_unsuback(self) -> MQTTErrorCode:
        self._answer(self.on_unsubscribe, PacketTypes.UNSUBACK)
        return paho.MQTT_ERR_SUCCESS

    def _answer(self, callback: Callable[..., None] | None, packet_type: int) -> None:
        packet = bytes(self._in_packet["packet"])
        try:
            answer = read_answer(packet, packet_type, is_5=self._is_5)
        except Exception as error:  # of paho's choice
            raise MalformedPacket(str(error)) from error
        if callback:
            callback(self, None, *answer)

    def _handle_pubrec(self) -> MQTTErrorCode:
        # Section 4.3.3: a message that is refused ends here; paho would go on.
        if self._conclude_refused():
            return paho.MQTT_ERR_SUCCESS
        return super()._handle_pubrec()

    def _handle_pubackcomp(self, cmd: Literal["PUBACK", "PUBCOMP"]) -> MQTTErrorCode:
        if self._conclude_refused():
            return paho.MQTT_ERR_SUCCESS
        return super()._handle_pubackcomp(cmd)

    def _conclude_refused(self) -> bool:
        """Whether this answers what was published by refusing it."""
        packet = bytes(self._in_packet["packet"])
        if len(packet) < 3 or packet[2] < 0x80:
            return False
        packet_id = int.from_bytes(packet[:2], "big")
        reason = Reason(PacketTypes.PUBREC, packet[2])
        properties = read_properties_of(packet[3:], PacketTypes.PUBREC)
        with self._out_message_mutex:
            if packet_id in self._out_messages:
                self._do_on_publish(packet_id, reason, properties)
        return True


def problem_of(code: int) -> Problem | None:
    """What a return code of paho's client says is wrong, if anything."""
    if code == paho.MQTT_ERR_SUCCESS:
        return None
    if code == paho.MQTT_ERR_PROTOCOL:
        return Problem("violation", "malformed")
    return Problem("lost", paho.error_string(code))
