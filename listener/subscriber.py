# Copyright 2026 mqtt_listener contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""Subscribes on a connection, and finds what the broker answers by closing it."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Collection

from ..broker.client import Client, Properties
from ..broker.problem import Problem
from ..broker.reasons import Reason, reason_text
from ..broker.requests import send_subscribe
from ..broker.settings import ServiceSettings, SubscriptionSettings
from ..mqtt.log import get_logger
from .subscriptions import Subscriptions
from .suspicion import Suspicion

_logger = get_logger(__name__)

PROBE_FILTER = "mqtt_listener/probe"  # never subscribed
CLOSES = "Connection closed"  # why a filter is not subscribed, as reason codes' names
# Problems of a connection that the broker ended, perhaps for what was sent.
_BY_BROKER = ("lost", "ended", "ended_protocol", "ended_not_authorized")
# Of a DISCONNECT: what it can say of a SUBSCRIBE (MQTT 5.0 section 3.14.2.1).
_ABOUT_SUBSCRIBING = (
    "Malformed packet",
    "Protocol error",
    "Implementation specific error",
    "Not authorized",
    "Topic filter invalid",
    "Packet too large",
    "Quota exceeded",
    "Shared subscription not supported",
    "Subscription identifiers not supported",
    "Wildcard subscription not supported",
)
_Task = SubscriptionSettings | str | None  # to subscribe, to unsubscribe, a round trip


class Subscriber:
    """Brings what the broker has into line with what is wanted. Network thread only.

    :param settings: the service.
    :param subscriptions: what is wanted, and what the broker answered.
    :param changed: called when that changed.
    :param bar_published: called with what was published and ends the connection.
    """

    def __init__(
        self,
        settings: ServiceSettings,
        subscriptions: Subscriptions,
        changed: Callable[[], None],
        bar_published: Callable[[str], None] = lambda kind: None,
    ):
        self._settings = settings
        self._subscriptions = subscriptions
        self._changed = changed
        self._bar_published = bar_published
        self._then: Callable[[], bool] | None = None
        self._suspicion = Suspicion()
        self._client: Client | None = None
        self._has_to_plan = False
        self._queue: deque[_Task] = deque()
        # By packet identifier; None: it could not be sent.
        self._unanswered: dict[int | None, _Task] = {}

    def connected(self, client: Client, then: Callable[[], bool]) -> None:
        """A connection stands, and ``subscriptions`` knows what it can do.

        :param then: called when all is sent; answered too, while something is sought
            that ends connections. Returns whether a round trip has to follow.
        """
        self._client, self._then = client, then
        if self._suspicion.is_searching:
            self._queue.append(None)
        self._plan(renew=self._settings.protocol == "5")
        if not self._suspicion.is_searching:
            self._go_on()

    def wanted(self) -> None:
        """Other subscriptions are wanted."""
        if self._client is not None:
            self._plan()

    def answered(
        self, packet_id: int, reasons: list[Reason], properties: Properties | None
    ) -> None:
        """SUBACK or UNSUBACK."""
        if packet_id not in self._unanswered:
            return
        task = self._unanswered.pop(packet_id)
        if isinstance(task, str):
            self._subscriptions.unsubscribed(task)
        elif task is not None and reasons:
            self._subscribed(task, reasons[0], properties)
        self._send()
        if self.is_idle and self._has_to_plan:
            self._plan()
        if self.is_idle:
            self._go_on()
            self._changed()

    def settle(self, published: Collection[str]) -> None:
        """What was sent is harmless, if the broker has answered all of it.

        :param published: what it has yet to acknowledge.
        """
        if self.is_idle and not published:
            self._suspicion.answered()

    @property
    def is_idle(self) -> bool:
        """Whether the broker has answered all that was sent."""
        return not (self._queue or self._unanswered)

    def disconnected(self, problem: Problem | None, published: Collection[str]) -> bool:
        """The connection is over.

        :param problem: why.
        :param published: what was published and not acknowledged.
        :return: whether that helps to find what the broker answers by closing.
        """
        unanswered = [one for one in self._unanswered.values() if one is not None]
        unanswered += published
        self._client, self._unanswered = None, {}
        self._queue.clear()
        if not unanswered or problem is None or problem.code not in _BY_BROKER:
            return False
        culprit = self._suspicion.ended(
            unanswered,
            is_certain=problem.detail.partition(":")[0] in _ABOUT_SUBSCRIBING,
        )
        if isinstance(culprit, SubscriptionSettings):
            detail = problem.detail
            reason = f"{CLOSES}: {detail}" if detail else CLOSES
            self._subscriptions.bar(culprit, reason)
            self._warn(culprit, reason)
        elif isinstance(culprit, str) and culprit in published:
            self._bar_published(culprit)
        return self._suspicion.is_searching

    def _go_on(self) -> None:
        then, self._then = self._then, None
        if then is not None and then():
            self._queue.append(None)
            self._send()

    def _plan(self, *, renew: bool = False) -> None:
        self._has_to_plan = False
        under_way = {*self._queue, *self._unanswered.values()}
        subscribe, unsubscribe = self._subscriptions.plan(renew=renew)
        wanted: list[_Task] = [*subscribe, *unsubscribe]
        self._queue += [one for one in wanted if one not in under_way]
        self._send()
        self._changed()

    def _send(self) -> None:
        """Send what waits: all at once, or one thing at a time to see what it does."""
        client = self._client
        if client is None:
            return
        while self._queue and not (self._suspicion.is_searching and self._unanswered):
            task = self._queue.popleft()
            if isinstance(task, SubscriptionSettings):
                _code, packet_id = send_subscribe(
                    client,
                    self._settings,
                    task,
                    with_identifier=self._subscriptions.with_identifiers,
                )
            else:
                _code, packet_id = client.unsubscribe(task or PROBE_FILTER)
            self._unanswered[packet_id] = task

    def _subscribed(
        self,
        subscription: SubscriptionSettings,
        reason: Reason,
        properties: Properties | None,
    ) -> None:
        text = reason_text(reason, properties)
        is_refused = reason.value >= 0x80
        # Once all have been answered: a plan for each would take long for many.
        self._has_to_plan |= self._subscriptions.answered(
            subscription, reason.value, text
        )
        if is_refused:
            self._warn(subscription, text)

    def _warn(self, subscription: SubscriptionSettings, text: str) -> None:
        _logger.warning(
            "%s: the broker refused the subscription to %r: %s",
            self._settings.name,
            subscription.topic_filter.text,
            text,
        )
