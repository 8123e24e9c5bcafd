# Copyright 2026 mqtt_listener contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""Settings of a node, from its odoo.conf."""

from __future__ import annotations

import configparser
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from typing import Any

from odoo.tools import config

from ..mqtt.interface import MODULE
from ..mqtt.outgoing import MAX_REMAINING
from ..mqtt.reference import OPTION_PREFIX, read_section

MEMORY_SHARE = 8  # one of so many parts of the memory limit may be one packet


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
        return cls.from_section(read_section(config["config"]))

    @classmethod
    def from_section(cls, section: Mapping[str, str]) -> NodeSettings:
        known = {one.name: str(one.type) for one in fields(cls)}
        values: dict[str, Any] = {}
        for name, text in section.items():
            if name.startswith(OPTION_PREFIX):
                continue  # read by whoever refers to it
            if name not in known:
                raise ValueError(
                    f"[{MODULE}] has no option {name}; it has {', '.join(known)}"
                )
            try:
                values[name] = _READERS[known[name]](text)
            except (KeyError, ValueError) as error:
                raise ValueError(f"[{MODULE}] {name} = {text} is not valid") from error
        return cls(**values)


def _positive(kind: Callable[[str], float]) -> Callable[[str], float]:
    def read(text: str) -> float:
        value = kind(text)
        if not 0 < value < math.inf:
            raise ValueError(text)
        return value

    return read


_READERS: dict[str, Callable[[str], object]] = {
    "bool": lambda text: configparser.RawConfigParser.BOOLEAN_STATES[text.lower()],
    "int": _positive(int),
    "float": _positive(float),
}
