# Copyright 2026 mqtt_listener contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""What keeps a handler from harming the job it runs in.

Its job's transaction is everybody's who runs in it: a handler that commits or rolls
back would store half a batch or release the job's lock. A statement that takes too long
is canceled; so is a call, where that is switched on (``watchdog``).
"""

from __future__ import annotations

import traceback
from collections.abc import Callable
from contextlib import suppress
from typing import NoReturn

import psycopg2
from psycopg2.errors import QueryCanceled

from odoo.addons.queue_job.exception import FailedJobError

from ..mqtt.log import flattened
from .watchdog import CallTimeout, Interrupter, Watchdog


class HandlerError(FailedJobError):
    """A handler broke a rule. To run it again would not help."""


class HandlerGoneError(HandlerError):
    """A handler is not there: its module was uninstalled or has changed."""


class SlowHandlerError(HandlerError):
    """A call took longer than it may."""


class Guard:
    """While it is entered, the transaction stays whole and statements end in time.

    :param cr: the job's cursor.
    :param seconds: that a statement, and one call, may take.
    :param interrupts: whether a call that takes longer is interrupted. Where not, it is
        logged, and goes on.
    """

    def __init__(self, cr, seconds: float, interrupts: bool = False):
        self._cr = cr
        self._seconds = seconds
        self._watchdog = (Interrupter if interrupts else Watchdog)(seconds, cr.dbname)

    def __enter__(self) -> Guard:
        self._own = {
            name: self._cr.__dict__.get(name) for name in ("commit", "rollback")
        }
        # A statement blocks the thread where no exception reaches it.
        self._cr.execute(
            "SELECT current_setting('statement_timeout'),"
            " set_config('statement_timeout', %s, TRUE)",
            [str(int(self._seconds * 1000))],
        )
        self._timeout, _new = self._cr.fetchone()
        self._cr.commit = _forbidden("commit")
        self._cr.rollback = _forbidden("roll back")
        # Statements that fail are logged whole, with what a device says in them.
        self._log = flattened("odoo.sql_db")
        self._log.__enter__()
        self._watchdog.start()
        return self

    def __exit__(self, *_exception) -> None:
        self._watchdog.stop()
        self._log.__exit__(None, None, None)
        for name, method in self._own.items():
            if method is None:
                del self._cr.__dict__[name]
            else:
                setattr(self._cr, name, method)
        # What follows in the transaction is not the handler's. A transaction that has
        # failed accepts no statement; the setting ends with it.
        with suppress(psycopg2.Error):
            self._cr.execute(
                "SELECT set_config('statement_timeout', %s, TRUE)",
                [self._timeout],
                log_exceptions=False,
            )

    def call(self, function, *arguments) -> object:
        """What ``function`` returns.

        :raise SlowHandlerError: when a statement, or the call where calls are
            interrupted, takes longer than it may, saying where it was.
        """
        try:
            return self._watchdog.call(function, *arguments)
        except (CallTimeout, QueryCanceled) as error:
            frame = traceback.extract_tb(error.__traceback__)[-1]
            raise SlowHandlerError(
                f"It did not return within {self._seconds:g} seconds; it was at "
                f"{frame.filename.rpartition('/addons/')[2]}:{frame.lineno}, "
                f"in {frame.name}"
            ) from None


def _forbidden(what: str) -> Callable[..., NoReturn]:
    def refuse(*_arguments, **_options) -> NoReturn:
        raise HandlerError(
            f"A handler may not {what}: what it writes is committed with its job. "
            "Give what has to be committed on its own a job of its own, by with_delay()"
        )

    return refuse
