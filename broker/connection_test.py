# Copyright 2026 mqtt_listener contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""Tries a service's broker step by step, while somebody waits for the answer."""

from __future__ import annotations

import contextlib
import socket
import ssl
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial

from ..mqtt.tls import Certificate, Tls
from .endpoint import Endpoint
from .problem import Problem
from .settings import ServiceSettings
from .visit import STEP_TIMEOUT, Visit, VisitFailed

REFUSAL_TIMEOUT = 0.5  # seconds in which a broker refuses a client's certificate


@dataclass(frozen=True)
class Step:
    """One step of a test.

    :param name: ``name``, ``tcp``, ``tls``, ``login`` or ``subscription``.
    :param subject: what it was about: an address, a version, a user, a topic filter.
    :param seconds: how long it took.
    :param problem: why it ended there, ``None`` when it did not.
    :param server: host:port, when it is not the service's own server.
    """

    name: str
    subject: str
    seconds: float
    problem: Problem | None
    certificate: Certificate | None = None
    server: str = ""

    @property
    def is_failed(self) -> bool:
        """Whether the broker cannot be used; being sent on to another is no failure."""
        return self.problem is not None and self.problem.code != "redirected"


def run_connection_test(settings: ServiceSettings) -> Iterator[Step]:
    """Go through name, TCP, TLS, login and subscriptions; stop at the step that fails.

    Then the same at the server that the broker sends the service to, if it follows.
    With a client identifier and a session of its own, so that a service that runs is
    not disturbed, and without the shared subscriptions, whose messages it would take.
    """
    endpoint = Endpoint(settings)
    while True:
        taken = endpoint.take()
        for step in _test_server(taken, endpoint):
            yield replace(step, server=endpoint.name_of(taken))
        if not endpoint.is_redirected:
            return


def _test_server(settings: ServiceSettings, endpoint: Endpoint) -> Iterator[Step]:
    address = f"{settings.host}:{settings.port}"
    steps: list[tuple[str, str, Callable[[], object]]] = [
        ("name", settings.host, lambda: _resolve(settings)),
        ("tcp", address, lambda: _open_socket(settings)),
    ]
    for name, subject, action in steps:
        step = _timed(name, subject, action)
        yield step
        if step.problem:
            return
    try:  # what is kept elsewhere, for this server
        settings = settings.resolved()
    except ValueError as error:
        yield Step("login", settings.username or "", 0.0, Problem.from_exception(error))
        return
    if settings.tls:
        handshake = _Handshake(settings, settings.tls)
        step = _timed("tls", "", handshake.make)
        yield replace(
            step, subject=handshake.version, certificate=handshake.certificate
        )
        if step.problem:
            return
    visit = Visit(settings, endpoint)
    try:
        step = _timed("login", settings.username or "", visit.log_in)
        yield step
        if step.problem:
            return
        for subscription in settings.subscriptions:
            if not subscription.topic_filter.is_shared:
                yield _timed(
                    "subscription",
                    subscription.topic_filter.text,
                    partial(visit.subscribe, subscription),
                )
    finally:
        visit.close()


def _timed(name: str, subject: str, action: Callable[[], object]) -> Step:
    start = time.monotonic()
    problem = None
    try:
        action()
    except VisitFailed as failure:
        problem = failure.problem
    except (OSError, ValueError) as error:
        problem = Problem.from_exception(error)
    return Step(name, subject, time.monotonic() - start, problem)


def _resolve(settings: ServiceSettings) -> None:
    socket.getaddrinfo(settings.host, settings.port, type=socket.SOCK_STREAM)


def _open_socket(settings: ServiceSettings) -> None:
    socket.create_connection((settings.host, settings.port), STEP_TIMEOUT).close()


class _Handshake:
    """A TLS connection to the broker, for a look at its certificate.

    :ivar version: of TLS; empty until it is agreed on.
    :ivar certificate: the broker's, also when it is refused.
    """

    def __init__(self, settings: ServiceSettings, tls: Tls):
        self._settings, self._tls = settings, tls
        self.version = ""
        self.certificate: Certificate | None = None

    def make(self) -> None:
        """:raise OSError: when the broker or its certificate cannot be accepted."""
        try:
            self._connect(self._tls)
        except ConnectionResetError as error:
            raise ssl.SSLEOFError(str(error)) from error
        except ssl.SSLCertVerificationError:
            # Python tells nothing of a certificate that it refuses: look at it once
            # more, without having any trust in it or showing our own.
            with contextlib.suppress(OSError):
                self._connect(Tls(unchecked=True, alpn=self._tls.alpn))
            raise

    def _connect(self, tls: Tls) -> None:
        address = self._settings.host, self._settings.port
        with socket.create_connection(address, STEP_TIMEOUT) as sock:
            wrapped = tls.context().wrap_socket(sock, server_hostname=address[0])
            with wrapped:
                self.version = wrapped.version() or ""
                content = wrapped.getpeercert(binary_form=True)
                if content:
                    self.certificate = Certificate.from_der(content)
                # With TLS 1.3 it refuses the client's certificate only now; MQTT
                # brokers have nothing else to say before CONNECT.
                wrapped.settimeout(REFUSAL_TIMEOUT)
                with contextlib.suppress(TimeoutError):
                    wrapped.recv(1)
