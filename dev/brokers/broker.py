# Copyright 2026 mqtt_listener contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""What all brokers have in common: a chroot, ports, files, users."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ..certificates import Identity
from ..chroot import Chroot
from ..process import Server, lease_port, wait_until

USER, PASSWORD = "odoo", "pass-word-3"
BOTH = ("5", "3.1.1")


class Broker(Server):
    """A broker on loopback: MQTT at `port`, MQTT over TLS at `tls_port`.

    Anonymous clients may do everything; whoever names a user has to be `USER` with
    `PASSWORD`. What it has queued is kept when it is killed.

    :param directory: of its configuration and data, below `DEV_HOME`.
    :param authority: signs its certificate.
    """

    title = ""
    chroot: Chroot
    protocols = BOTH
    host = "127.0.0.1"
    resend_seconds = 0  # after which it sends again what is not acknowledged

    def __init__(self, directory: Path, authority: Identity) -> None:
        super().__init__(directory)
        self.port, self.tls_port = lease_port(16_883), lease_port(17_883)
        identity = Identity(self.host, authority)
        self.certificate, self.key = identity.write(self.directory / "tls")

    @property
    def version(self) -> str:
        """What Debian says of it."""
        return self.chroot.version

    @property
    def address(self) -> str:
        """``host:port``."""
        return f"{self.host}:{self.port}"

    def start(self) -> "Broker":
        for name, text in self.files().items():
            (self.directory / name).write_text(text)
        super().start()
        return self

    def command(self) -> "list[str]":
        return self.chroot.command(*self.program())

    def is_ready(self) -> bool:
        return all(map(_answers, self.ports()))

    def _sweep(self, pid: int) -> None:
        """Kill what is left of it; threads of it may hold its ports for a moment."""
        super()._sweep(pid)
        wait_until(
            lambda: not any(map(_answers, self.ports())), 30, f"{self.title} lives on"
        )

    # What a broker says

    def files(self) -> "dict[str, str]":
        """Its configuration: text by name."""
        raise NotImplementedError

    def program(self) -> "list[object]":
        """What runs it, as seen from inside of the chroot."""
        raise NotImplementedError

    def ports(self) -> "tuple[int, ...]":
        """Where it has to answer."""
        return self.port, self.tls_port

    @contextmanager
    def secured(self) -> "Iterator[int]":
        """The port that has TLS for as long as the block lasts."""
        yield self.tls_port

    def settle(self) -> None:
        """Wait until a kill loses nothing that was acknowledged."""


def _answers(port: int) -> bool:
    try:
        socket.create_connection((Broker.host, port), timeout=2).close()
    except OSError:
        return False
    return True
