"""What a handler's exception means for its message: to try again, or not."""

from __future__ import annotations

import random
import re
import traceback
from contextlib import suppress
from dataclasses import dataclass
from itertools import dropwhile
from pathlib import Path

import psycopg2
from psycopg2 import InterfaceError, OperationalError, errorcodes

from odoo.addons.queue_job.exception import FailedJobError, RetryableJobError

from ..mqtt.payload import PayloadError, one_line
from .guard import HandlerError

OWN_FILES = Path(__file__).parent
CONFLICTS = (errorcodes.SERIALIZATION_FAILURE, errorcodes.DEADLOCK_DETECTED)
CONFLICT_SECONDS = (1, 3)  # to wait for a transaction that was in the way
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
        kind = type(error)
        name = full_name(kind)
        said = one_line(" ".join(str(error).split())) or kind.__name__
        if isinstance(error, SAY_ALL):
            return cls(error, name, said, said, is_final=True)
        frames = _handler_frames(error)
        text = f"{kind.__name__}: {said}"
        if frames:
            text += f" ({place(frames[-1])})"
        trace = "".join(
            [
                "Traceback (most recent call last):\n",
                *traceback.format_list(frames),
                *traceback.format_exception_only(error),
            ]
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
    """``error``; the texts it was raised with, and those that led to it, made one line
    each, where they can be.

    They may quote a topic or a payload, and queue_job logs the traceback as it is: a
    device could write lines of its own into the log.
    """
    told, one = [], error
    while one is not None and one not in told:
        with suppress(AttributeError, TypeError):  # some let nothing be changed
            one.args = tuple(
                one_line(value) if isinstance(value, str) else value
                for value in one.args
            )
        told.append(one)
        one = one.__cause__ or one.__context__
    return error


def full_name(kind: type) -> str:
    """The name of an exception class as queue_job writes it."""
    return f"{kind.__module__}.{kind.__name__}".removeprefix("builtins.")


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
        return one_line(" ".join(str(exc_message).split()))
    kind = exc_name.rpartition(".")[2]
    # The traceback has what str() makes of the exception, which its arguments may not.
    lines = last.split("\n")[1:]
    said = " ".join(dropwhile(lambda line: line[:1].isspace(), lines))
    said = said.partition(": ")[2] if said.startswith(exc_name + ": ") else ""
    said = one_line(" ".join((said or str(exc_message)).split())) or kind
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
