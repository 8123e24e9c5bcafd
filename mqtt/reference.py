# Copyright 2026 mqtt_listener contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""A secret that is kept outside of the database, named by where it is.

``env:MQTT_PLANT_PASSWORD`` is a variable of the environment, ``conf:secret_plant`` an
option of the server's configuration. Only names that begin so can be referred to: who
configures a service could have anything else sent to a broker.

And only for the brokers that the administrator of the server names beside it, under the
same name with ``_FOR`` (``_for``) behind it: who may use a secret may not choose where
it goes. Each entry there is ``host[:port][@database[/company]]``, with blanks or commas
between them; what an entry leaves out may be any. Over a connection without TLS, or one
that does not check the broker's certificate, it goes only where an entry begins with
``mqtt://``.
"""

from __future__ import annotations

import configparser
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from .interface import MODULE

OPTION_PREFIX = "secret_"
BINDING_SUFFIX = "_for"
_REFERENCE = re.compile(rf"env:(MQTT_\w+)|conf:({OPTION_PREFIX}\w+)", re.ASCII)
_ENTRY = re.compile(
    r"(?P<plain>mqtt://)?(?P<host>\[[^\]\s]+\]|[^:@/\s\[\]]+)(?::(?P<port>\d+))?"
    r"(?:@(?P<database>[^/\s]+)(?:/(?P<company>\d+))?)?"
)


@dataclass(frozen=True)
class Use:
    """What a secret is to be used for.

    :param host: of the server that it would be sent to, and its ``port``.
    :param database: of the service, and the id of its ``company``, 0 for none.
    :param is_secure: whether over TLS, with the broker's certificate checked.
    """

    host: str
    port: int
    database: str
    company: int
    is_secure: bool

    def is_one_of(self, binding: str) -> bool:
        """Whether an entry of a binding allows it. One that cannot be read does not."""
        matches = map(_ENTRY.fullmatch, binding.replace(",", " ").split())
        return any(match and self._is(match) for match in matches)

    def _is(self, entry: re.Match[str]) -> bool:
        host = entry["host"].strip("[]").rstrip(".").lower()
        return (
            host == self.host.strip().strip("[]").rstrip(".").lower()
            and entry["port"] in (None, str(self.port))
            and entry["database"] in (None, self.database)
            and entry["company"] in (None, str(self.company))
            and (self.is_secure or bool(entry["plain"]))
        )

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        plain = "" if self.is_secure else "mqtt://"
        return f"{plain}{host}:{self.port}@{self.database}/{self.company}"


class SecretMissing(ValueError):
    """There is nothing where a secret should be.

    :ivar reference: where that is.
    """

    def __init__(self, reference: str):
        super().__init__(reference)
        self.reference = reference


class SecretNotBound(ValueError):
    """The administrator of the server does not allow a secret for this use.

    :ivar reference: where the secret is.
    :ivar entry: what its binding would have to say.
    """

    def __init__(self, reference: str, entry: str):
        super().__init__(f"{reference} is not bound to {entry}")
        self.reference = reference
        self.entry = entry


class OptionsUnreadable(ValueError):
    """The configuration that a secret should be in cannot be read.

    :ivar path: of its file; nothing of what stands there.
    """

    def __init__(self, path: str):
        super().__init__(f"{path} cannot be read")
        self.path = path


def is_reference(text: str) -> bool:
    """Whether this is the name of a place where a secret may be."""
    is_binding = text.lower().endswith(BINDING_SUFFIX)
    return _REFERENCE.fullmatch(text) is not None and not is_binding


def binding_of(reference: str) -> str:
    """Where the uses that a secret is allowed for stand."""
    suffix = BINDING_SUFFIX.upper() if reference.startswith("env:") else BINDING_SUFFIX
    return reference + suffix


def look_up(
    reference: str,
    use: Use,
    environment: Mapping[str, str],
    read_options: Callable[[], Mapping[str, str]],
) -> str:
    """The secret that a reference names, for a use.

    :param read_options: reads those of the configuration, in lower case.
    :raise SecretMissing: when it is not there, or empty.
    :raise SecretNotBound: when it is there, and not for this use.
    :raise OptionsUnreadable: when that cannot be known, by ``read_options``.
    """
    if not is_reference(reference):
        raise SecretMissing(reference)
    found = _read(reference, environment, read_options)
    if not found:
        raise SecretMissing(reference)
    binding = _read(binding_of(reference), environment, read_options)
    if not use.is_one_of(binding or ""):
        raise SecretNotBound(reference, str(use))
    return found


def _read(
    reference: str,
    environment: Mapping[str, str],
    read_options: Callable[[], Mapping[str, str]],
) -> str | None:
    kind, _colon, name = reference.partition(":")
    if kind == "env":
        return environment.get(name)
    return read_options().get(name.lower())


def read_section(path: str | None) -> Mapping[str, str]:
    """The options of ``[mqtt_listener]`` as they stand in a configuration now.

    :param path: of odoo.conf; ``None`` or empty where the server has none.
    :raise OptionsUnreadable: when that is no configuration.
    """
    parser = configparser.ConfigParser(interpolation=None)
    if path:
        try:
            parser.read(path)
        except (configparser.Error, UnicodeDecodeError):
            # From None: it quotes lines, such as those of a key that is not indented.
            raise OptionsUnreadable(path) from None
    return parser[MODULE] if parser.has_section(MODULE) else {}
