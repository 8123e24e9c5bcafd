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


class HandlerError(FailedJobError):
    """A handler broke a rule. To run it again would not help."""


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
        self._changed = threading.Condition()
        self._deadline: float | None = None
        self._is_over = False

    def __enter__(self) -> Guard:
        self._own = {
            name: self._cr.__dict__.get(name) for name in ("commit", "rollback")
        }
        self._cr.commit = _forbidden("commit")
        self._cr.rollback = _forbidden("roll back")
        # A statement blocks the thread where no exception reaches it.
        self._cr.execute(
            "SELECT set_config('statement_timeout', %s, TRUE)",
            [str(int(self._seconds * 1000))],
        )
        self._watch = threading.Thread(
            target=self._interrupt_late_calls, name="mqtt-handler-guard", daemon=True
        )
        self._watch.start()
        return self

    def __exit__(self, *_exception) -> None:
        with self._changed:
            self._is_over = True
            self._changed.notify()
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
                self._set_deadline(time.monotonic() + self._seconds)
                return function(*arguments)
            finally:
                self._set_deadline(None)
        except (CallTimeout, QueryCanceled) as error:
            frame = traceback.extract_tb(error.__traceback__)[-1]
            raise SlowHandlerError(
                f"It did not return within {self._seconds:g} seconds; it was at "
                f"{frame.filename.rpartition('/addons/')[2]}:{frame.lineno}, "
                f"in {frame.name}"
            ) from None

    def _set_deadline(self, deadline: float | None) -> None:
        with self._changed:
            self._deadline = deadline
            if deadline is None:
                # One that was sent and has not arrived must not hit what follows.
                _raise_in(self._thread_id, None)

    def _interrupt_late_calls(self) -> None:
        with self._changed:
            while not self._is_over:
                now = time.monotonic()
                if self._deadline and now >= self._deadline:
                    self._deadline = None
                    _raise_in(self._thread_id, CallTimeout)
                # Deadlines only move away: looking at the last one known is enough.
                left = self._deadline - now if self._deadline else self._seconds
                self._changed.wait(max(left, 0.001))


def _raise_in(thread_id: int, error: type | None) -> None:
    ctypes.pythonapi.PyThreadState_SetAsyncExc(
        ctypes.c_ulong(thread_id), error and ctypes.py_object(error)
    )


def _forbidden(what: str):
    def refuse(*_arguments, **_options):
        raise HandlerError(
            f"A handler may not {what}: what it writes is committed with its job. "
            "Give what has to be committed on its own a job of its own, by with_delay()"
        )

    return refuse
