# Copyright 2026 mqtt_listener contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""Make the jobs that store without the ORM, which costs more than to run them."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, TypedDict

from .enqueuing import Enqueuing

MOST = 64  # sets of services; hundreds of services hardly ever make the same one again


class JobsMade(TypedDict):
    """What :meth:`Bridge.enqueue_jobs` did.

    :ivar waiting: services whose messages are left to jobs that wait already.
    :ivar seconds: that such jobs lately took on average, ``None`` where there are none.
    """

    waiting: Collection[int]
    seconds: float | None


class Templates:
    """What jobs are made with, for as long as nothing changes in the database.

    A set of services gets its template when it is asked for a second time.

    :param enqueuing: makes the jobs.
    """

    def __init__(self, enqueuing: Enqueuing):
        self._enqueuing = enqueuing
        self._version: object = None
        self._known: dict[tuple[int, ...], dict[str, Any] | None] = {}

    def make_job(
        self, version: object, service_ids: tuple[int, ...]
    ) -> JobsMade | None:
        """Have a job store what waits of these services, as far as one is needed.

        :param version: of the registry and its caches: with another, all may differ.
        :return: ``None`` when ``_listener_enqueue_jobs`` has to be called.
        """
        if version != self._version or len(self._known) > MOST:
            self._version = version
            self._known.clear()
        template = self._known.get(service_ids)
        if not template:
            return None
        answer = self._enqueuing.make_job(**template)
        if answer is None:
            self._known[service_ids] = {}  # until something changes
            return None
        waiting, is_current, is_left, seconds = answer
        if not is_current:
            self._known[service_ids] = None
        if waiting and (not is_current or waiting < len(service_ids)):
            return None
        left = service_ids if waiting and is_left else ()
        return {"waiting": left, "seconds": seconds}

    def is_wanted(self, service_ids: tuple[int, ...]) -> bool:
        """Whether a template would be used; the first time, these are noted."""
        is_known = service_ids in self._known
        return self._known.setdefault(service_ids, None) is None and is_known

    def put(
        self, service_ids: tuple[int, ...], template: dict[str, Any] | None
    ) -> None:
        """:param template: empty where jobs are not made with one."""
        self._known[service_ids] = template or {}
