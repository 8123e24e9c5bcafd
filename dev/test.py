# Copyright 2026 mqtt_listener contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""``make test``: every test there is, and one line that sums them up.

The Odoo tests run in a fresh database on a real PostgreSQL with a real broker, and
a warning in the log fails them as a failed test does; then pytest runs what drives
real processes (tests/e2e) and the tools' own tests (dev/tests).
"""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree

from . import covered, paths
from .console import Problem, run, say
from .mosquitto import mosquitto
from .odoo_server import Odoo
from .postgres import postgres
from .process import Server

FOLDER = paths.OWN / "test"
SUITES = ("dev/tests", "tests/e2e")
REPORT = re.compile(r"(\d+) failed, (\d+) error\(s\) of (\d+) tests when loading")
LINE = re.compile(r"^\d{4}-\d\d-\d\d \S+ \d+ ([A-Z]+) (\S+) (\S+): (.*)")
LOUD = ("WARNING", "ERROR", "CRITICAL")
SKIPPED = re.compile(r": skipped \S+ : ")
#: logger and message of what may be warned about, with the reason
MUTED = (
    # The page was still loading scripts when its test had passed and ended.
    (r"\.tests\..*\.browser$", r"^Error received after termination"),
)


@dataclass
class Result:
    """How many tests passed and failed."""

    passed: int = 0
    failed: int = 0

    def __add__(self, other: "Result") -> "Result":
        return Result(self.passed + other.passed, self.failed + other.failed)

    def __str__(self) -> str:
        return f"{self.passed} passed, {self.failed} failed"


def is_loud(line: str) -> bool:
    """Whether a line of Odoo's log is a warning that nobody has muted."""
    match = LINE.match(line)
    if not match or match[1] not in LOUD:
        return False
    return not any(
        re.search(logger, match[3]) and re.search(message, match[4])
        for logger, message in MUTED
    )


def is_worth_showing(line: str) -> bool:
    """Tests that start, what they report, warnings, and tracebacks."""
    match = LINE.match(line)
    if not match:
        return True
    return match[1] in LOUD or ".tests" in match[3] or bool(REPORT.search(line))


def read_report(log: str) -> Result:
    """What Odoo says about its tests; having run none is a failure."""
    match = REPORT.search(log)
    if not match or int(match[3]) == 0:
        return Result(0, 1)
    failures, errors, total = map(int, match.groups())
    failed = failures + errors
    skipped = len(SKIPPED.findall(log))
    return Result(max(0, total - failed - skipped), failed)


def _follow(command: list[str], **options: object) -> Iterator[str]:
    """Run a command, yielding its lines; the last one says its status."""
    pipe = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL, **pipe, **options)
    try:
        yield from process.stdout
        yield f"status {process.wait()}\n"
    finally:
        process.kill()


def odoo_tests(tags: str) -> Result:
    """Install the addon into a fresh database and run its Odoo tests.

    :param tags: of the tests; none: all, and too little coverage fails as a test does.
    """
    database = postgres(FOLDER / "postgresql")
    broker = mosquitto(FOLDER / "mosquitto")
    servers = (database, broker)
    try:
        for server in servers:
            server.start().wait_ready()
            say(server.name, "ready")
        name = f"mqtt_test_{paths.fingerprint(paths.OWN)}"
        with database.fresh(name):
            odoo = Odoo(FOLDER / "odoo", database, name, workers=0, port=8169)
            result = _run_odoo(odoo, broker, tags)
            if not tags and not covered.report():
                result.failed += 1
            return result
    finally:
        for server in reversed(servers):
            server.stop()


def _run_odoo(odoo: Odoo, broker: Server, tags: str) -> Result:
    odoo.configure()
    others = os.environ.get("MQTT_TEST_WITH", "")  # that are installed with it
    modules = ",".join(filter(None, (paths.ADDON, paths.EXAMPLE, others)))
    chosen = tags or f"/{paths.ADDON},/{paths.EXAMPLE}"
    options = ["-i", modules, "--test-tags", chosen, "--stop-after-init"]
    environment = {**odoo.environment(), "MQTT_TEST_BROKER": broker.address}
    if broker.ws_port:
        environment["MQTT_TEST_BROKER_WS"] = f"{broker.host}:{broker.ws_port}"
    lines = []
    command = odoo.command_line("server", *options)
    if not tags:
        command = covered.measured(command)
    say("odoo", f"installing the addon in a fresh database, testing {chosen}")
    with open(odoo.log, "w") as log:
        for line in _follow(command, cwd=odoo.directory, env=environment):
            log.write(line)
            lines.append(line)
            if not line.startswith("status ") and is_worth_showing(line):
                print(line, end="", flush=True)
    return _judge(lines)


def _judge(lines: list[str]) -> Result:
    result = read_report("".join(lines))
    loud = [line for line in lines if is_loud(line)]
    if loud and not result.failed:
        print("\nthe log must be free of warnings, but says:\n", *loud, sep="  ")
    if not result.failed and (loud or lines[-1].strip() != "status 0"):
        result.failed = 1
    return result


def pytest_suite(suite: str, expression: str) -> Result:
    """Run one folder of tests with pytest.

    The folder is its own root: above it is the addon, which imports Odoo.
    """
    say("pytest", suite)
    report = FOLDER / f"{suite.replace('/', '-')}.xml"
    report.unlink(missing_ok=True)
    command = [sys.executable, "-m", "pytest", suite, f"--rootdir={suite}"]
    command += [f"--confcutdir={suite}", "--import-mode=importlib"]
    command += [f"--junitxml={report}", "-v", "-p", "no:cacheprovider"]
    command += ["-k", expression] if expression else []
    environment = {**os.environ, "PYTHONPATH": str(paths.CHECKOUT)}
    status = subprocess.run(command, cwd=paths.CHECKOUT, env=environment).returncode
    if status == 5 and expression:
        return Result()  # the expression names tests of another suite
    return read_junit(report, status)


def read_junit(report: Path, status: int) -> Result:
    """What pytest says about its tests."""
    if not report.exists():
        return Result(0, 1)
    suite = ElementTree.parse(report).getroot().find("testsuite")
    total, failures, errors, skipped = (
        int(suite.get(key)) for key in ("tests", "failures", "errors", "skipped")
    )
    failed = failures + errors
    if status and not failed:
        failed = 1
    return Result(max(0, total - failures - errors - skipped), failed)


def main() -> int:
    FOLDER.mkdir(parents=True, exist_ok=True)
    chosen = sys.argv[1] if len(sys.argv) > 1 else ""
    is_tag = chosen.startswith(("/", ".", ":"))
    total = Result()
    with paths.lock(f"test-{paths.OWN.name}", _already_running):
        if is_tag or not chosen:
            total += odoo_tests(chosen)
        for suite in SUITES if not is_tag else ():
            if (paths.CHECKOUT / suite).exists():
                total += pytest_suite(suite, chosen)
    if not total.passed and not total.failed:
        raise Problem(f"TESTS={chosen} names no test")
    print(f"\n{total}", flush=True)
    return 1 if total.failed else 0


def _already_running() -> None:
    raise Problem("another make test runs in this checkout: wait for it to end")


if __name__ == "__main__":
    run(main)
