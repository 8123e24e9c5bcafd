"""What keeps a handler from harming the job it runs in.

Its job's transaction is everybody's who runs in it: a handler that commits or rolls
back would store half a batch or release the job's lock. And one that never returns
would be ended by Odoo together with its worker, and all its neighbours with it.
"""

from __future__ import annotations

import ctypes
import threading
import time
import traceback

from psycopg2.errors import QueryCanceled

from odoo.addons.queue_job.exception import FailedJobError

from ..mqtt.log import flattened

ARRIVAL = 1.0  # seconds within which an exception arrives in another thread


class HandlerError(FailedJobError):
    """A handler broke a rule. To run it again would not help."""


class HandlerGoneError(HandlerError):
    """A handler is not there: its module was uninstalled or has changed."""


class SlowHandlerError(HandlerError):
    """A call took longer than it may."""


class CallTimeout(BaseException):
    """Raised inside of a handler that takes too long.

    No ``Exception``, so that a handler that catches those does not swallow it.
    """


class Guard:
    """While it is entered, calls end in time and the transaction stays whole.

    :param cr: the job's cursor.
    :param seconds: what one call may take.
    """

    def __init__(self, cr, seconds: float):
        self._cr = cr
        self._seconds = seconds
        self._thread_id = threading.get_ident()
        # No lock guards these: an exception that arrives while the handler's thread
        # takes one would leave it locked. Each is written and read in one step.
        self._call: tuple[float] | None = None  # deadline; the tuple is the call's name
        self._is_on_its_way = False
        self._is_over = threading.Event()

    def __enter__(self) -> Guard:
        self._own = {
            name: self._cr.__dict__.get(name) for name in ("commit", "rollback")
        }
        self._cr.commit = _forbidden("commit")
        self._cr.rollback = _forbidden("roll back")
        # Statements that fail are logged whole, with what a device says in them.
        self._log = flattened("odoo.sql_db")
        self._log.__enter__()
        # A statement blocks the thread where no exception reaches it.
        self._cr.execute(
            "SELECT set_config('statement_timeout', %s, TRUE)",
            [str(int(self._seconds * 1000))],
        )
        threading.Thread(
            target=self._interrupt_late_calls, name="mqtt-handler-guard", daemon=True
        ).start()
        return self

    def __exit__(self, *_exception) -> None:
        self._is_over.set()
        self._log.__exit__(None, None, None)
        for name, method in self._own.items():
            if method is None:
                del self._cr.__dict__[name]
            else:
                setattr(self._cr, name, method)

    def call(self, function, *arguments) -> object:
        """What ``function`` returns.

        :raise SlowHandlerError: when it takes longer than it may, saying where it was.
        """
        try:
            try:
                self._call = (time.monotonic() + self._seconds,)
                return function(*arguments)
            except CallTimeout:
                self._is_on_its_way = False
                raise
            finally:
                self._end_call()
        except (CallTimeout, QueryCanceled) as error:
            frame = traceback.extract_tb(error.__traceback__)[-1]
            raise SlowHandlerError(
                f"It did not return within {self._seconds:g} seconds; it was at "
                f"{frame.filename.rpartition('/addons/')[2]}:{frame.lineno}, "
                f"in {frame.name}"
            ) from None

    def _end_call(self) -> None:
        """From here on no exception arrives; one that is on its way does so here."""
        self._call = None
        end = time.monotonic() + ARRIVAL
        while self._is_on_its_way:
            if time.monotonic() > end:  # the handler has swallowed it
                self._is_on_its_way = False
                raise CallTimeout
            time.sleep(0.001)

    def _interrupt_late_calls(self) -> None:
        wait = self._seconds
        while not self._is_over.wait(wait):
            call = self._call
            left = call[0] - time.monotonic() if call else self._seconds
            wait = max(left, 0.001)
            if left <= 0:
                self._is_on_its_way = True
                if self._call is call:
                    _raise_in(self._thread_id, CallTimeout)
                    wait = ARRIVAL  # and again, if the handler swallows it
                else:
                    self._is_on_its_way = False


def _raise_in(thread_id: int, error: type) -> None:
    # Never with NULL, to take one back: that leaves CPython 3.11 looking for an
    # exception for ever, which slows it down and hangs it under a profiler.
    ctypes.pythonapi.PyThreadState_SetAsyncExc(
        ctypes.c_ulong(thread_id), ctypes.py_object(error)
    )


def _forbidden(what: str):
    def refuse(*_arguments, **_options):
        raise HandlerError(
            f"A handler may not {what}: what it writes is committed with its job. "
            "Give what has to be committed on its own a job of its own, by with_delay()"
        )

    return refuse
