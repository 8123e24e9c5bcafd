# Copyright 2026 mqtt_listener contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""The demo's servers of this checkout: PostgreSQL, Mosquitto, Odoo, one set.

`make demo` and `make shell` share it: whoever comes first starts it, the other
finds it by its pid files.
"""

import os
from pathlib import Path

from . import paths
from .console import say
from .mosquitto import mosquitto
from .odoo_server import Odoo
from .postgres import Postgres, postgres
from .process import Server
from .proxy import Proxy

SERVICE = "Demo factory"
#: topic filter -> QoS
SUBSCRIPTIONS = {
    "factory/+/telemetry": "1",
    "factory/+/state": "1",
    "factory/+/frame": "0",
    "factory/info": "1",
}
ADDON_FILES = (".py", ".xml", ".csv", ".js", ".scss", ".sql")
AUTOSAVE = 1000  # the demo kills no broker; saving after each message would slow it


class Stack:
    """One set of running servers, with the addon installed."""

    def __init__(self, *, outlive: bool = False) -> None:
        folder = paths.OWN / "demo"
        self.postgres = postgres(folder / "postgresql", outlive=outlive)
        self.broker = mosquitto(
            folder / "mosquitto", autosave=AUTOSAVE, outlive=outlive
        )
        private = isinstance(self.postgres, Postgres)
        database = "demo" if private else f"mqtt_{paths.fingerprint(paths.OWN)}"
        self.odoo = Odoo(
            folder / "odoo", self.postgres, database, port=8269, outlive=outlive
        )
        self.proxy = Proxy(folder / "proxy", self.odoo, outlive=outlive)
        self._installed = folder / f"installed-{database}"

    def start(self) -> "Stack":
        """Start what does not run yet."""
        for server in (self.postgres, self.broker):
            server.start().wait_ready()
            where = server.parameters() if server is self.postgres else None
            port = where.get("port", "5432") if where else server.port
            say(server.name, f"ready on port {port}")
        self._install()
        self.odoo.start().wait_ready()
        self.proxy.start().wait_ready()
        say("odoo", f"ready on {self.proxy.url}")
        return self

    def stop(self) -> None:
        """Stop what is ours, Odoo first."""
        for server in (self.proxy, self.odoo, self.broker, self.postgres):
            if isinstance(server, Server) and server.is_running():
                server.stop()
                say(server.name, "stopped")

    def _install(self) -> None:
        """Install the addon, or update it when its files have changed."""
        now = addon_fingerprint()
        known = self.postgres.has(self.odoo.database) and self._installed.exists()
        if known and self._installed.read_text() == now:
            return
        if self.odoo.is_running():
            self.odoo.stop()
        if known:
            say("odoo", "updating the addon in the database")
            self.odoo.update(paths.ADDON, paths.EXAMPLE)
        else:
            say("odoo", "installing the addon in a new database (half a minute)")
            self.postgres.drop(self.odoo.database)
            self.odoo.install(paths.ADDON, paths.EXAMPLE)
        self._installed.write_text(now)

    def service(self) -> int:
        """The id of the demo's service, made or pointed at this broker."""
        odoo, broker = self.odoo, self.broker
        values = {"host": broker.host, "port": broker.port}
        found = odoo.call(
            "mqtt.service", "search_read", [["name", "=", SERVICE]], list(values)
        )
        if not found:
            lines = [
                [0, 0, {"topic_filter": topic, "qos": qos}]
                for topic, qos in SUBSCRIPTIONS.items()
            ]
            values |= {"name": SERVICE, "subscription_ids": lines}
            return odoo.call("mqtt.service", "create", values)
        service = found[0]
        if any(service[key] != value for key, value in values.items()):
            odoo.call("mqtt.service", "write", [service["id"]], values)
            odoo.call("mqtt.service", "restart_mqtt_service", [service["id"]])
        return service["id"]


def addon_fingerprint() -> str:
    """What the addon's files look like now, tests and tools left out."""
    files = (
        path
        for folder, _, names in os.walk(paths.CHECKOUT)
        for path in (Path(folder, name) for name in names)
        if _belongs_to_addon(path.relative_to(paths.CHECKOUT).parts)
    )
    return paths.fingerprint(*((path, path.read_bytes()) for path in sorted(files)))


def _belongs_to_addon(parts: tuple[str, ...]) -> bool:
    if parts[:2] == ("dev", "addons"):
        return parts[-1].endswith(ADDON_FILES)
    if parts[0].startswith(".") or parts[0] in ("dev", "tests", "Makefile"):
        return False
    return parts[-1].endswith(ADDON_FILES)
