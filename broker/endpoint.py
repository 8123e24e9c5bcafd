# Copyright 2026 mqtt_listener contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""Which server a service's next connection goes to: its own, or where it was sent."""

from __future__ import annotations

import time
from dataclasses import replace

from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from ..mqtt.redirect import Server, first_server
from .problem import Problem
from .reasons import reason_text, server_reference
from .settings import ServiceSettings

MOVED = 0x9D  # for good; 0x9C is for now (MQTT 5.0 section 4.13)
REASONS = (0x9C, MOVED)
MAX_REDIRECTS = 5  # in a row; two servers may send a client to each other for ever
STABLE = 60.0  # seconds of connection after which a redirect begins another row


class Endpoint:
    """The way to a service's broker, and the redirects on it.

    :param settings: the service.
    :ivar is_redirected: whether the last connection ended because it was sent on, so
        that the next need not wait.
    """

    def __init__(self, settings: ServiceSettings):
        self.is_redirected = False
        self._settings = settings
        self._own = Server(settings.host, settings.port)
        self._moved: Server | None = None
        self._next: Server | None = None
        self._redirects = 0
        self._connected_at: float | None = None

    def take(self) -> ServiceSettings:
        """The settings of the next connection; a server for now counts for one."""
        server = self._next or self._moved or self._own
        self._next = self._connected_at = None
        self.is_redirected = False
        return replace(self._settings, host=server.host, port=server.port)

    def name_of(self, settings: ServiceSettings) -> str:
        """host:port, of a server that is not the service's own; else empty."""
        server = Server(settings.host, settings.port)
        return "" if server == self._own else str(server)

    def connected(self) -> None:
        """The connection that was taken stands."""
        self._connected_at = time.monotonic()

    def refused(
        self,
        reason_code: ReasonCode,
        properties: Properties | None,
        *,
        has_will: bool = False,
        is_live: bool = False,
    ) -> Problem:
        """The broker ended the connection, by CONNACK or DISCONNECT.

        :param has_will: whether it answers a CONNECT with a will.
        :param is_live: whether it had accepted the login.
        :return: why; see ``is_redirected``.
        """
        text = reason_text(reason_code, properties)
        if reason_code.value in REASONS:
            reference = server_reference(properties)
            return self.redirect(reason_code.value, reference, text)
        return Problem.from_reason(
            reason_code.value, text, has_will=has_will, is_live=is_live
        )

    def redirect(self, reason: int, reference: str, text: str) -> Problem:
        """The same, for one of ``REASONS``.

        :param reference: its Server Reference, empty without one.
        :param text: what it says, in one line.
        """
        if not self._settings.follow_redirects:
            return Problem("moved", text)
        server = first_server(reference, self._own.port)
        if server is None:
            return Problem("redirect_unreadable", text)
        since = self._connected_at
        if since is not None and time.monotonic() - since >= STABLE:
            self._redirects = 0
        if self._redirects >= MAX_REDIRECTS:
            self._redirects, self._moved = 0, None
            return Problem("redirect_loop", str(MAX_REDIRECTS))
        self._redirects += 1
        self.is_redirected = True
        if reason == MOVED:
            self._moved = server
        else:
            self._next = server
        return Problem("redirected", str(server))
