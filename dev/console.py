# Copyright 2026 mqtt_listener contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""What the tools say, and how they give up: in one line that says what to do.

A traceback of the tooling helps nobody who only wants to see the demo, so a
failure that a person can do something about is a `Problem`, and `run` prints it.
"""

import signal
import sys
from collections.abc import Callable


class Problem(Exception):
    """Something a person can put right; the message says how, in one line."""


_stream = sys.stdout


def keep_stdout_for_results() -> None:
    """From now on say things on standard error."""
    global _stream
    _stream = sys.stderr


def say(what: str, text: str = "") -> None:
    """Print one short line of progress."""
    print(f"  {what:<12} {text}".rstrip(), file=_stream, flush=True)


def _interrupt(signum: int, frame: object) -> None:
    raise KeyboardInterrupt


def run(main: Callable[[], "int | None"]) -> None:
    """Run a tool's `main` and leave with its status.

    SIGTERM and SIGHUP are turned into the interrupt that Ctrl-C is, so that
    whatever the tool started is stopped in the same way. SIGINT itself too: a shell
    has what it starts in the background ignore it.
    """
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _interrupt)
    try:
        sys.exit(main() or 0)
    except Problem as problem:
        print(f"\nfailed: {problem}", file=sys.stderr, flush=True)
        sys.exit(1)
    except KeyboardInterrupt:
        print("\ninterrupted", file=sys.stderr, flush=True)
        sys.exit(130)
