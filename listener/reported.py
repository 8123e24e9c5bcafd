# Copyright 2026 mqtt_listener contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""What a listener sees, as the values of the records that show it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

from .observed import Observed, utc
from .subscriptions import Grant

Key = TypeVar("Key")
Value = TypeVar("Value")


def changed_of(
    values: Mapping[Key, Value], before: Mapping[Key, Value]
) -> dict[Key, Value]:
    """What of these is not as it was; a counter that was not there was 0."""
    return {
        key: value
        for key, value in values.items()
        if value != before.get(key, 0 if isinstance(value, int) else None)
    }


def connection_values(
    observed: Observed, before: Observed, filters: dict[str, int]
) -> dict[str, Any]:
    """Values of ``mqtt.connection``.

    :param before: what was reported last.
    :param filters: those in the broker's session.
    """
    problem = observed.problem
    values = {
        "state": observed.state,
        "connected_to": observed.connected_to,
        "certificate_end": observed.certificate_end,
        "maximum_packet_size": observed.maximum_packet_size,
        "abilities": observed.abilities,
        "session_filters": filters,
        "session_renumbers": observed.renumbers,
        "problem": problem.code if problem else False,
        "problem_detail": problem.detail if problem else False,
        "received": observed.received,
        "dropped": observed.dropped,
        "reconnects": observed.reconnects,
    }
    if problem:
        values["problem_date"] = utc(observed.problem_time)
    if observed.session_lost != before.session_lost:
        values["session_lost_date"] = utc(observed.session_lost)
    if observed.last_activity:
        values["last_activity"] = utc(observed.last_activity)
    return values


def subscription_values(
    grants: dict[int, Grant], counts: dict[int, int], last_messages: dict[int, int]
) -> dict[int, dict[str, Any]]:
    """Values of ``mqtt.grant``, by the subscription's id.

    :param grants: those that have changed.
    :param counts: messages that have come, where more have.
    :param last_messages: when the last came, in microseconds since 1970.
    """
    values: dict[int, dict[str, Any]] = {
        one: {
            "state": grant.state,
            "granted_qos": grant.granted_qos,
            "reason": grant.reason,
        }
        for one, grant in grants.items()
    }
    for one, count in counts.items():
        values.setdefault(one, {}).update(
            message_count=count, last_message=utc(last_messages[one] / 1e6)
        )
    return values
