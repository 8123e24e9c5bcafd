# Copyright 2026 mqtt_listener contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""The address of a broker as people have it at hand: a URL, or a host and its port."""

from __future__ import annotations

from dataclasses import dataclass, field
from urllib.parse import unquote

from .outgoing import is_text

ADDRESS_CHARS = 4_000
HOST_CHARS = 253
PORTS = {  # (transport, TLS): the one that brokers listen on
    ("tcp", False): 1883,
    ("tcp", True): 8883,
    ("websockets", False): 80,
    ("websockets", True): 443,
}
SCHEMES = {  # (transport, TLS) by scheme
    "mqtt": ("tcp", False),
    "tcp": ("tcp", False),
    "mqtts": ("tcp", True),
    "ssl": ("tcp", True),
    "tls": ("tcp", True),
    "ws": ("websockets", False),
    "wss": ("websockets", True),
}


class AddressError(ValueError):
    """A text is no address of a broker. It is not quoted: it may hold a password.

    :ivar code: one of ``empty``, ``too_long``, ``text``, ``scheme``, ``host``, ``port``
        and ``login``: what is wrong, for callers that translate it.
    """

    def __init__(self, code: str):
        super().__init__(code)
        self.code = code


@dataclass(frozen=True)
class Address:
    """Where a broker listens, and the login that came with it.

    :param path: of a WebSocket, with its query; empty for TCP.
    :param username: empty where the address names none; so is the password.
    """

    host: str
    port: int
    transport: str
    tls: bool
    path: str = ""
    username: str = ""
    password: str = field(default="", repr=False)


def is_url(text: str) -> bool:
    """Whether this is more than a host name or an IP address."""
    text = text.strip()
    return "://" in text or "@" in text or text.count(":") == 1 or text.startswith("[")


def parse_address(text: str) -> Address:
    """Take an address apart.

    A login may be percent-encoded, as in RFC 3986 section 3.2.1; its password may hold
    ``@`` and ``:`` as they are. A path counts for WebSockets only: behind ``mqtt://``
    it has no meaning that programs agree on.

    :param text: ``scheme://user:password@host:port/path`` with any of its parts but the
        host left out. Without a scheme it is plain TCP, or TLS on port 8883.
    :raise AddressError: when it is none.
    """
    text = text.strip()
    if not text:
        raise AddressError("empty")
    if len(text) > ADDRESS_CHARS:
        raise AddressError("too_long")
    if not text.isprintable() or not is_text(text, 4 * ADDRESS_CHARS):
        raise AddressError("text")
    scheme, separator, rest = text.rpartition("://")
    if "://" in scheme or (separator and scheme.lower() not in SCHEMES):
        raise AddressError("scheme")
    authority, slash, path = rest.partition("/")
    login, _at, place = authority.rpartition("@")
    username, _colon, password = login.partition(":")
    host, port = _split_place(place)
    if separator:
        transport, tls = SCHEMES[scheme.lower()]
    else:
        transport, tls = "tcp", port == PORTS["tcp", True]
    return Address(
        host=host,
        port=port or PORTS[transport, tls],
        transport=transport,
        tls=tls,
        path=_check_path(slash + path) if transport == "websockets" else "",
        username=_decode(username),
        password=_decode(password),
    )


def _split_place(place: str) -> tuple[str, int | None]:
    """Host and port; an IPv6 address with a port is in brackets."""
    if place.startswith("["):
        host, bracket, port = place[1:].partition("]")
        if not bracket or (port and not port.startswith(":")) or ":" not in host:
            raise AddressError("host")
        port = port[1:]
    elif place.count(":") > 1:  # an IPv6 address without one
        host, port = place, ""
    else:
        host, _colon, port = place.partition(":")
    if not host or len(host) > HOST_CHARS or any(char in host for char in " ?#%[]\\"):
        raise AddressError("host")
    if not port:
        return host, None
    if not (port.isascii() and port.isdigit() and len(port) <= 5):
        raise AddressError("port")
    if not 1 <= int(port) <= 65_535:
        raise AddressError("port")
    return host, int(port)


def _check_path(path: str) -> str:
    if " " in path:
        raise AddressError("text")
    return "" if path == "/" else path


def _decode(text: str) -> str:
    """A part of the login; what is no UTF-8 then, or has a NUL, is refused."""
    try:
        decoded = unquote(text, errors="strict")
    except UnicodeDecodeError as error:
        raise AddressError("login") from error
    if decoded and not is_text(decoded, ADDRESS_CHARS):
        raise AddressError("login")
    return decoded
