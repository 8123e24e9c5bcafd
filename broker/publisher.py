# Copyright 2026 mqtt_listener contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""Publishes messages over a connection of its own, for as long as a job runs.

A job worker calls it. The listener's connection is in another process, and one that
both used would have the one wait for the other.
"""

from __future__ import annotations

import contextlib
import math
import time
from collections.abc import Callable, Iterable
from functools import partial
from typing import Any

from ..mqtt.outgoing import Outgoing
from .abilities import Abilities
from .client import (
    Client,
    ConnectFlags,
    DisconnectFlags,
    Properties,
    ReasonCode,
    problem_of,
)
from .connecting import new_client, open_connection
from .endpoint import Endpoint
from .problem import Problem
from .reasons import reason_text
from .requests import send_publish
from .settings import ServiceSettings

ANSWER_TIMEOUT = 10.0  # seconds without any answer after which the broker is silent
WINDOW = 20  # messages under way at a time
BEAT = 0.5  # seconds for which the socket is waited for at a time


class Publisher:
    """A connection that publishes, with a session that ends with it.

    :param settings: the service.
    :param client_id: of this connection alone: it disturbs no listener.
    :param window: messages under way at a time, at most.
    :ivar problem: why the connection is over, ``None`` while it stands.
    :ivar confirmed: keys of the messages that the broker has: acknowledged, or with
        QoS 0 written out.
    :ivar refused: ``{key: Problem}``, of those that the broker would not take.
    :ivar hopeless: ``{key: Problem}``, of those that it will never take.
    """

    def __init__(
        self, settings: ServiceSettings, client_id: str, *, window: int = WINDOW
    ):
        self.problem: Problem | None = None
        self.confirmed: set[int] = set()
        self.refused: dict[int, Problem] = {}
        self.hopeless: dict[int, Problem] = {}
        self._settings = settings
        self._window = window
        self._limits: Abilities | None = None  # known since CONNACK
        self._sent: dict[int, Outgoing] = {}  # by packet id
        self._answers: list[tuple[int, ReasonCode, Properties]] = []
        self._held_topics: set[str] = set()  # of messages that were refused
        self._endpoint = Endpoint(settings)
        self._client_id = client_id
        self._client: Client | None = None

    def _new_client(self, settings: ServiceSettings) -> Client:
        client = new_client(settings, self._client_id, passing=True)
        client.on_connect = self._on_connect
        client.on_disconnect = self._on_disconnect
        client.on_publish = self._on_publish
        client.on_received = lambda _publish: None  # nothing is subscribed
        return client

    @property
    def under_way(self) -> list[int]:
        """Keys of the messages that were sent and not answered."""
        return [message.key for message in self._sent.values()]

    def __enter__(self) -> Publisher:
        """Connect; what keeps it from doing so is in ``problem``."""
        self._connect(self._endpoint.take())
        while self._endpoint.is_redirected:
            self.problem = self._limits = None
            self._connect(self._endpoint.take())
        if self._limits:
            self._window = min(self._window, self._limits.receive_maximum)
        return self

    def _connect(self, target: ServiceSettings) -> None:
        try:
            self._client = client = self._new_client(target)
            open_connection(client, target, passing=True)
            self._wait(client, lambda: self._limits is not None)
        except (OSError, ValueError) as error:
            self.problem = self.problem or Problem.from_exception(error)

    def __exit__(self, *_exception: object) -> None:
        if self._client is None:
            return
        self._client.on_disconnect = None  # its own doing is no problem
        # What was not answered is not confirmed: the socket may go as it likes.
        with contextlib.suppress(OSError, ValueError):
            self._client.disconnect()

    def send(self, messages: Iterable[Outgoing], seconds: float = math.inf) -> None:
        """Publish messages in this order, and wait for the answers.

        Of a topic, one is under way at a time: it may be refused, and the next would
        have overtaken it. What is in none of ``confirmed``, ``refused`` and
        ``hopeless`` afterwards was not answered: the connection is over, one of its
        topic was refused before, or the time was up.

        :param seconds: after which no other is begun; the first always is.
        """
        client = self._client
        if client is None:
            return
        end = time.monotonic() + seconds
        for message in messages:
            self._wait(client, partial(self._has_room, message.topic))
            if self.problem:
                break
            if message.topic in self._held_topics:
                continue  # it may not overtake
            problem = self._find_limit(message)
            if problem:
                self.hopeless[message.key] = problem
                continue
            self._sent[send_publish(client, self._settings, message)] = message
            self._read_answers()
            if time.monotonic() > end:
                break
        self._wait(client, lambda: not self._sent)

    def _has_room(self, topic: str) -> bool:
        under_way = self._sent.values()
        return len(under_way) < self._window and not any(
            message.topic == topic for message in under_way
        )

    def _find_limit(self, message: Outgoing) -> Problem | None:
        is_5 = self._settings.protocol == "5"
        return self._limits.problem_of(message, is_5=is_5) if self._limits else None

    def _wait(self, client: Client, is_done: Callable[[], bool]) -> None:
        """Read and write until it is done, the connection over or the broker silent."""
        deadline = time.monotonic() + ANSWER_TIMEOUT
        while not self.problem and not is_done():
            if time.monotonic() >= deadline:
                self.problem = Problem("timeout")
                return
            code = client.turn(BEAT)
            if self._read_answers():
                deadline = time.monotonic() + ANSWER_TIMEOUT
            if code and not self.problem:
                self.problem = problem_of(code)

    def _read_answers(self) -> bool:
        """Take the answers in that came; whether there was any.

        Not in the callback: with QoS 0 paho calls it before the packet id is known.
        """
        answers, self._answers = self._answers, []
        for packet_id, reason_code, properties in answers:
            message = self._sent.pop(packet_id, None)
            if message is None:
                self._answers.append((packet_id, reason_code, properties))
            elif reason_code.value < 0x80:
                self.confirmed.add(message.key)
            else:
                self._held_topics.add(message.topic)
                self.refused[message.key] = Problem(
                    "publish_refused", reason_text(reason_code, properties)
                )
        return len(answers) > len(self._answers)

    def _on_connect(
        self,
        _client: object,
        _userdata: object,
        _flags: ConnectFlags,
        reason_code: ReasonCode,
        properties: Properties | None,
    ) -> None:
        if reason_code.is_failure:
            self.problem = self._endpoint.refused(reason_code, properties)
        else:
            self._limits = Abilities.from_connack(properties)

    def _on_publish(
        self,
        _client: object,
        _userdata: object,
        packet_id: int,
        reason_code: ReasonCode,
        properties: Properties,
    ) -> None:
        self._answers.append((packet_id, reason_code, properties))

    def _on_disconnect(
        self,
        client: Any,  # a Client, which paho's type does not say
        _userdata: object,
        flags: DisconnectFlags,
        reason_code: ReasonCode,
        properties: Properties | None,
    ) -> None:
        if self.problem:
            return
        if flags.is_disconnect_packet_from_server:
            self.problem = self._endpoint.refused(
                reason_code, properties, is_live=self._limits is not None
            )
        else:
            violation = client.violation
            self.problem = (
                Problem("violation", violation) if violation else Problem("lost")
            )
