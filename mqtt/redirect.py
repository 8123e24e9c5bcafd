# Copyright 2026 mqtt_listener contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""Where a broker says that another server is to be used (MQTT 5.0 section 4.13).

The format of a Server Reference is only recommended there: names with or without a
port, such as ``one.example:1883 two.example [2001:db8::1]:8883``.
"""

from __future__ import annotations

import re
from ipaddress import AddressValueError, IPv6Address
from typing import NamedTuple

# A name or an address of version 4; or, as it has colons of its own, one of version 6.
_REFERENCE = re.compile(
    r"(?:(?P<name>[\w.-]+)|\[(?P<v6>[\w.:]+)\])(?::(?P<port>\d{1,5}))?"
)
_MAX_NAME = 253  # characters, of a host name
_MAX_PORT = 65_535


class Server(NamedTuple):
    """Where a connection goes."""

    host: str
    port: int

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{self.port}"


def first_server(reference: str, port: int) -> Server | None:
    """The first server of a Server Reference that can be one.

    :param port: where the reference names none.
    :return: ``None`` when there is no such server.
    """
    for text in reference.split(" "):
        server = _read(text, port)
        if server:
            return server
    return None


def _read(text: str, port: int) -> Server | None:
    match = _REFERENCE.fullmatch(text)
    if not match:
        return None
    host = match["name"] or match["v6"]
    if match["v6"] and not _is_v6(host):
        return None
    port = int(match["port"]) if match["port"] else port
    if len(host) > _MAX_NAME or not 0 < port <= _MAX_PORT:
        return None
    return Server(host, port)


def _is_v6(text: str) -> bool:
    try:
        IPv6Address(text)
    except AddressValueError:
        return False
    return True
