"""Declaring a method as one that answers are given to.

What a request names is stored, and may come through RPC: only what its author meant to
be called that way is.
"""

from __future__ import annotations

from collections.abc import Callable

_NOTE = "_mqtt_response"


def mqtt_response(method: Callable) -> Callable:
    """Declare a method of a model as one that ``mqtt_request`` may be given.

    Called as ``method(message)`` in a job worker, on the records that asked: with the
    answer, a record of ``mqtt.signal.history``, or with the empty recordset when none
    came in time. What it writes is committed once. An overriding method keeps the
    declaration.
    """
    setattr(method, _NOTE, True)
    return method


def is_response(model: type, name: str) -> bool:
    """Whether a class or one that it inherits from declares this method so."""
    return any(
        getattr(parent.__dict__.get(name), _NOTE, False) for parent in model.__mro__
    )
