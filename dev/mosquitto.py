# Copyright 2026 mqtt_listener contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""Mosquitto: a private broker on loopback, or the user's (`MQTT_BROKER=host:port`).

It keeps what it holds when it is killed: a plain `persistence true` saves every
half hour only, and a broker that forgets would make every loss look like ours.
"""

import os
import socket
import subprocess
from pathlib import Path

from . import debian
from .console import Problem
from .process import Server, lease_port

CONFIGURATION = """\
{user}
listener {port} 127.0.0.1
{websockets}
allow_anonymous true
persistence true
persistence_location {directory}/
autosave_on_changes true
autosave_interval {autosave}
max_queued_messages 0
log_type error
log_type warning
log_type notice
log_dest stdout
connection_messages true
log_timestamp_format %Y-%m-%dT%H:%M:%S
{extra}
"""


class Mosquitto(Server):
    """A private broker: MQTT on `port`, MQTT over websockets on `ws_port`.

    :param autosave: after how many changes it saves; 1 loses nothing to a kill and
        is slow under load
    :param extra: lines added to its configuration
    """

    name = "mosquitto"
    host = "127.0.0.1"

    def __init__(
        self,
        directory: Path,
        *,
        port: int = 11883,
        ws_port: int = 19001,
        autosave: int = 1,
        extra: str = "",
        outlive: bool = False,
    ) -> None:
        super().__init__(directory, outlive=outlive)
        self._wanted = port, ws_port
        self._ports_file = self.directory / "port"
        self.autosave = autosave
        self.extra = extra

    @property
    def port(self) -> int:
        """The port for MQTT over TCP."""
        return int(self._ports_file.read_text().split()[0])

    @property
    def ws_port(self) -> int:
        """The port for MQTT over websockets."""
        return int(self._ports_file.read_text().split()[1])

    @property
    def address(self) -> str:
        """``host:port``."""
        return f"{self.host}:{self.port}"

    @property
    def version(self) -> str:
        """What it says of itself."""
        command = [debian.program("mosquitto"), "-h"]
        said = subprocess.run(command, capture_output=True, text=True).stdout
        return said.split()[2]

    def start(self) -> "Mosquitto":
        if self.is_running():
            return self
        if self._process is None:  # a restart keeps its ports
            port, ws_port = map(lease_port, self._wanted)
            self._ports_file.write_text(f"{port} {ws_port}")
        self._configuration.write_text(self._render())
        super().start()
        return self

    @property
    def _configuration(self) -> Path:
        return self.directory / "mosquitto.conf"

    def _render(self) -> str:
        return CONFIGURATION.format(
            user="user root" if os.geteuid() == 0 else "",
            port=self.port,
            websockets=f"listener {self.ws_port} 127.0.0.1\nprotocol websockets",
            directory=self.directory,
            autosave=self.autosave,
            extra=self.extra,
        )

    def command(self) -> "list[str]":
        return [debian.program("mosquitto"), "-c", str(self._configuration)]

    def is_ready(self) -> bool:
        return _answers(self.host, self.port)


class ExternalMosquitto:
    """The broker that `MQTT_BROKER` names."""

    name = "broker"
    ws_port = None

    def __init__(self, address: str) -> None:
        self.host, _, port = address.rpartition(":")
        if not self.host or not port.isdigit():
            raise Problem(f"MQTT_BROKER={address}: write host:port")
        self.port = int(port)
        self.address = address

    def start(self) -> "ExternalMosquitto":
        return self

    def wait_ready(self, timeout: float = 10) -> "ExternalMosquitto":
        if not _answers(self.host, self.port):
            raise Problem(f"MQTT_BROKER={self.address}: nobody answers there")
        return self

    def stop(self, timeout: float = 0) -> None:
        """Not ours to stop."""


def _answers(host: str, port: int) -> bool:
    try:
        socket.create_connection((host, port), timeout=2).close()
    except OSError:
        return False
    return True


def mosquitto(
    directory: Path, *, autosave: int = 1, outlive: bool = False
) -> "Mosquitto | ExternalMosquitto":
    """The user's broker when MQTT_BROKER is set, else a private one."""
    if os.environ.get("MQTT_BROKER"):
        return ExternalMosquitto(os.environ["MQTT_BROKER"])
    return Mosquitto(directory, autosave=autosave, outlive=outlive)
