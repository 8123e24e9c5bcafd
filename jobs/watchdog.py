# Copyright 2026 mqtt_listener contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""Calls that take too long: noticed by a thread, and logged where they are.

Interrupting such a call is possible too, and off by default: an exception that is
raised in another thread arrives anywhere, also between taking and releasing a lock of
the whole process, such as those of ``logging`` and of Odoo's caches.
"""

from __future__ import annotations

import ctypes
import sys
import threading
import time
import traceback

from ..mqtt.log import get_logger

ARRIVAL_SECONDS = 1.0  # within which an exception arrives in another thread
MAX_PLACES = 10  # of a stack that are logged

_logger = get_logger(__name__)


class CallTimeout(BaseException):
    """Raised inside of a handler that takes too long.

    No ``Exception``, so that a handler that catches those does not swallow it.
    """


class Watchdog:
    """Watches the calls that the thread makes that starts it.

    :param seconds: that a call may take.
    :param dbname: database that the thread logs for.
    """

    def __init__(self, seconds: float, dbname: str):
        self._seconds = seconds
        self._thread_id = threading.get_ident()
        # No lock guards these: an exception that arrives while the handler's thread
        # takes one would leave it locked. Each is written and read in one step.
        self._call: tuple[float] | None = None  # deadline; the tuple is the call's name
        self._logged: tuple[float] | None = None
        self._is_over = threading.Event()
        self._thread = threading.Thread(
            target=self._run, name="mqtt-handler-watchdog", daemon=True
        )
        self._thread.dbname = dbname  # Odoo's log records name it

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._is_over.set()

    def call(self, function, *arguments) -> object:
        """What ``function`` returns, however long it takes."""
        self._call = (time.monotonic() + self._seconds,)
        try:
            return function(*arguments)
        finally:
            self._call = None

    def _run(self) -> None:
        wait = self._seconds
        while not self._is_over.wait(wait):
            call = self._call
            wait = call[0] - time.monotonic() if call else self._seconds
            if wait <= 0:
                wait = self._on_late(call)
            wait = max(wait, 0.001)

    def _on_late(self, call: tuple[float]) -> float:
        """Called when a call has reached its deadline.

        :return: seconds after which to look again.
        """
        if self._logged is not call:
            self._logged = call
            _logger.warning(
                "A handler has been running for more than %g seconds. It is at %s",
                self._seconds,
                _describe_stack(self._thread_id),
            )
        return self._seconds


class Interrupter(Watchdog):
    """Raises :class:`CallTimeout` in calls that take too long."""

    def __init__(self, seconds: float, dbname: str):
        super().__init__(seconds, dbname)
        self._is_on_its_way = False

    def call(self, function, *arguments) -> object:
        """What ``function`` returns.

        :raise CallTimeout: when it takes longer than it may.
        """
        try:
            return super().call(function, *arguments)
        except CallTimeout:
            self._is_on_its_way = False
            raise
        finally:
            self._end_call()

    def _end_call(self) -> None:
        """From here on no exception arrives; one that is on its way does so here."""
        self._call = None
        end = time.monotonic() + ARRIVAL_SECONDS
        while self._is_on_its_way:
            if time.monotonic() > end:  # the handler has swallowed it
                self._is_on_its_way = False
                raise CallTimeout
            time.sleep(0.001)

    def _on_late(self, call: tuple[float]) -> float:
        self._is_on_its_way = True
        if self._call is call:
            _raise_in(self._thread_id, CallTimeout)
            return ARRIVAL_SECONDS  # and again, if the handler swallows it
        self._is_on_its_way = False
        return self._seconds


def _raise_in(thread_id: int, error: type) -> None:
    # Never with NULL, to take one back: that leaves CPython 3.11 looking for an
    # exception for ever, which slows it down and hangs it under a profiler.
    ctypes.pythonapi.PyThreadState_SetAsyncExc(
        ctypes.c_ulong(thread_id), ctypes.py_object(error)
    )


def _describe_stack(thread_id: int) -> str:
    """Where a thread is, innermost first, as far as the call that is watched."""
    places = []
    innermost = sys._current_frames().get(thread_id)
    for frame, line in traceback.walk_stack(innermost) if innermost else ():
        if frame.f_code.co_filename == __file__ or len(places) == MAX_PLACES:
            break
        file = frame.f_code.co_filename.rpartition("-packages/")[2]
        file = file.rpartition("/addons/")[2]
        places.append(f"{file}:{line}, in {frame.f_code.co_name}")
    return " < ".join(places)
