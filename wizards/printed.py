"""What a handler prints in a trial, apart from what other threads print."""

import sys
import threading
from contextlib import contextmanager

MAX_TEXT_CHARS = 20_000  # of what was printed

_printing: dict[int, "_Output"] = {}  # by thread
_lock = threading.Lock()


class _Output:
    """What one thread printed, as much as is shown of it."""

    def __init__(self):
        self.text = ""

    def write(self, text):  # pylint: disable=method-required-super
        if len(self.text) <= MAX_TEXT_CHARS:
            self.text += text[: MAX_TEXT_CHARS + 1]
        return len(text)


class _Stdout:
    """Stands in for stdout: threads that run a trial print to its output."""

    def __init__(self, stdout):
        self.stdout = stdout

    def write(self, text):  # pylint: disable=method-required-super
        output = _printing.get(threading.get_ident(), self.stdout)
        return output.write(text)

    def __getattr__(self, name):
        return getattr(self.stdout, name)


@contextmanager
def printed():
    """Keep what this thread prints; all others print as ever."""
    thread = threading.get_ident()
    with _lock:
        _printing[thread] = output = _Output()
        if not isinstance(sys.stdout, _Stdout):
            sys.stdout = _Stdout(sys.stdout)
    try:
        yield output
    finally:
        with _lock:
            del _printing[thread]
            if not _printing and isinstance(sys.stdout, _Stdout):
                sys.stdout = sys.stdout.stdout
