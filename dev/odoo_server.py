# Copyright 2026 mqtt_listener contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""Odoo with the addon: its configuration, its one-shot commands, the server.

`workers=2` is the prefork server, `workers=0` the threaded one.
"""

import configparser
import os
import re
import subprocess
import sys
import urllib.error
import urllib.request
import xmlrpc.client
from pathlib import Path

from . import odoo_tree, paths
from .console import Problem
from .postgres import Databases
from .process import Server, lease_port

SERVER_WIDE = "base,rpc,web,queue_job,mqtt_listener"
# Not a line for each HTTP call (each job is one), nor for each XML-RPC call.
LOG_HANDLERS = ":INFO,werkzeug:WARNING,odoo.addons.rpc.controllers.xmlrpc:ERROR"
# One job at a time keeps the order of messages, and machines from being written by two.
CHANNELS = (
    "root:4,root.mqtt:3,root.mqtt.ingest:2,root.mqtt.dispatch:1,root.mqtt.publish:1"
)


class Odoo(Server):
    """An Odoo server on loopback, on one database.

    :param workers: HTTP worker processes; 0 is the threaded server
    :param mqtt: the section `[mqtt_listener]` of the configuration
    :param options: more of the section `[options]`, or changes to it
    :param channels: queue_job's channels
    :param python: the interpreter of another environment that it runs in
    """

    name = "odoo"

    def __init__(
        self,
        directory: Path,
        databases: Databases,
        database: str = "demo",
        *,
        workers: int = 2,
        port: int = 8069,
        mqtt: "dict[str, object] | None" = None,
        options: "dict[str, object] | None" = None,
        channels: str = CHANNELS,
        python: "Path | str" = sys.executable,
        outlive: bool = False,
    ) -> None:
        super().__init__(directory, outlive=outlive)
        self.tree = odoo_tree.get()
        self.databases = databases
        self.database = database
        self.workers = workers
        self.mqtt = mqtt or {}
        self.options = options or {}
        self.channels = channels
        self.python = python
        self._users: dict[str, int] = {}
        self.configuration = self.directory / "odoo.conf"
        self._wanted_port = port
        self._ports_file = self.directory / "port"
        self._has_ports = False

    # Where it is

    @property
    def port(self) -> int:
        """The HTTP port."""
        return int(self._ports_file.read_text().split()[0])

    @property
    def gevent_port(self) -> int:
        """The port that serves websockets in prefork mode."""
        return int(self._ports_file.read_text().split()[1])

    @property
    def url(self) -> str:
        """Where a browser finds it."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def version(self) -> str:
        """What it says of itself."""
        common = xmlrpc.client.ServerProxy(f"{self.url}/xmlrpc/2/common")
        return common.version()["server_version"]

    # Running

    def start(self) -> "Odoo":
        if self.is_running():
            return self
        if self._process is None:  # a restart keeps its ports
            self._lease_ports()
        self.configure()
        super().start()
        return self

    def _lease_ports(self) -> None:
        ports = lease_port(self._wanted_port), lease_port(self._wanted_port + 1000)
        self._ports_file.write_text(" ".join(map(str, ports)))
        self._has_ports = True

    def command(self) -> "list[str]":
        return self.command_line("server")

    def command_line(self, command: str, *arguments: str) -> "list[str]":
        """An odoo command on this server's configuration and database."""
        script = [str(self.python), str(self.tree.script), command]
        database = ["-d", self.database] if self.database else []
        return [*script, "-c", str(self.configuration), *database, *arguments]

    def environment(self) -> "dict[str, str]":
        inherited = {k: v for k, v in os.environ.items() if not k.startswith("PG")}
        inherited.pop("ODOO_RC", None)
        return {**inherited, **self.tree.environment()}

    def is_ready(self) -> bool:
        try:
            with urllib.request.urlopen(f"{self.url}/web/health", timeout=10) as page:
                return page.status == 200
        except (urllib.error.URLError, OSError):
            return False

    # Configuring

    def configure(self) -> Path:
        """Write the configuration file."""
        if not (self._has_ports or self.is_running()):
            self._lease_ports()  # those of an earlier run may be another's by now
        sections = configparser.RawConfigParser()
        sections["options"] = self._options()
        sections["queue_job"] = {"channels": self.channels}
        sections["mqtt_listener"] = self.mqtt
        self.configuration.touch(mode=0o600)
        with open(self.configuration, "w") as file:
            sections.write(file)
        return self.configuration

    def _options(self) -> "dict[str, object]":
        addons = ",".join(map(str, (*self.tree.addons, paths.link_addons())))
        reach = self.databases.parameters()
        database = {f"db_{key}": value for key, value in reach.items()}
        return {
            **database,
            "addons_path": addons,
            "data_dir": self.directory / "data",
            "server_wide_modules": SERVER_WIDE,
            "http_interface": "127.0.0.1",
            "http_port": self.port,
            "gevent_port": self.gevent_port,
            "workers": self.workers,
            "max_cron_threads": 1,
            "list_db": False,
            "log_handler": LOG_HANDLERS,
            "without_demo": True,
            **self.options,
        }

    # One-shot commands

    def run(self, command: str, *arguments: str) -> None:
        """Run an odoo command to its end; its log goes to the server's."""
        self.configure()
        with open(self.log, "ab") as log:
            done = subprocess.run(
                self.command_line(command, *arguments),
                cwd=self.directory,
                env=self.environment(),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        if done.returncode:
            raise Problem(f"odoo {command}: {self._last_error()}; all in {self.log}")

    def install(self, *modules: str) -> None:
        """Install modules into the database, made when it is missing."""
        self._once(modules, "-i")

    def update(self, *modules: str) -> None:
        """Update modules of the database; those it does not have are installed."""
        self._once(modules, "-i", "-u")

    def _once(self, modules: "tuple[str, ...]", *options: str) -> None:
        names = ",".join(modules)
        chosen = [part for option in options for part in (option, names)]
        self.run("server", *chosen, "--stop-after-init", "--no-http")

    def _last_error(self) -> str:
        """The last line of the log that names an exception."""
        errors = re.findall(
            r"^[\w.]+(?:Error|Exception|Warning): .*", self.log_text(), re.M
        )
        return errors[-1] if errors else "failed"

    def shell(self, script: str, timeout: float = 120) -> str:
        """Run a script in `odoo shell`; what it printed."""
        self.configure()
        done = subprocess.run(
            self.command_line("shell", "--no-http", "--log-level", "warn"),
            cwd=self.directory,
            env=self.environment(),
            input=script,
            capture_output=True,
            text=True,
            timeout=timeout,
        )
        if done.returncode:
            raise Problem(f"a script in odoo shell failed:\n{done.stderr[-3000:]}")
        return done.stdout

    # Talking to it

    def call(
        self,
        model: str,
        method: str,
        *arguments: object,
        login: str = "admin",
        password: str = "admin",
        **options: object,
    ) -> object:
        """Call a method over XML-RPC, as another system does."""
        user = self._user_id(login, password)
        objects = xmlrpc.client.ServerProxy(
            f"{self.url}/xmlrpc/2/object", allow_none=True
        )
        who = self.database, user, password
        return objects.execute_kw(*who, model, method, arguments, options)

    def _user_id(self, login: str, password: str) -> int:
        if login not in self._users:
            common = xmlrpc.client.ServerProxy(f"{self.url}/xmlrpc/2/common")
            user = common.authenticate(self.database, login, password, {})
            if not user:
                raise Problem(f"{self.url} refuses the login {login}")
            self._users[login] = user
        return self._users[login]
