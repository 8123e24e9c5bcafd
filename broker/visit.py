# Copyright 2026 mqtt_listener contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""A short connection to a broker beside the listener's, while somebody waits for it."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable
from dataclasses import replace

from ..mqtt.publish_packet import Publish
from .client import DisconnectFlags, Properties, ReasonCode
from .connecting import new_client, open_connection
from .endpoint import Endpoint
from .problem import Problem
from .reasons import reason_text
from .requests import send_subscribe
from .settings import ServiceSettings, SubscriptionSettings

STEP_TIMEOUT = 5.0  # seconds for an answer of the broker
BEAT = 0.1  # seconds for which the socket is waited for at a time

Answer = tuple[ReasonCode, Properties | None]


class VisitFailed(Exception):
    """The broker did not do what it was asked.

    :ivar problem: why.
    """

    def __init__(self, problem: Problem):
        super().__init__(problem)
        self.problem = problem


class Visit:
    """A connection to the broker for as long as somebody waits for what it finds.

    With a client identifier and a session of its own, so that a service that runs is
    not disturbed and nothing stays at the broker.

    :param endpoint: what decides about redirects.
    """

    def __init__(self, settings: ServiceSettings, endpoint: Endpoint):
        self._endpoint = endpoint
        self._settings = replace(settings, session_expiry=0)
        client_id = f"odoo-test-{secrets.token_hex(6)}"
        self._client = new_client(settings, client_id, passing=True)
        self._client.on_connect = self._on_connect
        self._client.on_subscribe = self._on_subscribe
        self._client.on_disconnect = self._on_disconnect
        self._client.keep_bytes = 0  # nobody reads a payload before `listen`
        self._answers: list[Answer] = []
        self._is_logged_in = False
        self._ended: Problem | None = None

    def log_in(self) -> None:
        """Connect, and wait for the broker's answer.

        :raise VisitFailed: when it refuses the login, or does not answer.
        :raise OSError: when it cannot be reached.
        """
        open_connection(self._client, self._settings, passing=True)
        code, properties = self._await_answer()
        if code.value >= 0x80:
            raise VisitFailed(self._endpoint.refused(code, properties))
        self._is_logged_in = True

    def subscribe(self, subscription: SubscriptionSettings) -> None:
        """Subscribe, and wait for the broker's answer.

        :raise VisitFailed: when it refuses the filter, or does not answer.
        """
        send_subscribe(
            self._client, self._settings, subscription, with_identifier=False
        )
        code, properties = self._await_answer()
        if code.value >= 0x80:
            text = reason_text(code, properties)
            raise VisitFailed(Problem("subscription_refused", text))

    def listen(
        self,
        subscription: SubscriptionSettings,
        received: Callable[[Publish], bool],
        *,
        seconds: float,
        keep_bytes: int,
    ) -> None:
        """Subscribe, and pass on what comes. Nothing is acknowledged.

        :param subscription: with QoS 0.
        :param received: called with each message; whether it has seen enough.
        :param keep_bytes: of a larger payload, the size is known and no byte is kept.
        :raise VisitFailed: when the broker refuses the filter, or ends the connection.
        """
        has_enough = False

        def pass_on(publish: Publish) -> None:
            nonlocal has_enough
            has_enough = has_enough or received(publish)

        self._client.keep_bytes = keep_bytes
        self._client.on_received = pass_on
        self.subscribe(subscription)
        deadline = time.monotonic() + seconds
        while not has_enough and time.monotonic() < deadline:
            if self._client.turn(BEAT):
                raise VisitFailed(self._why_closed(Problem("lost")))

    def close(self) -> None:
        """Send DISCONNECT, with which the session ends."""
        self._client.disconnect()
        self._client.turn(0)

    def _on_connect(
        self,
        _client: object,
        _data: object,
        _flags: object,
        code: ReasonCode,
        properties: Properties | None,
    ) -> None:
        self._answers.append((code, properties))

    def _on_subscribe(
        self,
        _client: object,
        _data: object,
        _packet_id: int,
        codes: list[ReasonCode],
        properties: Properties | None,
    ) -> None:
        self._answers.append((codes[0], properties))

    def _await_answer(self) -> Answer:
        self._answers.clear()
        deadline = time.monotonic() + STEP_TIMEOUT
        while not self._answers:
            if time.monotonic() >= deadline:
                raise VisitFailed(Problem("timeout"))
            if self._client.turn(BEAT):
                # Closed without an answer: 3.1.1 brokers do so to what they refuse.
                break
        if not self._answers:
            raise VisitFailed(self._why_closed())
        return self._answers[-1]

    def _why_closed(self, unsaid: Problem | None = None) -> Problem:
        """Why the broker closed the connection instead of answering.

        :param unsaid: what it is after the login, when the broker does not say why.
        """
        client = self._client
        if client.tls_error:
            return Problem.from_exception(client.tls_error)
        if client.violation:
            return Problem("violation", client.violation)
        if self._is_logged_in:
            return self._ended or unsaid or Problem("subscription_closed")
        if self._ended:
            return self._ended
        return Problem("tls_closed" if self._settings.tls else "closed_early")

    def _on_disconnect(
        self,
        _client: object,
        _data: object,
        flags: DisconnectFlags,
        code: ReasonCode,
        properties: Properties | None,
    ) -> None:
        if flags.is_disconnect_packet_from_server:
            self._ended = self._endpoint.refused(
                code, properties, is_live=self._is_logged_in
            )
