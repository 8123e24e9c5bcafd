# Copyright 2026 mqtt_listener contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""``make demo``: everything at work, on this machine, in front of the reader.

Starts the servers, a running service and the simulated factory, and shows one
live line. Every other second it has a machine set its counter back, and answer. With a
number of seconds it ends by itself, waits until the queue has drained and counts, in
the database and by content, what QoS 1 promised, and the answers.
"""

import contextlib
import json
import os
import random
import select
import shutil
import signal
import subprocess
import sys
import time
import xmlrpc.client

import psycopg2

from . import paths
from .console import Problem, run, say
from .process import wait_until
from .stack import Stack

RATE = float(os.environ.get("RATE") or 500)  # messages a second
COMMAND_EVERY = 2.0  # seconds between two commands to machines
STALLED = 60  # seconds without a new message until the rest counts as lost

COUNT = """
    SELECT count(*), count(DISTINCT mark)
      FROM (SELECT substring(payload FROM %s) AS mark
              FROM mqtt_signal_history
             WHERE id > %s) AS stored
     WHERE mark IS NOT NULL
"""
UNHANDLED = ("queued", "retrying", "failed", "cancelled")
OPEN_JOBS = """
    SELECT count(*) FROM queue_job
     WHERE mqtt_service_id IS NOT NULL
       AND state NOT IN ('done', 'cancelled', 'failed')
"""
FAILED = """
    SELECT count(*) FROM queue_job
     WHERE state = 'failed' AND model_name LIKE 'mqtt.%%' AND date_created >= %s
"""


class Publisher:
    """The factory's process, and the numbers it reports."""

    def __init__(self, stack: Stack, name: str) -> None:
        where = ["--host", stack.broker.host, "--port", str(stack.broker.port)]
        command = [sys.executable, "-m", "dev.factory", *where]
        command += ["--run", name, "--rate", str(RATE)]
        self.numbers: dict[str, int] = {"sent": 0, "confirmed": 0, "frames": 0}
        self._process = subprocess.Popen(
            command,
            cwd=paths.CHECKOUT,
            stdout=subprocess.PIPE,
            bufsize=0,  # what was read ahead could not be waited for
            start_new_session=True,
        )

    def next_beat(self) -> bool:
        """Wait for a report, take the newest there is; False when no more come."""
        reports = self._process.stdout
        line = reports.readline()
        while line and select.select([reports], [], [], 0)[0]:
            newer = reports.readline()
            if not newer:
                break  # the end, which the next call finds
            line = newer
        if line:
            self.numbers = json.loads(line)
        elif not self.numbers.get("done"):
            raise Problem("the simulated factory died (its words are above)")
        return bool(line)

    def finish(self) -> None:
        """Let it wait for the broker's last acknowledgements."""
        self._process.send_signal(signal.SIGTERM)
        while self.next_beat():
            pass
        self._process.wait()

    def kill(self) -> None:
        self._process.kill()
        self._process.wait()


class Count:
    """What the database says about this run."""

    def __init__(self, stack: Stack, name: str) -> None:
        self._odoo = stack.odoo
        self._ask = stack.postgres.connect(stack.odoo.database).cursor()
        self._mark = f"{name}-[0-9]+"
        self._first = self._one("SELECT COALESCE(max(id), 0) FROM mqtt_signal_history")
        self._begin = self._one("SELECT now() AT TIME ZONE 'UTC'")

    def _one(self, sql: str, *values: object) -> object:
        self._ask.execute(sql, values)
        return self._ask.fetchone()[0]

    def all_stored(self) -> int:
        """Messages of any QoS."""
        sql = """
            SELECT count(*) FROM mqtt_signal_history
             WHERE id > %s AND direction = 'receive'
        """
        return self._one(sql, self._first)

    def by_content(self) -> tuple[int, int]:
        """QoS 1 messages stored, and different ones among them."""
        self._ask.execute(COUNT, (self._mark, self._first))
        return self._ask.fetchone()

    def waiting(self) -> int:
        """Messages received and not yet stored."""
        return self._one("SELECT COALESCE(sum(message_count), 0) FROM mqtt_batch")

    def failed(self) -> int:
        return self._one(FAILED, self._begin)

    def open_jobs(self) -> int:
        """Jobs that are still to run."""
        return self._one(OPEN_JOBS)

    def handled(self) -> tuple[int, int]:
        """Received messages that all their handlers have had, and those they have not:
        these wait, failed or were cancelled.
        """
        given = ["direction", "=", "receive"], ["has_handlers", "=", True]
        without = self._search_count(*given, ["state", "in", UNHANDLED])
        return self._search_count(*given, ["state", "=", "done"]), without

    def _search_count(self, *domain: list) -> int:
        domain = [["id", ">", self._first], *domain]
        return self._odoo.call("mqtt.signal.history", "search_count", domain)


class Commands:
    """What Odoo asks of the machines, as somebody who clicks *Reset Counter* does."""

    def __init__(self, stack: Stack) -> None:
        self._odoo = stack.odoo
        self._next = time.monotonic() + COMMAND_EVERY
        last = self._odoo.call("mqtt.request", "search", [], order="id desc", limit=1)
        self._first = last[0] if last else 0
        self.refused = ""  # why Odoo gave no command, as when its service is stopped

    def give(self) -> None:
        """Command a machine, if it is time to."""
        if time.monotonic() < self._next:
            return
        self._next = time.monotonic() + COMMAND_EVERY
        machines = self._odoo.call("mqtt.factory.machine", "search", [])
        if not machines:
            return
        machine = random.choice(machines)
        try:
            self._odoo.call("mqtt.factory.machine", "action_reset", [machine])
        except xmlrpc.client.Fault as fault:
            self.refused = fault.faultString.strip().splitlines()[-1]
        else:
            self.refused = ""

    def count(self, *domain: list) -> int:
        """How many of this run's fulfil these conditions."""
        domain = [["id", ">", self._first], *domain]
        return self._odoo.call("mqtt.request", "search_count", domain)


class Demo:
    """One run of the demo."""

    def __init__(self, stack: Stack) -> None:
        self.stack = stack
        self.name = f"run{int(time.time())}"
        self._last = time.monotonic(), 0

    def start_service(self) -> None:
        """Start the service and wait until the broker has granted everything."""
        odoo = self.stack.odoo
        service = self.stack.service()
        odoo.call("mqtt.service", "start_mqtt_service", [service])
        pending = ["service_id", "=", service], ["state", "=", "pending"]

        def connected() -> bool:
            self._answer = odoo.call("mqtt.service", "check_mqtt_status", [service])
            return self._answer["status"] == "connected" and not odoo.call(
                "mqtt.subscription", "search_count", list(pending)
            )

        try:
            wait_until(connected, 60, "it does not connect", step=0.2)
        except Problem as problem:
            answer = f"its status is {self._answer}; see {odoo.log}"
            raise Problem(f"{problem}: {answer}") from None
        say("service", "connected to the broker, subscribed")

    def play(self, seconds: float) -> int:
        """Publish for `seconds` (0: until Ctrl-C); the status to end with."""
        self.count = Count(self.stack, self.name)
        self.commands = Commands(self.stack)
        publisher = Publisher(self.stack, self.name)
        end = time.monotonic() + seconds if seconds else float("inf")
        try:
            while time.monotonic() < end and publisher.next_beat():
                self._live(publisher.numbers)
                self.commands.give()
            self._await_answers()
            publisher.finish()
            published = publisher.numbers["confirmed"]
            self._drain(published, publisher.numbers)
        finally:
            publisher.kill()
        return self._verdict(published)

    def _live(self, numbers: dict[str, int], every: float = 0.5) -> None:
        before, had = self._last
        now = time.monotonic()
        if now - before < every:
            return
        stored = self.count.all_stored()
        self._last = now, stored
        published = numbers["confirmed"] + numbers["frames"]
        words = [
            f"published {published}",
            f"received {stored + self.count.waiting()}",
            f"stored {stored}",
            f"handled {self.count.handled()[0]}",
            f"failed {self.count.failed()}",
            f"rate {(stored - had) / (now - before):.0f}/s",
        ]
        if self.commands.refused:
            words.append(f"no commands: {self.commands.refused}")
        if sys.stdout.isatty():
            width = shutil.get_terminal_size().columns - 1
            print(f"\r{fit(words, width)}", end="", flush=True)
        else:
            print("", *words, sep="  ", flush=True)

    def _drain(self, published: int, numbers: dict[str, int]) -> None:
        """Wait until everything is stored and handled, or nothing moves any more."""
        seen, since = None, time.monotonic()
        while time.monotonic() - since < STALLED:
            stored = self.count.by_content()[1]
            jobs = self.count.open_jobs()
            if stored >= published and not self.count.waiting() and not jobs:
                break
            if (stored, jobs) != seen:
                seen, since = (stored, jobs), time.monotonic()
            self._live(numbers)
            time.sleep(0.1)
        self._live(numbers, every=0)

    def _await_answers(self) -> None:
        """The machines are there until every command has its answer, or none."""
        waiting = ["state", "=", "waiting"]
        if count := self.commands.count(waiting):
            if sys.stdout.isatty():
                print()
            say("commands", f"{count} wait for an answer, up to {STALLED} s")
        with contextlib.suppress(Problem):
            wait_until(lambda: not self.commands.count(waiting), STALLED, "", step=0.2)

    def _verdict(self, published: int) -> int:
        stored, different = self.count.by_content()
        lost, duplicated = published - different, stored - different
        handled, unhandled = self.count.handled()
        commands = self.commands.count()
        answered = self.commands.count(["state", "=", "answered"])
        if sys.stdout.isatty():
            print()
        print(
            f"published {published}  stored {stored}"
            f"  lost {lost}  duplicated {duplicated}"
            f"  handled {handled}  not handled {unhandled}\n"
            f"commands {commands}  answered {answered}",
            flush=True,
        )
        is_wrong = lost or duplicated or unhandled or answered != commands
        return 1 if published != stored or is_wrong else 0


def fit(words: list[str], width: int) -> str:
    """As many words as a line of the terminal holds: a longer one would scroll."""
    line = ""
    for word in words:
        if len(line) + 1 + len(word) > width:
            break
        line += f" {word}"
    return line.ljust(width)


def main() -> int:
    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else 0
    with paths.lock(f"demo-{paths.OWN.name}", _already_running):
        return play(seconds)


def _already_running() -> None:
    raise Problem("another make demo runs in this checkout: end it with make stop")


def play(seconds: float) -> int:
    """Start everything, play, stop everything."""
    stack = Stack()
    try:
        stack.start()
        demo = Demo(stack)
        demo.start_service()
        print(f"\n  {stack.proxy.url}   login admin, password admin")
        print("  menu MQTT; Ctrl-C stops everything\n", flush=True)
        return demo.play(seconds)
    except (psycopg2.Error, OSError, xmlrpc.client.ProtocolError) as error:
        servers = stack.postgres, stack.broker, stack.odoo
        if all(server.is_running() for server in servers):
            raise
        raise Problem("a server of the demo was stopped: start it again") from error
    except KeyboardInterrupt:
        print()
        return 0 if not seconds else 130
    finally:
        stack.stop()


if __name__ == "__main__":
    run(main)
