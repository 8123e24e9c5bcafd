# Copyright 2026 mqtt_listener contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""Says at the broker that a service is there, and when it leaves.

These messages belong to the listener's connection, not to anybody's transaction. None
of them is sent again: with the next connection it would tell of what was.
"""

from __future__ import annotations

from ..broker.abilities import Abilities
from ..broker.client import Client, Properties, ReasonCode
from ..broker.reasons import reason_text
from ..broker.requests import fresh_packet_ids, send_publish, set_will
from ..broker.settings import ServiceSettings
from ..mqtt.log import get_logger

_logger = get_logger(__name__)


class Announcer:
    """The announcements of a service, on one connection after the other.

    Whatever the broker makes of them, the connection goes on: it is there to receive.

    :param settings: the service.
    """

    def __init__(self, settings: ServiceSettings):
        self._settings = settings
        self._client: Client | None = None
        self._limits: Abilities | None = None  # known since CONNACK
        self._under_way: dict[int, str] = {}  # kind, by packet id
        self._unproven: list[str] = []  # kinds that no broker acknowledges
        self._has_left = False
        self._barred: set[str] = set()  # kinds

    @property
    def unanswered(self) -> list[str]:
        """Kinds of what the broker has yet to acknowledge, or at QoS 0 to show that it
        has processed; see ``proven``.
        """
        return [*self._under_way.values(), *self._unproven]

    @property
    def has_will(self) -> bool:
        return "will" in self._settings.announcements

    @property
    def is_waiting(self) -> bool:
        """Whether the broker has yet to acknowledge that the service leaves."""
        return "stop" in self._under_way.values()

    def connecting(self, client: Client) -> None:
        """Give the will to a client that has not sent CONNECT, which carries it."""
        self._client, self._limits, self._has_left = client, None, False
        self._under_way, self._unproven = {}, []
        fresh_packet_ids(client)
        if self.has_will:
            set_will(client, self._settings.announcements["will"])

    def connected(self, limits: Abilities) -> bool:
        """Say that the service is there.

        :return: whether only a round trip shows that the broker did not close the
            connection on it.
        """
        self._limits = limits
        if self._announce("birth") == 0:
            self._unproven.append("birth")
        return bool(self._unproven)

    def proven(self) -> None:
        """The broker has answered what was sent after the announcements."""
        self._unproven = []

    def leave(self) -> None:
        """Say, once, that the service leaves in order; see ``is_waiting``."""
        if self._limits is not None and not self._has_left:
            self._has_left = True
            self._announce("stop")

    def answered(
        self,
        _client: object,
        _userdata: object,
        packet_id: int,
        reason_code: ReasonCode,
        properties: Properties | None,
    ) -> None:
        """paho's ``on_publish``: acknowledged, or refused (section 3.4.2.1)."""
        kind = self._under_way.pop(packet_id, None)
        if kind and reason_code.value >= 0x80:
            said = reason_text(reason_code, properties)
            self._warn(kind, f"the broker refused it: {said}")

    def bar(self, kind: str) -> None:
        """Announce this no more: the broker ends the connection on it."""
        self._barred.add(kind)
        self._warn(kind, "the broker closes the connection on it")

    def disconnected(self) -> None:
        """Forget what was not answered: it is not sent again."""
        if self.is_waiting:
            self._warn("stop", "the broker did not acknowledge it")
        self._client, self._limits = None, None
        self._under_way, self._unproven = {}, []

    def _announce(self, kind: str) -> int | None:
        """:return: the QoS with which it was sent; ``None``: it was not."""
        client, limits = self._client, self._limits
        message = self._settings.announcements.get(kind)
        if not (client and limits and message) or kind in self._barred:
            return None
        # A broker may close the connection on who sends more than it takes.
        problem = limits.problem_of(message, is_5=self._settings.protocol == "5")
        if problem:
            self._warn(kind, f"the broker does not take it: {problem.code}")
        elif message.qos and len(self._under_way) >= limits.receive_maximum:
            self._warn(kind, "the broker has not acknowledged the one before")
        else:
            packet_id = send_publish(client, self._settings, message)
            if message.qos:
                self._under_way[packet_id] = kind
            return message.qos
        return None

    def _warn(self, kind: str, why: str) -> None:
        _logger.warning("%s: the announcement %r: %s", self._settings.name, kind, why)
