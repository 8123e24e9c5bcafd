# Copyright 2026 mqtt_listener contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""Settings of a service, frozen as they were when it was read."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

from ..mqtt.backoff import Backoff
from ..mqtt.connect import parse_headers
from ..mqtt.outgoing import MAX_REMAINING, Outgoing
from ..mqtt.reference import Use, look_up, read_section
from ..mqtt.tls import Tls
from ..mqtt.topic import TopicFilter


@dataclass(frozen=True)
class SubscriptionSettings:
    """A topic filter to subscribe to, with its options (MQTT 5.0 section 3.8.3.1)."""

    id: int
    topic_filter: TopicFilter
    qos: int
    no_local: bool
    retain_as_published: bool
    retain_handling: int
    store: bool
    at_once: bool
    identifier: int

    @classmethod
    def from_values(cls, values: Mapping[str, Any]) -> SubscriptionSettings:
        return cls(**{**values, "topic_filter": TopicFilter(values["topic_filter"])})


@dataclass(frozen=True)
class ServiceSettings:
    """A service as it was when it was read; durations in seconds.

    :param attachment_limit: bytes; of a larger payload, size and digest are kept.
    :param references: where secrets are that the database does not have: by the name of
        the secret, as ``mqtt.reference`` reads them.
    """

    id: int
    name: str
    start_generation: int
    host: str
    port: int
    transport: str
    websocket_path: str
    websocket_headers: tuple[tuple[str, str], ...] = field(repr=False)
    protocol: str
    client_id: str
    username: str
    password: str = field(repr=False)
    keepalive: int
    session_expiry: int
    receive_maximum: int
    backoff: Backoff
    inactivity_timeout: int
    tls: Tls | None
    subscriptions: tuple[SubscriptionSettings, ...]
    announcements: Mapping[str, Outgoing] = field(default_factory=dict)  # by kind
    follow_redirects: bool = False
    attachment_limit: int = MAX_REMAINING
    topic_rate_limit: int = 0  # messages a minute; 0: no limit
    response_topic: str = ""
    resumed: tuple[tuple[str, int], ...] = ()  # as TopicRates.resume takes them
    references: Mapping[str, str] = field(default_factory=dict)
    database: str = ""
    company: int = 0  # its id
    configuration: str = ""  # path of odoo.conf, as this process reads it

    def resolved(self) -> ServiceSettings:
        """With the secrets that are kept elsewhere, as this process finds them now.

        :raise SecretMissing: naming the reference of one that is not there.
        :raise SecretNotBound: when one may not be sent to this host.
        :raise OptionsUnreadable: when that cannot be known.
        :raise HeaderError: when what was found are no headers.
        """
        if not self.references:
            return self
        is_secure = self.tls is not None and not self.tls.unchecked
        use = Use(self.host, self.port, self.database, self.company, is_secure)
        read_options = partial(read_section, self.configuration)
        found = {
            name: look_up(reference, use, os.environ, read_options)
            for name, reference in self.references.items()
        }
        tls = self.tls and replace(
            self.tls,
            key=found.get("tls_key", self.tls.key),
            key_password=found.get("tls_key_password", self.tls.key_password),
        )
        headers = self.websocket_headers
        if "websocket_headers" in found:
            headers = parse_headers(found["websocket_headers"])
        return replace(
            self,
            password=found.get("password", self.password),
            websocket_headers=headers,
            tls=tls,
            references={},
        )

    @classmethod
    def from_values(cls, values: Mapping[str, Any]) -> ServiceSettings:
        """:param values: as ``mqtt.service._listener_settings`` gives them.

        :raise ValueError: when they are not settings of a service, whatever is wrong.
        """
        try:
            return cls._from_values(dict(values))
        except (TypeError, KeyError, AttributeError, OverflowError) as error:
            raise ValueError(f"{type(error).__name__}: {error}") from error

    @classmethod
    def _from_values(cls, values: dict[str, Any]) -> ServiceSettings:
        return cls(
            backoff=Backoff(
                minimum=values.pop("reconnect_min_delay"),
                maximum=values.pop("reconnect_max_delay"),
                factor=values.pop("reconnect_factor"),
            ),
            subscriptions=tuple(
                SubscriptionSettings.from_values(one)
                for one in values.pop("subscriptions")
            ),
            tls=Tls(**tls) if (tls := values.pop("tls")) else None,
            announcements={
                kind: Outgoing(key=0, **message)
                for kind, message in values.pop("announcements", {}).items()
            },
            **values,
        )
