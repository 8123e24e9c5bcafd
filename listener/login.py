# Copyright 2026 mqtt_listener contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""Which server a service logs in to, and what became of it."""

from __future__ import annotations

import time

from ..broker.abilities import Abilities
from ..broker.client import Client, Properties
from ..broker.endpoint import Endpoint
from ..broker.problem import Problem
from ..broker.settings import ServiceSettings
from ..mqtt.log import get_logger
from .observed import Observed
from .subscriptions import Subscriptions

_logger = get_logger(__name__)


class Login:
    """The logins of a service, one after the other.

    :param settings: of the service.
    :param observed: where what the broker says is noted.
    :param subscriptions: which know what the broker's session holds.
    :ivar endpoint: the service's own server, and those it was sent to.
    :ivar target: the settings of the current connection.
    """

    def __init__(
        self,
        settings: ServiceSettings,
        observed: Observed,
        subscriptions: Subscriptions,
    ):
        self.endpoint = Endpoint(settings)
        self.target = settings
        self._settings = settings
        self._observed = observed
        self._subscriptions = subscriptions
        self._known_servers = {""}  # that may have a session; empty: the service's own

    def begin(self) -> ServiceSettings:
        """The settings of the connection that is to be opened."""
        self.target = self.endpoint.take()
        self._observed.connected_to = self.endpoint.name_of(self.target)
        return self.target

    def accepted(
        self, client: Client, properties: Properties | None, *, session_present: bool
    ) -> Abilities:
        """The broker accepted the login (MQTT 5.0 section 3.2).

        :param properties: of CONNACK.
        """
        self.endpoint.connected()
        observed = self._observed
        certificate = client.certificate
        observed.certificate_end = certificate.end if certificate else None
        abilities = Abilities.from_connack(properties)
        observed.maximum_packet_size = abilities.maximum_packet_size
        observed.abilities = abilities.named
        if not session_present and self._expects_session():
            observed.session_lost = time.time()
            _logger.warning(
                "%s: the broker has lost the session; messages may be missing",
                self._settings.name,
            )
        self._known_servers.add(observed.connected_to)
        _logger.info(
            "%s: connected to %s:%s, session %s",
            self._settings.name,
            self.target.host,
            self.target.port,
            "resumed" if session_present else "new",
        )
        return abilities

    def lost(self, client: Client) -> Problem:
        """Why a connection ended about which the broker said nothing in MQTT."""
        if client.tls_error:
            return Problem.from_exception(client.tls_error)
        if client.violation:
            return Problem("violation", client.violation)
        if self._observed.state == "connected":
            return Problem("lost")
        return Problem("tls_closed" if self._settings.tls else "closed_early")

    def _expects_session(self) -> bool:
        keeps = self._settings.protocol != "5" or self._settings.session_expiry > 0
        is_known = self._observed.connected_to in self._known_servers
        return keeps and is_known and bool(self._subscriptions.session_filters)
