# Copyright 2026 mqtt_listener contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""Brokers that do what Mosquitto cannot be made to do."""

import contextlib
import socket
import threading
from collections import deque

CONNECT, PUBLISH, PUBACK, SUBSCRIBE, UNSUBSCRIBE, PINGREQ = 1, 3, 4, 8, 10, 12


class FakeBroker:
    """Answers MQTT 5 as a broker that refuses, depending on the user and the filter.

    Mosquitto without plugins refuses no subscription, and Mosquitto 2.0.11 closes the
    connection of a session that is taken over without a word.
    """

    host = "127.0.0.1"

    def __enter__(self):
        self._socket = socket.create_server((self.host, 0))
        self.port = self._socket.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *error):
        self._socket.close()

    def _accept(self):
        while True:
            try:
                connection, _ = self._socket.accept()
            except OSError:
                return
            threading.Thread(target=self._talk, args=[connection], daemon=True).start()

    def _talk(self, connection):
        # A client that dies is no error here.
        with contextlib.suppress(OSError), connection:
            for kind, body in _packets(connection):
                answer = self._answer(kind, body, connection)
                if answer:
                    connection.sendall(answer)

    def _answer(self, kind, body, _connection):
        if kind == CONNECT:
            if body.endswith(b"\0\5moved"):
                reference = b"\x1c\0\4next"  # a Server Reference, section 3.2.2.3.16
                return bytes([0x20, 10, 0, 0x9D, len(reference)]) + reference
            reasons = {b"\x00\x02no": 0x86, b"\x00\x03old": 0x84}
            reason = next((reasons[end] for end in reasons if body.endswith(end)), 0)
            connack = bytes([0x20, 3, 0, reason, 0])
            taken_over = body.endswith(b"taken over")
            return connack + (b"\xe0\x02\x8e\x00" if taken_over else b"")
        if kind == SUBSCRIBE:
            code = 0x87 if b"refuse" in body else 1
            return bytes([0x90, 4, *body[:2], 0, code])
        if kind == UNSUBSCRIBE:
            return bytes([0xB0, 4, *body[:2], 0, 0x11])
        if kind == PINGREQ:
            return b"\xd0\x00"
        return None


class LowestIdBroker(FakeBroker):
    """One session, in which a packet identifier is used again as soon as it is free.

    :param messages: (topic, payload) of what it has for the session.
    :param window: messages it sends before the first is acknowledged.
    """

    def __init__(self, messages, window=50):
        self._queue = deque(messages)
        self._window = window
        self._in_flight = {}  # by packet id, in the order in which they were sent
        self._lock = threading.Lock()
        self._connection = None
        self._has_session = False
        self._is_5 = True
        self.acknowledged = 0

    @property
    def is_done(self):
        """Whether all messages were acknowledged."""
        return not self._queue and not self._in_flight

    def cut(self):
        """Break the connection, with whatever is on its way."""
        with contextlib.suppress(OSError):
            self._connection.shutdown(socket.SHUT_RDWR)

    def _answer(self, kind, body, connection):
        with self._lock:
            if kind == CONNECT:
                return self._resume(body, connection)
            if connection is not self._connection:
                return None  # it was taken over
            if kind == PUBACK:
                self._in_flight.pop(int.from_bytes(body[:2]))
                self.acknowledged += 1
                return self._more()
            properties = b"\0" * self._is_5
            if kind == SUBSCRIBE:
                suback = body[:2] + properties + b"\1"
                return bytes([0x90, len(suback)]) + suback + self._more()
            if kind == UNSUBSCRIBE:
                unsuback = body[:2] + (b"\0\x11" if self._is_5 else b"")
                return bytes([0xB0, len(unsuback)]) + unsuback
        return super()._answer(kind, body, connection)

    def _resume(self, body, connection):
        self.cut() if self._connection else None
        self._connection = connection
        self._is_5 = body[6] == 5
        connack = bytes([self._has_session, 0]) + b"\0" * self._is_5
        again = b"".join(
            self._publish(packet_id, dup=True) for packet_id in self._in_flight
        )
        more = self._more() if self._has_session else b""
        self._has_session = True
        return bytes([0x20, len(connack)]) + connack + again + more

    def _more(self):
        """New messages, as far as the window allows."""
        sent = b""
        while self._queue and len(self._in_flight) < self._window:
            packet_id = self._free_id()
            self._in_flight[packet_id] = self._queue.popleft()
            sent += self._publish(packet_id)
        return sent

    def _free_id(self):
        return next(
            one for one in range(1, self._window + 1) if one not in self._in_flight
        )

    def _publish(self, packet_id, *, dup=False):
        topic, payload = self._in_flight[packet_id]
        content = len(topic).to_bytes(2) + topic.encode() + packet_id.to_bytes(2)
        content += b"\0" * self._is_5 + payload
        return bytes([0x32 | dup << 3, len(content)]) + content


class UnrulyBroker(LowestIdBroker):
    """What real brokers do to a session, against the specification or at its edge.

    :param dup: whether it sets DUP on what it sends again.
    :param renumbers: whether it counts identifiers from 1 with each connection.
    :param denies: whether it says of a session that it is new.
    :param is_late: whether it sends again behind newer messages.
    """

    def __init__(
        self,
        messages,
        window=50,
        *,
        dup=True,
        renumbers=False,
        denies=False,
        is_late=False,
    ):
        super().__init__(messages, window)
        self._dup = dup
        self._renumbers = renumbers
        self._denies = denies
        self._is_late = is_late
        self._last_id = 0

    def _resume(self, body, connection):
        self.cut() if self._connection else None
        self._connection = connection
        self._is_5 = body[6] == 5
        if self._renumbers:
            self._in_flight = dict(enumerate(self._in_flight.values(), 1))
            self._last_id = len(self._in_flight)
        is_present = self._has_session and not self._denies
        connack = bytes([is_present, 0]) + b"\0" * self._is_5
        again = b"".join(
            self._publish(packet_id, dup=self._dup) for packet_id in self._in_flight
        )
        more = self._more(len(self._in_flight) // 2) if self._has_session else b""
        self._has_session = True
        sent = more + again if self._is_late else again + more
        return bytes([0x20, len(connack)]) + connack + sent

    def _more(self, beyond=0):
        self._window += beyond * self._is_late  # room for newer ones
        sent = super()._more()
        self._window -= beyond * self._is_late
        return sent

    def _free_id(self):
        if not self._renumbers:
            return super()._free_id()
        self._last_id = self._last_id % 65_535 + 1
        return self._last_id


def _packets(connection):
    """(kind, body) of what a client sends, until it closes."""
    with connection.makefile("rb") as stream:
        while head := stream.read(1):
            length = shift = 0
            while True:
                byte = stream.read(1)[0]
                length |= (byte & 0x7F) << shift
                shift += 7
                if byte < 0x80:
                    break
            yield head[0] >> 4, stream.read(length)
