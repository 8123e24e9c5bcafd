# Copyright 2026 mqtt_listener contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""A publisher that costs next to nothing: MQTT 3.1.1 at QoS 1 in whole blocks.

It is not to take the processor from what is measured, and the broker, not it, is to be
the limit. So packets are made a block at a time, and of the answers only the bytes are
counted: at QoS 1 they are all PUBACKs of four bytes.
"""

import itertools
import socket
import struct
import time
from collections.abc import Callable

BLOCK = 100  # messages made and sent at once, at most
BLOCK_BYTES = 256 * 1024
WINDOW = 5000  # messages that the broker may not have acknowledged yet
_numbers = itertools.count(1)


class Publisher:
    """A connection that publishes numbered messages.

    :param host: of the broker.
    :param port: of the broker.
    :param message: topic and payload of the message with this number.
    """

    def __init__(
        self, host: str, port: int, message: Callable[[int], tuple[bytes, bytes]]
    ) -> None:
        self.sent = self.acknowledged = 0
        self.message = message
        self._socket = socket.create_connection((host, port))
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        client = b"publisher-%d" % next(_numbers)
        connect = b"\0\4MQTT\4\2\0\0" + struct.pack(">H", len(client)) + client
        self._socket.sendall(bytes([0x10, len(connect)]) + connect)
        if self._socket.recv(4)[3:] != b"\0":
            raise ConnectionError("the broker refuses the publisher")
        self._answers = 0  # bytes

    def publish(
        self,
        count: int,
        rate: "float | None" = None,
        seconds: "float | None" = None,
        block: int = BLOCK,
    ) -> None:
        """Publish so many messages, and wait until the broker has them.

        :param rate: messages a second; as fast as the broker takes them without.
        :param seconds: after which it ends with fewer.
        :param block: messages sent at once, at most.
        """
        begin = time.monotonic()
        end = self.sent + count
        first = self.sent
        while self.sent < end:
            passed = time.monotonic() - begin
            if seconds and passed >= seconds:
                break
            if rate and self.sent - first > rate * passed:
                time.sleep((self.sent - first) / rate - passed)
                continue
            self._send_block(min(block, end - self.sent))
            if self.sent - self.acknowledged > WINDOW:
                self._await(self.sent - WINDOW // 2)
        self._await(self.sent)

    def close(self) -> None:
        """Leave the broker."""
        self._socket.sendall(b"\xe0\0")
        self._socket.close()

    def _send_block(self, count: int) -> None:
        packets: list[bytes] = []
        size = 0
        while len(packets) < count and size < BLOCK_BYTES:
            packets.append(self._packet(self.sent + len(packets)))
            size += len(packets[-1])
        self._socket.sendall(b"".join(packets))
        self.sent += len(packets)

    def _packet(self, number: int) -> bytes:
        topic, payload = self.message(number)
        packet_id = number % 65_535 + 1
        body = struct.pack(">H", len(topic)) + topic + struct.pack(">H", packet_id)
        size = len(body) + len(payload)
        return b"\x32" + _remaining_length(size) + body + payload

    def _await(self, acknowledged: int) -> None:
        """Sleep until the broker has so many: one call, not one for each answer."""
        while self.acknowledged < acknowledged:
            missing = 4 * acknowledged - self._answers
            answer = self._socket.recv(missing, socket.MSG_WAITALL)
            if not answer:
                raise ConnectionError("the broker closed the connection")
            self._answers += len(answer)
            self.acknowledged = self._answers // 4


def _remaining_length(size: int) -> bytes:
    """MQTT 5, 1.5.5: seven bits a byte, the lowest first."""
    encoded = bytearray()
    while size > 127:
        encoded.append(size & 127 | 128)
        size >>= 7
    encoded.append(size)
    return bytes(encoded)
