# Copyright 2026 mqtt_listener contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""What is subscribed, what the broker said to it, and whose a message is.

A message that several filters of a service match is stored once. Brokers may deliver
it once or once per filter. With Subscription Identifiers (MQTT 5.0 section 3.3.2.3.8)
the copies can be told apart: only that of the first matching subscription counts.
Without them, only filters that no other one covers are subscribed, and of those that
overlap in part the oldest.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

from ..broker.abilities import Abilities
from ..broker.settings import SubscriptionSettings
from ..mqtt.overlap import coverers, partial_overlaps, uncovered
from ..mqtt.topic import FilterIndex

CACHED_TOPICS = 10_000
CACHED_CHARS = 500  # of a topic; longer ones would only fill the memory
OVERLAP = "Overlap in part"  # why a filter is not subscribed, as reason codes' names


@dataclass(frozen=True)
class Grant:
    """The broker's answer to a subscription."""

    state: str = "pending"
    granted_qos: int = 0
    reason: str = ""


@dataclass(frozen=True)
class Route:
    """Where a topic's messages belong.

    :param subscription: the one whose copy counts, ``None`` when none matches any more.
    :param store: whether some matching subscription wants history to keep it.
    :param at_once: whether one of them wants its messages delivered at once.
    :param others: Subscription Identifiers of the other ones that match.
    """

    subscription: SubscriptionSettings | None
    store: bool
    at_once: bool = False
    others: frozenset[int] = frozenset()

    def takes(self, identifiers: Iterable[int] | None) -> bool:
        """Whether the copy that carries these Subscription Identifiers counts."""
        if not identifiers or self.subscription is None:
            return True
        # The copies of a shared subscription go to one member or another: each counts.
        if self.subscription.topic_filter.is_shared:
            return True
        if self.subscription.identifier in identifiers:
            return True
        # An identifier that is not known any more is of a filter that was changed: its
        # messages were on their way, and no other copy brings them.
        return self.others.isdisjoint(identifiers)


class Subscriptions:
    """Desired and granted subscriptions of one connection. Network thread only.

    :param session_filters: identifier by topic filter, of what the broker's session is
        known to hold.
    """

    def __init__(
        self,
        wanted: Iterable[SubscriptionSettings],
        session_filters: dict[str, int],
    ):
        self._wanted = tuple(wanted)
        self.session_filters = dict(session_filters)
        self.grants: dict[int, Grant] = {}  # by subscription id, like the next two
        self.counts: dict[int, int] = {}  # messages since this object was made
        self.last_messages: dict[int, int] = {}  # microseconds since 1970
        self.with_identifiers = True
        self._abilities = Abilities()
        self._refused: set[int] = set()  # identifiers, on this connection
        self._barred: dict[int, str] = {}  # why, by identifier
        self._index: FilterIndex[SubscriptionSettings] | None = None
        self._routes: dict[str, Route] = {}

    def connected(
        self,
        *,
        session_present: bool,
        with_identifiers: bool,
        abilities: Abilities = Abilities(),  # noqa: B008 it is frozen
    ) -> None:
        """A connection stands: what it can do, and whether the session goes on."""
        self.with_identifiers = with_identifiers
        self._abilities = abilities
        self._refused.clear()
        if not session_present:
            self.session_filters.clear()
        self._reset_routes()

    def want(self, wanted: Iterable[SubscriptionSettings]) -> bool:
        """Replace the desired subscriptions; whether anything changed."""
        wanted = tuple(wanted)
        if wanted == self._wanted:
            return False
        self._wanted = wanted
        self._refused.clear()
        self._reset_routes()
        return True

    def bar(self, subscription: SubscriptionSettings, reason: str) -> None:
        """Subscribe this no more, until it is changed: it ends the connection.

        :param reason: as a broker's that refuses it.
        """
        self._barred[subscription.identifier] = reason
        self.unsubscribed(subscription.topic_filter.text)

    def plan(
        self, *, renew: bool = False
    ) -> tuple[list[SubscriptionSettings], list[str]]:
        """What to subscribe and which topic filters to unsubscribe now.

        :param renew: subscribe again what the session is known to hold, to hear
            whether the broker still grants it. Not with 3.1.1, where that brings every
            retained message once more.
        """
        possible = [one for one in self._wanted if self._is_possible(one)]
        if not self.with_identifiers:
            possible = self._without_overlaps(possible)
        chosen = possible if self.with_identifiers else self._widest(possible)
        covered = {one.id for one in possible} - {one.id for one in chosen}
        for subscription_id in covered:
            self._answer(subscription_id, state="covered", reason="")
        subscribe = [
            one
            for one in chosen
            if renew
            or self.session_filters.get(one.topic_filter.text) != one.identifier
        ]
        kept = {one.topic_filter.text for one in chosen}
        return subscribe, [text for text in self.session_filters if text not in kept]

    def answered(
        self, subscription: SubscriptionSettings, code: int, text: str
    ) -> bool:
        """SUBACK: ``code`` is the granted QoS, or from 0x80 on why it is refused.

        :return: whether there may be another plan: what a refused filter would have
            brought, others may have to.
        """
        if code >= 0x80:
            self._refused.add(subscription.identifier)
            self.unsubscribed(subscription.topic_filter.text)
            self._refuse(subscription, text)
        else:
            self.session_filters = {
                **self.session_filters,
                subscription.topic_filter.text: subscription.identifier,
            }
            self._answer(subscription.id, state="granted", granted_qos=code, reason="")
        self._reset_routes()
        return code >= 0x80 and not self.with_identifiers

    def unsubscribed(self, topic_filter: str) -> None:
        """UNSUBACK."""
        self.session_filters = {
            text: identifier
            for text, identifier in self.session_filters.items()
            if text != topic_filter
        }
        self._reset_routes()

    def route(self, topic: str) -> Route:
        """Where messages of this topic belong; remembered for the next one."""
        route = self._routes.get(topic)
        if route is None:
            if len(self._routes) >= CACHED_TOPICS:
                self._routes.clear()
            route = self._find_route(topic)
            if len(topic) <= CACHED_CHARS:
                self._routes[topic] = route
        return route

    def count(self, subscription_id: int, timestamp: int) -> None:
        """A message came through this subscription."""
        # In this order: who finds a count finds its time.
        self.last_messages[subscription_id] = timestamp
        self.counts[subscription_id] = self.counts.get(subscription_id, 0) + 1

    def _is_possible(self, subscription: SubscriptionSettings) -> bool:
        """Whether it can be subscribed at this broker; why not is its answer."""
        if subscription.identifier in self._refused:
            return False
        reason = self._barred.get(
            subscription.identifier
        ) or self._abilities.reason_against(subscription.topic_filter)
        if reason:
            self._refuse(subscription, reason)
        return not reason

    def _without_overlaps(
        self, subscriptions: list[SubscriptionSettings]
    ) -> list[SubscriptionSettings]:
        """Without those that would bring messages once more, indistinguishably."""
        while overlaps := {
            later: earlier
            for earlier, later in partial_overlaps(
                one.topic_filter for one in subscriptions
            )
        }:
            for one in subscriptions:
                if one.topic_filter in overlaps:
                    earlier = overlaps[one.topic_filter]
                    self._refuse(one, f"{OVERLAP}: {earlier.text}")
            subscriptions = [
                one for one in subscriptions if one.topic_filter not in overlaps
            ]
        return subscriptions

    def _widest(
        self, subscriptions: list[SubscriptionSettings]
    ) -> list[SubscriptionSettings]:
        """Those that no other one covers, with the highest QoS of what each covers."""
        filters = [one.topic_filter for one in subscriptions]
        qos_of = {one.topic_filter: one.qos for one in subscriptions}
        highest = dict.fromkeys(uncovered(filters), 0)
        for topic_filter, wide in coverers(filters, list(highest)):
            if wide in highest:
                highest[wide] = max(highest[wide], qos_of[topic_filter])
        return [
            replace(one, qos=highest[one.topic_filter])
            for one in subscriptions
            if one.topic_filter in highest
        ]

    def _find_route(self, topic: str) -> Route:
        if self._index is None:
            self._index = FilterIndex((one.topic_filter, one) for one in self._wanted)
        matching = list(self._index.match(topic))
        held = [
            one
            for one in matching
            if self.session_filters.get(one.topic_filter.text) == one.identifier
        ]
        first = min(
            held or matching,
            key=lambda one: (one.topic_filter.is_shared, -one.qos, one.identifier),
            default=None,
        )
        others = frozenset(one.identifier for one in matching if one is not first)
        return Route(
            first,
            store=any(one.store for one in matching) or not matching,
            at_once=any(one.at_once for one in matching),
            others=others,
        )

    def _refuse(self, subscription: SubscriptionSettings, reason: str) -> None:
        self._answer(subscription.id, state="refused", granted_qos=0, reason=reason)

    def _answer(self, subscription_id: int, **values: Any) -> None:
        grant = self.grants.get(subscription_id, Grant())
        self.grants[subscription_id] = replace(grant, **values)

    def _reset_routes(self) -> None:
        self._index = None
        self._routes.clear()
