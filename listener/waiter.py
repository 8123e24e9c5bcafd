# Copyright 2026 mqtt_listener contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""Waiting for a socket, for another thread, or for time to pass."""

from __future__ import annotations

import contextlib
import selectors
import socket
from collections.abc import Iterator
from typing import Protocol


class Selectable(Protocol):
    """A socket, or what paho has in its place."""

    def fileno(self) -> int: ...


class Waiter:
    """What one thread waits with; others wake it.

    :meth:`wake` may be called by every thread, all else by the one that waits.
    """

    _selector: selectors.BaseSelector  # while :meth:`watching` is entered

    def __init__(self) -> None:
        self._reader, self._writer = socket.socketpair()
        self._reader.setblocking(False)
        self._writer.setblocking(False)

    def wake(self) -> None:
        """End the wait that goes on, or the next."""
        # Full: it is awake already. Closed: it has ended.
        with contextlib.suppress(OSError):
            self._writer.send(b"\0")

    def close(self) -> None:
        """Wait no more."""
        self._reader.close()
        self._writer.close()

    @contextlib.contextmanager
    def watching(self) -> Iterator[None]:
        """While it is entered, :meth:`wait` may be called with one connection's
        socket.
        """
        with selectors.DefaultSelector() as self._selector:
            self._selector.register(self._reader, selectors.EVENT_READ)
            yield
        del self._selector

    def wait(self, sock: Selectable, events: int, seconds: float) -> tuple[bool, bool]:
        """Wait for a socket or a wake-up, at most so many seconds.

        :param events: a mask of ``selectors``; 0: the socket is not waited for.
        :return: whether this was woken, and whether the socket can be read.
        """
        self._watch(sock, events)
        ready = {key.fileobj: mask for key, mask in self._selector.select(seconds)}
        is_woken = self._reader in ready
        if is_woken:
            self._forget_wakes()
        return is_woken, bool(ready.get(sock, 0) & selectors.EVENT_READ)

    def sleep(self, seconds: float | None) -> None:
        """Wait for a wake-up, at most so many seconds; ``None``: however long."""
        with selectors.DefaultSelector() as selector:
            selector.register(self._reader, selectors.EVENT_READ)
            selector.select(seconds)
        self._forget_wakes()

    def _forget_wakes(self) -> None:
        with contextlib.suppress(BlockingIOError):
            self._reader.recv(4096)

    def _watch(self, sock: Selectable, events: int) -> None:
        known = self._selector.get_map().get(sock)
        if known is None:
            if events:
                self._selector.register(sock, events)
        elif not events:
            self._selector.unregister(sock)
        elif known.events != events:
            self._selector.modify(sock, events)
