"""Frozen settings: a service's from the database, a node's from odoo.conf."""

from __future__ import annotations

import configparser
import math
import os
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace

from odoo.tools import config

from ..mqtt.backoff import Backoff
from ..mqtt.headers import parse_headers
from ..mqtt.outgoing import MAX_REMAINING, Outgoing
from ..mqtt.reference import OPTION_PREFIX, OptionsUnreadable, Use, look_up
from ..mqtt.tls import Tls
from ..mqtt.topic import TopicFilter

SECTION = "mqtt_listener"
MEMORY_SHARE = 8  # one of so many parts of the memory limit may be one packet


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
    def from_values(cls, values: Mapping) -> SubscriptionSettings:
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

    def resolved(self) -> ServiceSettings:
        """With the secrets that are kept elsewhere, as this process finds them now.

        :raise SecretMissing: naming the reference of one that is not there.
        :raise SecretNotBound: when one may not be sent to this host.
        :raise OptionsUnreadable: when that cannot be known.
        :raise HeaderError: when what was found are no headers.
        """
        if not self.references:
            return self
        is_secure = bool(self.tls) and not self.tls.unchecked
        use = Use(self.host, self.port, self.database, self.company, is_secure)
        found = {
            name: look_up(reference, use, os.environ, read_section)
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
    def from_values(cls, values: Mapping) -> ServiceSettings:
        """:param values: as ``mqtt.service._listener_settings`` gives them.

        :raise ValueError: when they are not settings of a service, whatever is wrong.
        """
        try:
            return cls._from_values(dict(values))
        except (TypeError, KeyError, AttributeError, OverflowError) as error:
            raise ValueError(f"{type(error).__name__}: {error}") from error

    @classmethod
    def _from_values(cls, values: dict) -> ServiceSettings:
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


def _packet_bytes() -> int:
    """What this process can carry: a message is held up to three times on its way."""
    soft = config["limit_memory_soft"]
    return min(MAX_REMAINING, soft // MEMORY_SHARE) if soft else MAX_REMAINING


@dataclass(frozen=True)
class NodeSettings:
    """The ``[mqtt_listener]`` section of odoo.conf.

    :param enabled: whether this node listens at all.
    :param batch_size: messages in one transaction, at most.
    :param batch_bytes: bytes in one, at most (a larger message goes alone).
    :param linger: seconds for which a batch waits for more once the last one left; a
        message that comes when all is quiet leaves at once.
    :param job_share: of one processor that jobs may take for being jobs, whatever is in
        them: so many are made a second.
    :param max_delay: seconds that a message waits for its job because of that, at most.
    :param inbox_messages: QoS 0 messages that may wait before more are dropped.
    :param inbox_bytes: bytes that may wait before the socket is read no more.
    :param packet_bytes: bytes that a broker may send in a packet (MQTT 5); of the
        payload of a larger message, size and digest are kept.
    """

    enabled: bool = True
    batch_size: int = 1000
    batch_bytes: int = 4 * 1024 * 1024
    linger: float = 0.05
    job_share: float = 0.03
    max_delay: float = 0.5
    inbox_messages: int = 20_000
    inbox_bytes: int = 32 * 1024 * 1024
    packet_bytes: int = field(default_factory=_packet_bytes)

    @classmethod
    def from_config(cls) -> NodeSettings:
        """:raise ValueError: naming the option that cannot be read."""
        return cls.from_section(read_section())

    @classmethod
    def from_section(cls, section: Mapping[str, str]) -> NodeSettings:
        known = {one.name: one.type for one in fields(cls)}
        values = {}
        for name, text in section.items():
            if name.startswith(OPTION_PREFIX):
                continue  # read by whoever refers to it
            if name not in known:
                raise ValueError(
                    f"[{SECTION}] has no option {name}; it has {', '.join(known)}"
                )
            try:
                values[name] = _READERS[known[name]](text)
            except (KeyError, ValueError) as error:
                raise ValueError(f"[{SECTION}] {name} = {text} is not valid") from error
        return cls(**values)


def read_section() -> Mapping[str, str]:
    """The options of ``[mqtt_listener]`` as they stand in odoo.conf now.

    :raise OptionsUnreadable: when that is no configuration.
    """
    parser = configparser.ConfigParser(interpolation=None)
    if path := config["config"]:
        try:
            parser.read(path)
        except (configparser.Error, UnicodeDecodeError):
            # From None: it quotes lines, such as those of a key that is not indented.
            raise OptionsUnreadable(path) from None
    return parser[SECTION] if parser.has_section(SECTION) else {}


def _positive(kind: type) -> object:
    def read(text: str) -> float:
        value = kind(text)
        if not 0 < value < math.inf:
            raise ValueError(text)
        return value

    return read


_READERS = {
    "bool": lambda text: configparser.RawConfigParser.BOOLEAN_STATES[text.lower()],
    "int": _positive(int),
    "float": _positive(float),
}
