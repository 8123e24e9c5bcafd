# Copyright 2026 mqtt_listener contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""How messages are read from a broker and acknowledged, in place of paho's way."""

from __future__ import annotations

import logging
import socket
import ssl
import struct
import time
from collections.abc import Callable, Iterable
from typing import Any

from paho.mqtt.client import Client
from paho.mqtt.enums import MessageType, MQTTErrorCode, MQTTProtocolVersion

from ..mqtt.large_publish import LargePublish
from ..mqtt.log import get_logger
from ..mqtt.outgoing import MAX_REMAINING
from ..mqtt.payload import storable
from ..mqtt.publish_packet import Publish, leave_out, next_publish, split_publish
from .properties import read_properties

_logger = get_logger(__name__)

READ_BYTES = 65_536  # asked of the socket at a time
TURN_READS = 16  # of a large message, between two looks at other things
TOPIC_ALIASES = 100  # that the broker may give, each for up to 64 KiB
_TOPIC_ALIAS = b"\x23"  # its property's identifier
_ACK = struct.Struct(">BBH")  # a packet of two bytes, the packet identifier
_PUBACK, _PUBREC = 0x40, 0x50


class Receiving(Client):
    """What paho's client does when packets come, for thousands of them a second.

    paho asks the system three times for each packet, and each time other threads get
    the interpreter. This reads in large pieces, takes PUBLISH packets out of them as
    they are, and writes acknowledgements together. A message of QoS 2 is received like
    any other and acknowledged by PUBREC; of the steps that follow nothing has to be
    kept. What is large is held once, or not at all.

    :ivar on_received: called with each message, a :class:`Publish`.
    :ivar keep_bytes: of a larger payload, size and digests are kept.
    :ivar tls_error: what TLS ended the connection with, after its handshake: a broker
        that speaks TLS 1.3 refuses the client's certificate only then.
    :ivar violation: how the broker broke the protocol, a code; empty while it has not.
    """

    on_received: Callable[[Publish], None]
    tls_error: ssl.SSLError | None = None
    violation: str = ""

    def __init__(self, *args: Any, **kwargs: Any):
        super().__init__(*args, **kwargs)
        self._buffer = b""
        self._buffer_at = 0  # how far it is read
        self._is_5 = self._protocol == MQTTProtocolVersion.MQTTv5
        self._topics: dict[int, bytes] = {}  # by their alias
        self._large: LargePublish | None = None  # while it arrives
        self._unreleased: dict[int, bool] = {}  # of QoS 2: whether PUBREC was sent
        self.keep_bytes = MAX_REMAINING
        self.on_received = lambda _publish: None

    @property
    def has_buffered(self) -> bool:
        """Whether something can be read for which the socket wakes no selector."""
        if self._buffer_at < len(self._buffer):
            return True
        # TLS and WebSockets have buffers of their own.
        return getattr(self._sock, "pending", lambda: 0)() > 0

    @property
    def is_read_out(self) -> bool:
        """Whether the last read has emptied the socket, as far as one can tell.

        A plain socket that gave less than it was asked for had no more.
        """
        return type(self._sock) is socket.socket and len(self._buffer) < READ_BYTES

    def acknowledge(self, received: Iterable[tuple[int, int]]) -> None:
        """Queue the acknowledgements of messages, in this order.

        :param received: packet identifier and QoS of each.
        """
        packets = b"".join(self._acknowledgement(*one) for one in received)
        if packets:
            self._packet_queue(MessageType.PUBACK, packets, 0, 1)

    def _acknowledgement(self, packet_id: int, qos: int) -> bytes:
        if qos == 1:
            return _ACK.pack(_PUBACK, 2, packet_id)
        self._unreleased[packet_id] = True
        return _ACK.pack(_PUBREC, 2, packet_id)

    # What follows overrides what paho does not call public; there is no other way.

    def _sock_recv(self, bufsize: int) -> bytes:
        if self._buffer_at >= len(self._buffer):
            try:
                self._buffer = super()._sock_recv(self._read_size(bufsize))
            except ssl.SSLError as error:
                self.tls_error = error
                raise
            self._buffer_at = 0
        start = self._buffer_at
        data = self._buffer[start : start + bufsize]
        self._buffer_at = start + len(data)
        return data

    def _read_size(self, wanted: int) -> int:
        # paho reads a WebSocket's frame again from its start for each piece of it.
        return max(wanted, READ_BYTES) if self._transport != "tcp" else READ_BYTES

    def _packet_read(self) -> MQTTErrorCode:
        if self._large is None and not self._in_packet["command"]:
            found = next_publish(self._buffer, self._buffer_at)
            if found:
                head, body, self._buffer_at = found
                return self._receive(head, body)
        large = self._large
        if large is None and self._is_large_publish():
            large = self._begin_large()
        if large is not None:
            return self._read_large(large)
        code = super()._packet_read()
        if code == MQTTErrorCode.MQTT_ERR_PROTOCOL:
            self.violation = self.violation or "malformed"
        return code

    def _is_large_publish(self) -> bool:
        """Whether paho has begun to read a message that does not arrive at once."""
        packet = self._in_packet
        return (
            packet["command"] & 0xF0 == MessageType.PUBLISH
            and packet["have_remaining"] > 0
        )

    def _begin_large(self) -> LargePublish:
        packet = self._in_packet
        self._in_packet = {  # as paho has it between two packets
            "command": 0,
            "have_remaining": 0,
            "remaining_count": [],
            "remaining_mult": 1,
            "remaining_length": 0,
            "packet": bytearray(),
            "to_process": 0,
            "pos": 0,
        }
        self._large = large = LargePublish(
            packet["command"],
            packet["remaining_length"],
            is_5=self._is_5,
            most=self.keep_bytes,
            complete=self._complete,
            name=text_of,
        )
        self._add_to_large(large, packet["packet"])
        return large

    def _add_to_large(self, large: LargePublish, piece: bytes | bytearray) -> None:
        if not large.add(piece):
            self._broken("malformed")

    def _read_large(self, large: LargePublish) -> MQTTErrorCode:
        """Read what is there of a large message, at most so much."""
        for _ in range(TURN_READS):
            if self.violation:
                return MQTTErrorCode.MQTT_ERR_PROTOCOL
            if not large.missing:
                self._large = None
                publish = large.publish()
                return self._deliver(publish) if publish else self._broken("malformed")
            try:
                piece = self._sock_recv(large.missing)
            except BlockingIOError:
                return MQTTErrorCode.MQTT_ERR_AGAIN
            except OSError:
                return MQTTErrorCode.MQTT_ERR_CONN_LOST
            if not piece:
                return MQTTErrorCode.MQTT_ERR_CONN_LOST
            with self._msgtime_mutex:
                # As paho 2.2 and 2.1 call what its keepalive looks at.
                self._last_bytes_received = self._last_msg_in = time.monotonic()
            self._add_to_large(large, piece)
        return MQTTErrorCode.MQTT_ERR_AGAIN

    def _handle_publish(self) -> MQTTErrorCode:
        packet = self._in_packet
        return self._receive(packet["command"], bytes(packet["packet"]))

    def _handle_pubrel(self) -> MQTTErrorCode:
        packet_id = int.from_bytes(self._in_packet["packet"][:2], "big")
        self._unreleased.pop(packet_id, None)
        return self._send_pubcomp(packet_id)

    def _broken(self, violation: str) -> MQTTErrorCode:
        """The broker broke the protocol: the connection is to end."""
        self.violation = self.violation or violation
        return MQTTErrorCode.MQTT_ERR_PROTOCOL

    def _receive(self, head: int, body: bytes) -> MQTTErrorCode:
        publish = split_publish(head, body, is_5=self._is_5)
        if publish is None:
            return self._broken("qos_3" if head & 0x06 == 0x06 else "malformed")
        publish = self._complete(publish)
        if publish is None:
            return MQTTErrorCode.MQTT_ERR_PROTOCOL
        if len(publish.payload) > self.keep_bytes:
            publish = leave_out(publish, text_of(publish.topic))
        return self._deliver(publish)

    def _complete(self, publish: Publish) -> Publish | None:
        """The message with the topic that its alias stands for.

        :return: ``None`` when the broker may not send it.
        """
        if publish.qos and not publish.packet_id:
            self._broken("packet_id_0")
            return None
        if publish.properties and _TOPIC_ALIAS in publish.properties:
            topic = self._topic_of(publish)
            if topic is None:
                self._broken("alias")
                return None
            publish = publish._replace(topic=topic)
        elif not publish.topic and publish.properties != b"":
            self._broken("empty_topic")
            return None
        return publish

    def _topic_of(self, publish: Publish) -> bytes | None:
        """The topic of a message that may have an alias for it (section 3.3.2.3.4).

        :return: ``None`` when the broker has not said what the alias stands for, or
            gives one that it may not.
        """
        try:
            alias = read_properties(publish.properties).topic_alias
        except Exception:  # they go into quarantine, see read_properties  # noqa: BLE001
            return publish.topic
        if alias is None:
            return publish.topic or None
        if publish.topic and 1 <= alias <= TOPIC_ALIASES:
            self._topics[alias] = publish.topic
        return self._topics.get(alias)

    def _deliver(self, publish: Publish) -> MQTTErrorCode:
        if _logger.isEnabledFor(logging.DEBUG):
            _logger.debug(  # in paho's words
                "Received PUBLISH (d%d, q%d, r%d, m%d), %r, ... (%d bytes)",
                publish.dup,
                publish.qos,
                publish.retain,
                publish.packet_id,
                publish.topic,
                len(publish.payload),
            )
        if publish.qos == 2:
            if self._unreleased.get(publish.packet_id):
                self.acknowledge([(publish.packet_id, 2)])
            if publish.packet_id in self._unreleased:
                return MQTTErrorCode.MQTT_ERR_SUCCESS  # the same again
            self._unreleased[publish.packet_id] = False
        self.on_received(publish)
        return MQTTErrorCode.MQTT_ERR_SUCCESS


def text_of(topic: bytes) -> str:
    """A topic as PostgreSQL can store it."""
    return storable(topic.decode(errors="backslashreplace"))
