# Copyright 2026 mqtt_listener contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""Whose fault it is that a batch cannot be committed."""

from __future__ import annotations

from collections.abc import Iterable

from ..mqtt.message import Message
from .bridge import DATABASE_AWAY, TOO_MUCH
from .enqueuing import is_broken


def is_away(error: Exception, messages: Iterable[Message] = ()) -> bool:
    """Whether it is the database's, so that the same batch is to be tried again.

    :param messages: of the batch. Where one of them is large, lack of memory is its
        fault, and so is the end of the server's process; else it is anybody's.
    """
    if isinstance(error, TOO_MUCH) or is_broken(error):
        return not any(message.is_large for message in messages)
    return isinstance(error, DATABASE_AWAY)


def lighter(message: Message) -> Message | None:
    """The message without its payload, if that can be more than there is memory for."""
    return message.without_payload() if message.is_large else None
