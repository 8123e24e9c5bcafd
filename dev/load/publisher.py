"""A publisher that costs next to nothing: MQTT 3.1.1 at QoS 1 in whole blocks.

It is not to take the processor from what is measured, and the broker, not it, is to be
the limit. So packets are made a block at a time, and of the answers only the bytes are
counted: at QoS 1 they are all PUBACKs of four bytes.
"""

import socket
import struct
import time

BLOCK = 100  # messages made and sent at once
WINDOW = 1000  # messages that the broker may not have acknowledged yet
TOPIC = b"load/numbers"


def payload(number: int) -> bytes:
    """About 100 bytes of JSON, with a number of its own."""
    return b'{"number": %d, "machine": "press-7", "temperature": 63.2, "at": %d}' % (
        number,
        1_700_000_000_000 + number,
    )


class Publisher:
    """A connection that publishes numbered messages.

    :param host: of the broker.
    :param port: of the broker.
    """

    def __init__(self, host: str, port: int) -> None:
        self.sent = self.acknowledged = 0
        self._socket = socket.create_connection((host, port))
        client = b"load-publisher"
        connect = b"\0\4MQTT\4\2\0\0" + struct.pack(">H", len(client)) + client
        self._socket.sendall(bytes([0x10, len(connect)]) + connect)
        if self._socket.recv(4)[3:] != b"\0":
            raise ConnectionError("the broker refuses the publisher")
        self._answers = 0  # bytes

    def publish(
        self, count: int, rate: "float | None" = None, seconds: "float | None" = None
    ) -> None:
        """Publish so many messages, and wait until the broker has them.

        :param rate: messages a second; as fast as the broker takes them without.
        :param seconds: after which it ends with fewer.
        """
        begin = time.monotonic()
        end = self.sent + count
        first = self.sent
        while self.sent < end:
            passed = time.monotonic() - begin
            if seconds and passed >= seconds:
                break
            if rate and self.sent - first > rate * passed:
                time.sleep(BLOCK / rate)
                continue
            block = min(BLOCK, end - self.sent)
            self._socket.sendall(b"".join(map(self._packet, range(block))))
            self.sent += block
            while self.sent - self.acknowledged > WINDOW:
                self._read()
        while self.acknowledged < self.sent:
            self._read()

    def close(self) -> None:
        """Leave the broker."""
        self._socket.sendall(b"\xe0\0")
        self._socket.close()

    def _packet(self, offset: int) -> bytes:
        number = self.sent + offset
        packet_id = number % 65_535 + 1
        body = struct.pack(">H", len(TOPIC)) + TOPIC + struct.pack(">H", packet_id)
        body += payload(number)
        return bytes([0x32, len(body)]) + body  # shorter than 128 bytes

    def _read(self) -> None:
        answer = self._socket.recv(65_536)
        if not answer:
            raise ConnectionError("the broker closed the connection")
        self._answers += len(answer)
        self.acknowledged = self._answers // 4
