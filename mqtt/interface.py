# Copyright 2026 mqtt_listener contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""What the listener and the database agree on: names, keys of locks, and values."""

from __future__ import annotations

from typing import Any, TypedDict

MODULE = "mqtt_listener"
NOTIFY_CHANNEL = "mqtt_listener"  # of PostgreSQL: that services have changed
LISTENER_LOCK_CLASS = 0x4D515454  # "MQTT": first key of a listener's advisory locks


class SubscriptionValues(TypedDict):
    """A subscription as the database gives it to the listener."""

    id: int
    topic_filter: str
    qos: int
    no_local: bool
    retain_as_published: bool
    retain_handling: int
    store: bool
    at_once: bool
    identifier: int


class ServiceValues(TypedDict):
    """A service as the database gives it to the listener; durations in seconds."""

    id: int
    name: str
    company: int  # its id, 0 without one
    database: str
    configuration: str  # path of odoo.conf of the process that reads this
    start_generation: int
    host: str
    port: int
    transport: str
    websocket_path: str
    websocket_headers: tuple[tuple[str, str], ...]
    protocol: str
    client_id: str
    username: str
    password: str
    references: dict[str, str]  # where secrets are that the database does not have
    tls: dict[str, Any] | None  # what ``Tls`` takes
    keepalive: int
    session_expiry: int
    receive_maximum: int
    follow_redirects: bool
    reconnect_min_delay: float
    reconnect_max_delay: float
    reconnect_factor: float
    inactivity_timeout: int
    attachment_limit: int  # bytes
    topic_rate_limit: int  # messages a minute, 0: no limit
    resumed: tuple[tuple[str, int], ...]  # paused topics: since when, microseconds
    response_topic: str
    announcements: dict[str, dict[str, Any]]  # what ``Outgoing`` takes, by kind
    subscriptions: list[SubscriptionValues]


class Claimed(TypedDict):
    """What a listener that claims a service finds in the database."""

    sequence: int  # of the last message
    receipts: list[tuple[int, list[tuple[int, bytes]]]]  # as ``Reception`` takes them
    session_filters: dict[str, int]  # identifier by topic filter, of the session
    session_renumbers: bool  # whether the broker was seen to number anew in it
