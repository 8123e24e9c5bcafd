# Copyright 2026 mqtt_listener contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""Threads whose unexpected end is in Odoo's log: Python writes it to stderr alone."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import TypeVar

from ..mqtt.log import get_logger

_logger = get_logger(__name__)
Owner = TypeVar("Owner")


def guarded(run: Callable[[Owner], None]) -> Callable[[Owner], None]:
    """Log what ends a thread's ``run``; who watches the thread starts another."""

    @functools.wraps(run)
    def wrapped(self: Owner) -> None:
        try:
            run(self)
        except Exception:
            _logger.exception("%s ends: unexpected error", type(self).__name__)

    return wrapped
