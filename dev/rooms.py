"""The import rules of the rooms: who may import what, told by file and line.

The architecture holds as long as its rooms are closed: the vocabulary (`mqtt/`)
runs without Odoo, no job reaches into the listener process, one file knows the
MQTT client, one opens cursors, one touches Odoo's server. Imports inside of
functions count as well.

    python -m dev.rooms      # prints what breaks a rule; status 1 if anything does
"""

import ast
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
ADDON = "mqtt_listener"
ANYTHING = ("tests/*", "*/tests/*", "*_test.py", "dev/*")
CURSORS = ("odoo.sql_db", "odoo.modules.registry", "psycopg2.connect")


@dataclass(frozen=True)
class Allowed:
    """Files that may import these modules and nothing else (besides stdlib)."""

    files: str
    modules: tuple[str, ...]

    def breaks(self, file: str, module: str) -> bool:
        if not fnmatch(file, self.files):
            return False
        top = module.partition(".")[0]
        if top in sys.stdlib_module_names:
            return False
        return not any(_within(module, allowed) for allowed in self.modules)

    def __str__(self) -> str:
        return (
            f"{self.files} may import the standard library, {', '.join(self.modules)}"
        )


@dataclass(frozen=True)
class Forbidden:
    """Files that may not import these modules, but for the ones named."""

    files: str
    modules: tuple[str, ...]
    except_for: tuple[str, ...] = ()

    def breaks(self, file: str, module: str) -> bool:
        if not fnmatch(file, self.files) or file in self.except_for:
            return False
        return any(_within(module, forbidden) for forbidden in self.modules)

    def __str__(self) -> str:
        names = ", ".join(self.modules)
        only = " and ".join(self.except_for)
        if only:
            return f"only {only} may import {names}"
        return f"{self.files} may not import {names}"


def _within(module: str, package: str) -> bool:
    return module == package or module.startswith(package + ".")


def _own(name: str) -> str:
    return f"odoo.addons.{ADDON}.{name}"


# What opens connections to a database.
DATABASE_FILES = ("listener/bridge.py", "listener/enqueuing.py")

RULES = (
    Allowed("mqtt/*", ("paho.mqtt.matcher", "cryptography", _own("mqtt"))),
    Forbidden("models/*", (_own("listener"), _own("cli"))),
    Forbidden("jobs/*", (_own("cli"), _own("models"))),
    # A message is published by the job that is to say whether it was; the client is
    # the listener's, since there is to be one only.
    Forbidden("jobs/*", (_own("listener"),), ("jobs/publish.py",)),
    Forbidden("listener/*", (_own("models"), _own("jobs"), _own("cli"))),
    Forbidden("*", ("paho.mqtt.client",), ("broker/client.py", "broker/connecting.py")),
    Forbidden("*", CURSORS, DATABASE_FILES),
    Forbidden("listener/*", ("psycopg2",), DATABASE_FILES),
    Forbidden("*", ("odoo.service.server",), ("listener/server.py",)),
    Forbidden("*", ("odoo.orm",)),
    Forbidden("*", (_own("dev"), "dev")),
)


@dataclass(frozen=True)
class Breach:
    """One import that breaks a rule."""

    file: str
    line: int
    module: str
    rule: Allowed | Forbidden

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: imports {self.module}: {self.rule}"


def imports(file: str, source: str) -> Iterator[tuple[int, str]]:
    """Line and full name of everything a file of the addon imports."""
    package = [*_own("x").split(".")[:-1], *Path(file).parent.parts]
    for node in ast.walk(ast.parse(source, file)):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else []
            base += node.module.split(".") if node.module else []
            for alias in node.names:
                yield node.lineno, ".".join([*base, alias.name])


def check(file: str, source: str, rules: Iterable = RULES) -> list[Breach]:
    """What breaks a rule in one file, named relative to the addon's root."""
    if any(fnmatch(file, pattern) for pattern in ANYTHING):
        return []
    return [
        Breach(file, line, module, rule)
        for line, module in imports(file, source)
        for rule in rules
        if rule.breaks(file, module)
    ]


def breaches(root: Path = ROOT) -> list[Breach]:
    """What breaks a rule anywhere in the addon."""
    files = sorted(root.rglob("*.py"))
    named = ((path.relative_to(root).as_posix(), path) for path in files)
    return [
        breach
        for file, path in named
        if not file.startswith(".")
        for breach in check(file, path.read_text())
    ]


def main() -> int:
    try:
        found = breaches()
    except SyntaxError as error:
        print(f"{error.filename}:{error.lineno}: {error.msg}")
        return 1
    for breach in found:
        print(breach)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
