# Copyright 2026 mqtt_listener contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""A server as a process of its own: started, awaited, stopped, killed, paused.

Each runs in its own session, so that Ctrl-C reaches the tool only, which then
stops its servers in order. What outlives its tool on purpose (`make shell`
leaves the servers up) is found again by its pid file.
"""

import atexit
import contextlib
import ctypes
import os
import re
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterable
from pathlib import Path

from . import paths
from .console import Problem

PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None)
_leases: "dict[int, socket.socket]" = {}


def wait_until(
    true: Callable[[], object], timeout: float, failing: str, step: float = 0.05
) -> None:
    """Wait for something that nothing announces; `Problem` when it never comes."""
    end = time.monotonic() + timeout
    while not true():
        if time.monotonic() > end:
            raise Problem(f"{failing} within {timeout:g} s")
        time.sleep(step)


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True


def lease_port(wanted: int) -> int:
    """The first free port from `wanted` on, kept from all others who ask this way.

    A server that is down for a moment keeps its port: the lease is a name among Linux's
    abstract sockets, machine-wide and gone with the process that holds it.
    """
    for port in range(wanted, wanted + 500):
        lease = socket.socket(socket.AF_UNIX)
        with contextlib.suppress(OSError):
            lease.bind(f"\0{paths.ADDON}/port/{port}")
            if _is_free(port):
                _leases[port] = lease
                return port
        lease.close()
    raise Problem(f"no free port between {wanted} and {wanted + 500}")


def _die_with_parent() -> None:
    """In the child: be told to stop when the tool dies, however it dies."""
    _libc.prctl(PR_SET_PDEATHSIG, signal.SIGTERM)


class Server:
    """One server; subclasses say what to run and when it is ready.

    :param directory: the server's own folder: configuration, data, log, pid file
    :param outlive: whether it goes on when the process that started it has ended
    """

    name = "server"
    stop_signal = signal.SIGTERM

    def __init__(self, directory: Path, *, outlive: bool = False) -> None:
        self.directory = Path(directory)
        self.directory.mkdir(parents=True, exist_ok=True)
        self.log = self.directory / f"{self.name}.log"
        self.pid_file = self.directory / f"{self.name}.pid"
        self.outlive = outlive
        self._process: subprocess.Popen | None = None

    # What a subclass says

    def command(self) -> "list[str]":
        """What to run."""
        raise NotImplementedError

    def environment(self) -> "dict[str, str]":
        """The environment it runs in."""
        return dict(os.environ)

    def is_ready(self) -> bool:
        """Whether it answers."""
        raise NotImplementedError

    # Starting and stopping

    def start(self) -> "Server":
        """Start it, if it does not run; `wait_ready` tells when it answers."""
        if self.is_running():
            return self
        with open(self.log, "ab") as log:
            self._process = subprocess.Popen(
                self.command(),
                cwd=self.directory,
                env=self.environment(),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                preexec_fn=None if self.outlive else _die_with_parent,
            )
        self.pid_file.write_text(str(self._process.pid))
        if not self.outlive:
            atexit.register(self.stop)
        return self

    def wait_ready(self, timeout: float = 60) -> "Server":
        """Wait until it answers; `Problem` when it ends before or takes too long."""

        def ready() -> bool:
            if not self.is_running():
                tail = self.log_text().strip().rpartition("\n")[2]
                raise Problem(f"{self.name} ended at once ({tail}); see {self.log}")
            return self.is_ready()

        wait_until(ready, timeout, f"{self.name} does not answer (see {self.log})")
        return self

    def stop(self, timeout: float = 30) -> None:
        """Ask it to stop, and kill what has not stopped within `timeout`."""
        pid = self.pid
        if pid is None:
            return
        self.signal(signal.SIGCONT)
        self.signal(self.stop_signal)
        try:
            wait_until(lambda: not self.is_running(), timeout, "still runs")
        except Problem:
            self.kill()
        self._sweep(pid)

    def kill(self) -> None:
        """Kill it and all its children at once, as a power cut does."""
        pid = self.pid
        if pid is None:
            return
        self._sweep(pid)
        wait_until(lambda: not self.is_running(), 10, f"{self.name} cannot be killed")

    def restart(self) -> "Server":
        """Stop it and start it again, on the same ports."""
        self.stop()
        return self.start()

    def pause(self) -> None:
        """Freeze it with all its children: alive, and not answering."""
        self._signal_group(signal.SIGSTOP)

    def resume(self) -> None:
        """Let a frozen server go on."""
        self._signal_group(signal.SIGCONT)

    # Looking at it

    @property
    def pid(self) -> "int | None":
        """The process id while it runs, also when another process started it."""
        if self._process is not None:
            return self._process.pid if self._process.poll() is None else None
        try:
            pid = int(self.pid_file.read_text())
            command = Path(f"/proc/{pid}/cmdline").read_bytes()
        except (OSError, ValueError):
            return None
        return pid if str(self.directory).encode() in command else None

    def processes(self) -> "set[int]":
        """The process ids of the server and its children, while it runs."""
        return set(session_members(self.pid)) if self.pid else set()

    def is_running(self) -> bool:
        """Whether its process lives."""
        return self.pid is not None

    def log_text(self, since: int = 0) -> str:
        """What it has written, from byte `since` on (see `log_size`)."""
        if not self.log.exists():
            return ""
        with open(self.log, "rb") as log:
            log.seek(since)
            return log.read().decode(errors="replace")

    def log_size(self) -> int:
        """How much it has written: a mark for `log_text` and `wait_log`."""
        return self.log.stat().st_size if self.log.exists() else 0

    def wait_log(self, pattern: str, timeout: float = 30, since: int = 0) -> re.Match:
        """Wait for a line of the log that matches a regular expression."""
        found: list[re.Match] = []

        def seen() -> bool:
            match = re.search(pattern, self.log_text(since))
            found.extend([match] if match else [])
            return bool(found)

        wait_until(seen, timeout, f"{self.log} does not say {pattern!r}")
        return found[0]

    # Signals

    def signal(self, number: int) -> None:
        """Send a signal to the server's main process."""
        pid = self.pid
        if pid is not None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, number)

    def _signal_group(self, number: int) -> None:
        pid = self.pid
        if pid is not None:
            _signal_session(pid, number)

    def _sweep(self, pid: int) -> None:
        """Kill what is left of the server's session."""
        _signal_session(pid, signal.SIGKILL)
        if self._process is not None:
            self._process.wait()

    def __enter__(self) -> "Server":
        self.start().wait_ready()
        return self

    def __exit__(self, *error: object) -> None:
        self.stop()


def session_members(session: int) -> Iterable[int]:
    """The living processes of a session; they may have groups of their own."""
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        state, _parent, _group, own = fields[:4]
        if int(own) == session and state != "Z":
            yield int(stat.parent.name)


def _signal_session(session: int, number: int) -> None:
    for pid in session_members(session):
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, number)
