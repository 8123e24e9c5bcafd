# Copyright 2026 mqtt_listener contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""Loggers whose records are one short line each, whatever a device says in it."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from .wording import LOG_CHARS, format_error, short_line

_here = threading.local()


def get_logger(name: str) -> logging.Logger:
    """A logger whose messages cannot be mistaken for others that follow them."""
    logger = logging.getLogger(name)
    if _flatten not in logger.filters:
        logger.addFilter(_flatten)
    return logger


@contextmanager
def flattened(name: str) -> Iterator[None]:
    """While it is entered, what this thread logs there is one short line each.

    :param name: of a logger that is not ours: Odoo's logs the statements that fail,
        with the payloads in them.
    """
    logger = logging.getLogger(name)
    if _flatten_here not in logger.filters:
        logger.addFilter(_flatten_here)
    before: frozenset[str] = getattr(_here, "names", frozenset())
    _here.names = before | {name}
    try:
        yield
    finally:
        _here.names = before


def _flatten(record: logging.LogRecord) -> bool:
    # Before the handlers see it: they format tracebacks by themselves, once.
    record.msg, record.args = short_line(record.getMessage(), LOG_CHARS), None
    if isinstance(record.exc_info, tuple) and record.exc_info[1] is not None:
        record.exc_text = format_error(record.exc_info[1]).rstrip("\n")
    return True


def _flatten_here(record: logging.LogRecord) -> bool:
    return record.name not in getattr(_here, "names", ()) or _flatten(record)
