# Copyright 2026 mqtt_listener contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""NATS with JetStream."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ..certificates import Identity
from ..chroot import Chroot
from ..process import lease_port
from .broker import PASSWORD, USER, Broker

CONFIGURATION = """\
listen: "127.0.0.1:{client_port}"
server_name: odoo
max_payload: 8MB
jetstream {{ store_dir: "{directory}/jetstream" }}
mqtt {{
  listen: "127.0.0.1:{port}"
  no_auth_user: anonymous
  max_ack_pending: 2000
  ack_wait: "{ack_wait}s"
  {tls}
}}
accounts {{
  odoo {{
    jetstream: enabled
    users: [
      {{ user: anonymous, password: anonymous }}
      {{ user: {user}, password: "{password}" }}
    ]
  }}
}}
"""
TLS = 'tls {{ cert_file: "{certificate}", key_file: "{key}" }}'


class Nats(Broker):
    """NATS with JetStream. It has one port for MQTT, so TLS takes a restart."""

    title = "NATS"
    chroot = Chroot("sid", ("nats-server",))
    protocols = ("3.1.1",)
    resend_seconds = 5  # ack_wait; its default is 30

    def __init__(self, directory: Path, authority: Identity) -> None:
        super().__init__(directory, authority)
        self.client_port = lease_port(18_883)
        self._tls = ""

    def files(self) -> "dict[str, str]":
        values = {**vars(self), "tls": self._tls, "ack_wait": self.resend_seconds}
        text = CONFIGURATION.format(**values, user=USER, password=PASSWORD)
        return {"nats.conf": text}

    def program(self) -> "list[object]":
        return ["/usr/sbin/nats-server", "-c", self.directory / "nats.conf"]

    def ports(self) -> "tuple[int, ...]":
        return (self.port,)

    @contextmanager
    def secured(self) -> "Iterator[int]":
        self._tls = TLS.format(**vars(self))
        self.restart().wait_ready()
        try:
            yield self.port
        finally:
            self._tls = ""
            self.restart().wait_ready()
