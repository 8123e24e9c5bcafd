# Copyright 2026 mqtt_listener contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""A broker that cannot do all, and refuses in ways that Mosquitto cannot be made to."""

from .fake_broker import CONNECT, PUBLISH, SUBSCRIBE, UNSUBSCRIBE
from .listening import Recorder

NO_SHARED, NO_WILDCARDS, NO_IDENTIFIERS = b"\x2a\0", b"\x28\0", b"\x29\0"
MAXIMUM_QOS_0 = b"\x24\0"
NO_RETAIN = b"\x25\0"
SESSION_EXPIRY_60 = b"\x11\0\0\0\x3c"
ASSIGNED_ID = b"\x12\0\2me"
KEEP_ALIVE_30 = b"\x13\0\x1e"


class StrictBroker(Recorder):
    """Answers MQTT 5 or 3.1.1.

    :param codes: reason code of SUBACK, by topic filter; 1 for all others.
    :param closes_on: topic filters that it answers by closing the connection.
    :param disconnect: what it sends before that.
    :param greeting: what it sends behind each CONNACK.
    :param after: packets that it takes after the subscriptions, before it closes.
    """

    def __init__(
        self, *args, codes=None, closes_on=(), disconnect=b"", greeting=b"", **options
    ):
        super().__init__(*args, **options)
        self._codes, self._closes_on = codes or {}, closes_on
        self._disconnect, self._greeting = disconnect, greeting
        self._is_5 = True

    @property
    def logins(self):
        return len(self.bodies(CONNECT))

    @property
    def subscribed(self):
        """Topic filters, in the order in which they came."""
        return [self._filter(body) for body in self.bodies(SUBSCRIBE)]

    @property
    def identified(self):
        """Topic filters that came with a Subscription Identifier."""
        return [
            self._filter(body) for body in self.bodies(SUBSCRIBE) if body[2:3] > b"\0"
        ]

    def _answer(self, kind, body, connection):
        if kind == CONNECT:
            self._is_5 = body[6] == 5
            answer = super()._answer(kind, body, connection)
            if not self._is_5:
                answer = bytes([0x20, 2, *answer[2:4]])
            return answer + self._greeting
        answer = super()._answer(kind, body, connection)
        if kind == SUBSCRIBE:
            name = self._filter(body)
            if name in self._closes_on:
                return self._close(connection)
            code = self._codes.get(name, 1)
            empty = [0] if self._is_5 else []
            return bytes([0x90, 3 + len(empty), *body[:2], *empty, code])
        if kind == UNSUBSCRIBE and not self._is_5:
            return bytes([0xB0, 2, *body[:2]])
        if kind == PUBLISH and b"close" in body:
            return self._close(connection)
        return answer

    def _close(self, connection):
        if self._disconnect:
            connection.sendall(self._disconnect)
        raise ConnectionError

    def _filter(self, body):
        start = 2 + (1 + body[2] if self._is_5 else 0)
        size = int.from_bytes(body[start : start + 2])
        return body[start + 2 : start + 2 + size].decode()
