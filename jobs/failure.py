# Copyright 2026 mqtt_listener contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""What a handler's exception means for its message: to try again, or not."""

from __future__ import annotations

import random
import re
import traceback
from dataclasses import dataclass
from itertools import dropwhile
from pathlib import Path

import psycopg2
from psycopg2 import InterfaceError, OperationalError, errorcodes

from odoo.exceptions import UserError

from odoo.addons.queue_job.exception import FailedJobError, RetryableJobError

from ..mqtt.payload import PayloadError
from ..mqtt.wording import TRACE_HEAD, short_line
from .guard import HandlerError

OWN_FILES = Path(__file__).parent
CONFLICTS = (errorcodes.SERIALIZATION_FAILURE, errorcodes.DEADLOCK_DETECTED)
CONFLICT_SECONDS = (1, 3)  # to wait for a transaction that was in the way
BUILTINS = "builtins."  # where ValueError is; queue_job leaves it out
SAID_CHARS = 350  # of what an exception says, beside its name and place
MOST_CAUSES = 10  # of an exception that are told
SAFE_EVAL = "/odoo/tools/safe_eval.py"  # which wraps what the code of an action raises
SAY_ALL = (PayloadError, HandlerError)  # in one line; a traceback would only hide it


@dataclass(frozen=True)
class Failure:
    """A handler's exception, in the words of a job.

    :param error: the exception itself.
    :param name: full name of the exception class.
    :param text: one line, with the place where it was raised.
    :param trace: traceback from the handler on, or the one line where that says all.
    :param is_final: whether another run could not help.
    :param seconds: to wait before the next run, if the exception says so.
    :param counts: whether it counts as a run.
    """

    error: BaseException
    name: str
    text: str
    trace: str
    is_final: bool = False
    seconds: int | None = None
    counts: bool = True

    @classmethod
    def of(cls, error: BaseException) -> Failure:
        error = _in_action(error)
        kind = type(error)
        name = full_name(kind)
        said = short_line(error, SAID_CHARS) or kind.__name__
        if isinstance(error, SAY_ALL):
            return cls(error, name, said, said, is_final=True)
        frames = _handler_frames(error)
        text = f"{kind.__name__}: {said}"
        if frames:
            text += f" ({place(frames[-1])})"
        trace = "".join(
            [TRACE_HEAD, *traceback.format_list(frames), f"{kind.__name__}: {said}\n"]
        )
        if is_conflict(error):
            return cls(
                error,
                name,
                text,
                trace,
                seconds=random.randint(*CONFLICT_SECONDS),
                counts=False,
            )
        if isinstance(error, RetryableJobError):
            counts = not error.ignore_retry
            return cls(error, name, text, trace, seconds=error.seconds, counts=counts)
        return cls(error, name, text, trace, is_final=isinstance(error, FailedJobError))


def in_one_line(error: BaseException) -> BaseException:
    """What stands for ``error`` where queue_job logs and stores it: of its name and its
    traceback, with what it says, and what those that led to it say, in one short line.

    They may quote a topic or a payload, say it by a method of their own, and let
    nothing be changed: a device could write lines of its own into the log.
    """
    return _stand_in(_in_action(error), [])


def _stand_in(error: BaseException, seen: list) -> BaseException:
    kind = type(error)
    base = UserError if isinstance(error, UserError) else FailedJobError
    own = type(kind.__name__, (base,), {"__module__": kind.__module__})
    other = own(short_line(error, SAID_CHARS))
    cause = error.__cause__ or (
        None if error.__suppress_context__ else error.__context__
    )
    seen.append(error)
    is_new = cause is not None and all(one is not cause for one in seen)
    other.__cause__ = (
        _stand_in(cause, seen) if is_new and len(seen) < MOST_CAUSES else None
    )
    return other.with_traceback(error.__traceback__)


def _in_action(error: BaseException) -> BaseException:
    """What the code of a server action raised: Odoo wraps it together with all of the
    code.
    """
    while (
        type(error) is ValueError
        and error.__context__ is not None
        and _last_file(error).endswith(SAFE_EVAL)
    ):
        error = error.__context__
    return error


def _last_file(error: BaseException) -> str:
    frames = traceback.extract_tb(error.__traceback__)
    return frames[-1].filename if frames else ""


def full_name(kind: type) -> str:
    """The name of an exception class as queue_job writes it."""
    return f"{kind.__module__}.{kind.__name__}".removeprefix(BUILTINS)


def place(frame: traceback.FrameSummary) -> str:
    """Where a frame is, as a developer looks for it: in which file of which module."""
    file = frame.filename.rpartition("/addons/")[2]
    return f"{file}:{frame.lineno}, {frame.name}"


def shorten(trace: str) -> str:
    """A job's traceback from its handler on: what leads there is always the same."""
    head, mark, last = trace.rpartition("Traceback (most recent call last):\n")
    frames = re.split(r"(?m)^(?=  File \")", last)
    own = [at for at, frame in enumerate(frames) if f'"{OWN_FILES}/' in frame]
    return head + mark + "".join(frames[own[-1] + 1 :] if own else frames)


def describe_failed(exc_name: str, exc_message: object, trace: str) -> str:
    """The words of :meth:`Failure.of`, from what queue_job knows of a job that failed.

    :param exc_name: full name of the exception's class.
    :param exc_message: what it was raised with.
    :param trace: traceback, as :func:`shorten` leaves it.
    """
    last = trace.rpartition('\n  File "')[2]
    found = re.match(r'(?P<file>[^"]+)", line (?P<line>\d+), in (?P<name>.+)', last)
    if not found:
        return short_line(str(exc_message))
    kind = exc_name.rpartition(".")[2]
    # The traceback has what str() makes of the exception, which its arguments may not.
    lines = last.split("\n")[1:]
    said = " ".join(dropwhile(lambda line: line[:1].isspace(), lines))
    said = said.partition(": ")[2] if said.startswith(exc_name + ": ") else ""
    said = short_line(said or str(exc_message)) or kind
    where = f"{found['file'].rpartition('/addons/')[2]}:{found['line']}"
    return f"{kind}: {said} ({where}, {found['name']})"


def _handler_frames(error: BaseException) -> list:
    """The traceback without the frames that only lead to the handler."""
    frames = traceback.extract_tb(error.__traceback__)
    own = [
        index
        for index, frame in enumerate(frames)
        if Path(frame.filename).parent == OWN_FILES
    ]
    return frames[own[-1] + 1 :] or frames[-1:] if own else list(frames)


def is_conflict(error: BaseException) -> bool:
    """Whether another transaction was in the way: only a new one can get by.

    Not a lock that somebody else holds: it need not be in the way of the next message.
    """
    return isinstance(error, OperationalError) and error.pgcode in CONFLICTS


def is_connection_lost(error: BaseException, cr) -> bool:
    """Whether the database went away, and the handler has no part in it."""
    return isinstance(error, OperationalError | InterfaceError) and bool(cr._cnx.closed)


def is_fault_of_database(error: BaseException) -> bool:
    """Whether another try may succeed with the same message: what was in the way is no
    matter of its content.
    """
    if isinstance(error, RetryableJobError | InterfaceError):
        return True
    # Of the operational errors, a limit that is exceeded has to do with the content.
    exceeded = str(getattr(error, "pgcode", None) or "").startswith("54")
    return isinstance(error, OperationalError) and not exceeded


# Exceptions of a connection that broke under a job. queue_job retries conflicts
# between transactions by itself; these it fails at once.
DATABASE_AWAY = (
    *(
        f"psycopg2.{error.__name__}"
        for error in (psycopg2.OperationalError, psycopg2.InterfaceError)
    ),
    "psycopg2.errors.AdminShutdown",
    "psycopg2.errors.CrashShutdown",
    "psycopg2.errors.CannotConnectNow",
    "psycopg2.errors.IdleInTransactionSessionTimeout",
)
