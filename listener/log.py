"""The listener's loggers: one line for each record, whatever a broker says in it."""

from __future__ import annotations

import logging

from ..mqtt.payload import one_line


def get_logger(name: str) -> logging.Logger:
    """A logger whose messages cannot be mistaken for others that follow them."""
    logger = logging.getLogger(name)
    if _flatten not in logger.filters:
        logger.addFilter(_flatten)
    return logger


def _flatten(record: logging.LogRecord) -> bool:
    # Before the handlers see it: they format the traceback below by themselves.
    record.msg, record.args = one_line(record.getMessage()), None
    return True
