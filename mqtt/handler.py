# Copyright 2026 mqtt_listener contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""Declaring a method as the handler of a topic pattern, or of responses.

The decorator only leaves a note on the function. It is read, checked and registered
when Odoo's registry loads, when it is known which model the method belongs to.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, TypeVar

from .pattern import TopicPattern
from .topic import TopicError

DEFAULT_CHANNEL = "root.mqtt.dispatch"  # complete name of the queue_job channel
DECLARING = object()  # in the context of the registry's own writes: none can send it
DIRECTIONS = ("receive", "send", "both")
_NOTE = "_mqtt_handlers"
_RESPONSE_NOTE = "_mqtt_response"
Method = TypeVar("Method", bound=Callable[..., Any])
_noted_names: set[str] = set()  # of all functions that were ever decorated


class DeclarationError(ValueError):
    """A handler's declaration cannot work; the text says which one, and why."""


@dataclass(frozen=True)
class HandlerOptions:
    """What :func:`mqtt_handler` was given; see there."""

    pattern: str
    batch: bool = False
    ordered: bool = False
    subscribe: bool = False
    channel: str | None = None
    priority: int | None = None
    max_retries: int | None = None
    retry_pattern: dict[int, Any] | None = None
    service: str | None = None
    direction: str = "receive"


def mqtt_handler(pattern: str, **options: Any) -> Callable[[Method], Method]:
    """Declare a method of a model as the handler of a topic pattern.

    Called as ``method(message, **named_levels)`` in a job worker, on the empty
    recordset of its model, with a record of ``mqtt.signal.history``. What it writes is
    committed once, however often the job runs; what it does outside of the database
    may be repeated.

    An overriding method keeps the declaration; one with a decorator of its own
    replaces it. A mixin's handler runs for each model that uses the mixin.

    :param pattern: topic filter whose levels may be named: ``plant/{line}/state``,
        ``plant/{rest#}``. Names become keyword arguments.
    :param batch: call it once for many messages, a recordset in the order of
        reception; each named level is then a list with a value for each message.
    :param ordered: the messages of one topic one after the other, in the order of
        reception; one that fails holds back those of its topic.
    :param subscribe: have the services subscribe to the pattern's filter.
    :param channel: complete name of the queue_job channel, ``root.mqtt.dispatch``.
    :param priority: of its jobs, 10; smaller is earlier.
    :param max_retries: runs in all before a message counts as failed, 5; 0 is no limit.
    :param retry_pattern: seconds to wait after so many runs, ``{1: 10, 3: 60}``, or
        a range to choose from, ``{1: (5, 15)}``.
    :param service: name or XML ID of the only service whose messages it gets.
    :param direction: ``receive``, ``send`` or ``both``.
    """
    known = HandlerOptions(pattern, **options)

    def note(method: Method) -> Method:
        setattr(method, _NOTE, (known, *getattr(method, _NOTE, ())))
        _noted_names.add(method.__name__)
        return method

    return note


def declared(model: type) -> Iterator[tuple[str, tuple[HandlerOptions, ...]]]:
    """The handlers of a class: method names, and the options of each decorator."""
    for name in sorted(_noted_names):
        for parent in model.__mro__:
            options = getattr(parent.__dict__.get(name), _NOTE, None)
            if options:
                yield name, options
                break


def check(options: HandlerOptions, method: Callable[..., Any]) -> None:
    """:raise DeclarationError: when the method could never be called, saying why."""
    _check_types(options)
    try:
        pattern = TopicPattern(options.pattern)
    except TopicError as error:
        raise DeclarationError(describe_pattern_error(error.code)) from error
    for is_wrong, what in (
        (inspect.iscoroutinefunction, "a coroutine function"),
        (inspect.isgeneratorfunction, "a generator function"),
        (inspect.isasyncgenfunction, "an asynchronous generator function"),
    ):
        if is_wrong(inspect.unwrap(method)):
            raise DeclarationError(f"it is {what}, whose body a call does not run")
    try:
        inspect.signature(method).bind(
            None, None, **{name: None for name in pattern.names}
        )
    except TypeError as error:
        raise DeclarationError(
            f"it has to take a message and {', '.join(pattern.names) or 'nothing else'}"
            f" ({error})"
        ) from error
    _check_numbers(options)


def _check_types(options: HandlerOptions) -> None:
    for name, kinds in {
        "pattern": str,
        "batch": bool,
        "ordered": bool,
        "subscribe": bool,
        "channel": str | None,
        "service": str | None,
        "direction": str,
    }.items():
        if not isinstance(getattr(options, name), kinds):
            raise DeclarationError(f"{name} has to be {_KIND_NAMES[kinds]}")


_KIND_NAMES = {str: "text", bool: "True or False", str | None: "text"}


def _check_numbers(options: HandlerOptions) -> None:
    if options.direction not in DIRECTIONS:
        raise DeclarationError(f"direction has to be one of {', '.join(DIRECTIONS)}")
    for name in ("priority", "max_retries"):
        value = getattr(options, name)
        if value is not None and (type(value) is not int or not 0 <= value < 2**31):
            raise DeclarationError(f"{name} has to be a whole number, 0 or more")
    if options.channel is not None and not str(options.channel).startswith("root"):
        raise DeclarationError("channel has to be a complete name: root.…")
    if options.retry_pattern is not None:
        check_retry_pattern(options.retry_pattern)


def check_retry_pattern(pattern: object) -> None:
    """:raise DeclarationError: unless it maps runs (from 1) to seconds or ranges."""
    if not isinstance(pattern, dict) or not all(
        type(runs) is int and runs > 0 and _are_seconds(seconds)
        for runs, seconds in pattern.items()
    ):
        raise DeclarationError(
            "retry_pattern has to look like {1: 10, 3: 60} or {1: (5, 15)}: runs and "
            "the seconds to wait after them"
        )


def _are_seconds(value: object) -> bool:
    if isinstance(value, list | tuple):
        return (
            len(value) == 2 and all(map(_are_seconds, value)) and value[0] <= value[1]
        )
    return type(value) is int and 0 <= value <= 31_536_000  # a year


def describe_pattern_error(code: str) -> str:
    """The rule that a topic pattern breaks, for developers (not translated)."""
    return {
        "empty": "the pattern is empty",
        "nul": "the pattern holds a NUL character",
        "not_utf8": "the pattern is no valid text",
        "too_long": "the pattern has more than 65,535 bytes",
        "plus": "+ has to stand alone between two slashes",
        "hash": "# has to stand alone after the last slash",
        "share": "a shared subscription belongs to a service, not to a pattern",
        "shared": "a shared subscription belongs to a service, not to a pattern",
        "braces": "a name in braces has to stand alone between two slashes",
        "name": "a name in braces has to be a Python identifier that is no keyword, "
        "nor self, message or messages",
        "twice": "a name stands in it twice",
        "tail": "{name#} has to be the last level",
    }[code]


def mqtt_response(method: Method) -> Method:
    """Declare a method of a model as one that ``mqtt_request`` may be given.

    What a request names is stored, and may come through RPC: only what its author meant
    to be called that way is.

    Called as ``method(message)`` in a job worker, on the records that asked: with the
    answer, a record of ``mqtt.signal.history``, or with the empty recordset when none
    came in time. What it writes is committed once. An overriding method keeps the
    declaration.
    """
    setattr(method, _RESPONSE_NOTE, True)
    return method


def is_response(model: type, name: str) -> bool:
    """Whether a class or one that it inherits from declares this method so."""
    return any(
        getattr(parent.__dict__.get(name), _RESPONSE_NOTE, False)
        for parent in model.__mro__
    )
