# Copyright 2026 mqtt_listener contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""Mosquitto in three forms, each with a configuration that loses nothing."""

import signal
import time
from pathlib import Path

from ..chroot import Chroot
from ..process import wait_until
from .broker import PASSWORD, USER, Broker

MOSQUITTO = """\
user root
allow_anonymous true
password_file {password_file}
max_queued_messages 0
max_packet_size 16777216
log_dest stdout
{persistence}
listener {port} 127.0.0.1
listener {tls_port} 127.0.0.1
certfile {certificate}
keyfile {key}
"""
SNAPSHOT = """\
persistence true
persistence_location {directory}/
autosave_interval 0
"""
SQLITE = """\
persistence_location {directory}/
global_plugin {plugin}
plugin_opt_flush_period 1
plugin_opt_sync full
"""
FLUSH_SECONDS = 1  # as above


class Mosquitto20(Broker):
    """Mosquitto 2.0 with its snapshots."""

    title = "Mosquitto 2.0"
    chroot = Chroot("trixie", ("mosquitto",))
    persistence = SNAPSHOT

    def files(self) -> "dict[str, str]":
        passwords = self.directory / "passwords"
        if not passwords.exists():
            mosquitto_passwd = "/usr/bin/mosquitto_passwd", "-c", "-b"
            self.chroot.run(*mosquitto_passwd, passwords, USER, PASSWORD)
        values = {**vars(self), "password_file": passwords, "plugin": self._plugin()}
        persistence = self.persistence.format(**values)
        text = MOSQUITTO.format(**values, persistence=persistence)
        return {"mosquitto.conf": text}

    def program(self) -> "list[object]":
        return ["/usr/sbin/mosquitto", "-c", self.directory / "mosquitto.conf"]

    def settle(self) -> None:
        """Have it save now: by itself it does at its end only."""
        saved = self.directory / "mosquitto.db"
        before = saved.stat().st_mtime_ns if saved.exists() else None
        self.signal(signal.SIGUSR1)
        wait_until(
            lambda: saved.exists() and saved.stat().st_mtime_ns != before,
            30,
            "Mosquitto does not save",
        )

    def _plugin(self) -> str:
        name = "mosquitto_persist_sqlite.so"
        found = next(self.chroot.root.glob(f"usr/lib/*/mosquitto/{name}"), Path())
        return f"/{found.relative_to(self.chroot.root)}" if found.name else ""


class Mosquitto21(Mosquitto20):
    """Mosquitto 2.1 with its snapshots."""

    title = "Mosquitto 2.1"
    chroot = Chroot("sid", ("mosquitto",))


class MosquittoSqlite(Mosquitto21):
    """Mosquitto 2.1 with the plugin that saves changes as they are made."""

    title = "Mosquitto 2.1, sqlite"
    persistence = SQLITE

    def settle(self) -> None:
        time.sleep(2 * FLUSH_SECONDS)
