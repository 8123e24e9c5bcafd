# Copyright 2026 mqtt_listener contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""Servers are started, found again and never left behind."""

import signal
import socket
import subprocess
import sys
import textwrap

import pytest

from dev.console import Problem
from dev.process import Server, lease_port, session_members, wait_until


class Sleeper(Server):
    """A server that has a child and does nothing."""

    name = "sleeper"

    def command(self):
        script = "sleep 1000 & echo started $0; wait"
        return ["sh", "-c", script, str(self.directory)]

    def is_ready(self):
        return "started" in self.log_text()


def test_a_taken_port_is_stepped_over():
    """The next free port is leased."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        assert lease_port(port) > port


def test_two_leases_never_name_one_port():
    """A leased port is stepped over before anybody listens on it."""
    assert lease_port(28500) != lease_port(28500)


@pytest.mark.parametrize("end", ["stop", "kill"])
def test_a_server_ends_with_its_children(tmp_path, end):
    """Neither stop nor kill leaves a process of the server's session."""
    with Sleeper(tmp_path) as server:
        session = server.pid
        assert len(list(session_members(session))) == 2
        getattr(server, end)()
        assert not server.is_running()
        wait_until(lambda: not list(session_members(session)), 5, "children live on")


def test_a_server_is_found_again_by_its_pid_file(tmp_path):
    """Another tool can stop what this one started."""
    with Sleeper(tmp_path) as server:
        other = Sleeper(tmp_path)
        assert other.pid == server.pid
        other.stop()
        assert not server.is_running()


def test_a_server_that_ends_at_once_says_why(tmp_path):
    """Its last words are in the message."""
    server = Sleeper(tmp_path)
    server.command = lambda: ["sh", "-c", "echo no such luck; exit 1"]
    with pytest.raises(Problem, match="no such luck"):
        server.start().wait_ready()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGKILL])
def test_no_server_outlives_its_tool(tmp_path, number):
    """Whatever ends the tool ends its servers."""
    script = f"""
        import sys, signal
        sys.path.insert(0, {str(tmp_path.parent)!r})
        from dev.console import run
        from dev.tests.test_process import Sleeper
        def main():
            Sleeper({str(tmp_path)!r}).start().wait_ready()
            print("up", flush=True)
            signal.pause()
        run(main)
    """
    command = [sys.executable, "-c", textwrap.dedent(script)]
    tool = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert tool.stdout.readline() == "up\n"
    server = Sleeper(tmp_path)
    assert server.is_running()
    tool.send_signal(number)
    tool.wait(20)
    wait_until(lambda: not server.is_running(), 10, "the server was left behind")
