# Copyright 2026 mqtt_listener contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""RabbitMQ, with Erlang's port mapper beside it."""

from pathlib import Path

from ..certificates import Identity
from ..chroot import Chroot
from ..process import lease_port
from .broker import PASSWORD, USER, Broker

CONFIGURATION = """\
listeners.tcp = none
default_user = {user}
default_pass = {password}
anonymous_login_user = {user}
anonymous_login_pass = {password}
mqtt.listeners.tcp.1 = 127.0.0.1:{port}
mqtt.listeners.ssl.1 = 127.0.0.1:{tls_port}
ssl_options.certfile = {certificate}
ssl_options.keyfile = {key}
mqtt.prefetch = 2000
mqtt.max_packet_size_authenticated = 16777216
mqtt.max_session_expiry_interval_seconds = 604800
"""
# Its start is a shell script; what is asked to end has to end all of it.
START = """\
trap "trap - TERM; kill 0" TERM
epmd -port {epmd_port} -address 127.0.0.1 &
/usr/lib/rabbitmq/bin/rabbitmq-server &
wait $!
"""
SHELL = ("bash", "dash", "coreutils", "sed", "grep", "gawk", "hostname")


class RabbitMQ(Broker):
    """RabbitMQ 4 with classic queues."""

    title = "RabbitMQ"
    chroot = Chroot("sid", ("rabbitmq-server", *SHELL))

    def __init__(self, directory: Path, authority: Identity) -> None:
        super().__init__(directory, authority)
        self.epmd_port, self.cluster_port = lease_port(19_883), lease_port(20_883)

    def files(self) -> "dict[str, str]":
        values = {**vars(self), "user": USER, "password": PASSWORD}
        return {
            "rabbitmq.conf": CONFIGURATION.format(**values),
            "plugins": "[rabbitmq_mqtt].\n",
            "start": START.format(**values),
        }

    def program(self) -> "list[object]":
        return ["/bin/sh", self.directory / "start"]

    def environment(self) -> "dict[str, str]":
        settings = {
            "CONFIG_FILE": self.directory / "rabbitmq.conf",
            "CONF_ENV_FILE": self.directory / "none",
            "ENABLED_PLUGINS_FILE": self.directory / "plugins",
            "MNESIA_BASE": self.directory / "data",
            "PID_FILE": self.directory / "rabbitmq.pid",
            "LOGS": "-",
            "NODENAME": f"{self.directory.name}@localhost",
            "DIST_PORT": self.cluster_port,
        }
        return {
            **super().environment(),
            **{f"RABBITMQ_{name}": str(value) for name, value in settings.items()},
            "HOME": str(self.directory),
            "ERL_EPMD_PORT": str(self.epmd_port),
            "ERL_EPMD_ADDRESS": "127.0.0.1",
        }
