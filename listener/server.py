# Copyright 2026 mqtt_listener contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""Starts the listener with an Odoo server: the only file that touches its classes.

What is it? The door through which the listener enters a server process. In the threaded
server it is a thread. In the prefork server it is a worker process of its own: HTTP
workers are recycled, and a thread in one dies without a word. ``odoo mqtt_listener``
(``cli/``) runs the same node alone.

How does it work? Odoo has hooks for stopping (``CommonServer.on_stop``,
``Worker.stop``), none for starting: ``ThreadedServer.start`` and
``PreforkServer.process_spawn`` are wrapped, once, in ``post_load``, which runs before
the server object is made.
"""

from __future__ import annotations

import contextlib
import ctypes
import functools
import selectors
import threading
from collections.abc import Callable
from typing import Any

from odoo.service import server
from odoo.tools import config

from ..mqtt.log import get_logger
from .node import Node
from .node_settings import NodeSettings
from .supervisor import STOP_TIMEOUT

_logger = get_logger(__name__)

STACK_BYTES = 1024 * 1024  # of a thread; 8 MiB by default
M_ARENA_MAX = -8  # of glibc's mallopt(3)
ARENAS = 2  # of malloc, of 64 MiB each; 8 for each processor by default


class WorkerMqtt(server.Worker):  # type: ignore[misc]  # Odoo has no types
    """The worker process of the prefork server that listens.

    Nothing is opened before the fork. The work is done by threads; this process only
    returns within a beat, so that Odoo's watchdog and limits go on working.
    """

    def start(self) -> None:
        super().start()
        if self.multi.socket:
            self.multi.socket.close()  # HTTP is for others
        _reserve_little()
        self._node = Node(NodeSettings.from_config())
        self._thread = threading.Thread(
            target=self._node.run, name="mqtt-node", daemon=True
        )
        self._thread.start()

    def sleep(self) -> None:
        with selectors.DefaultSelector() as selector:  # any descriptor, not 1,024
            selector.register(self.wakeup_fd_r, selectors.EVENT_READ)
            selector.select(self.multi.beat)
        server.empty_pipe(self.wakeup_fd_r)

    def process_work(self) -> None:
        """The threads work; a node that died takes its process with it."""
        if not self._thread.is_alive():
            _logger.error("the listener died; its process starts again")
            self.alive = False

    def stop(self) -> None:
        self._node.stop()
        self._thread.join(STOP_TIMEOUT)
        super().stop()


def _reserve_little() -> None:
    """Have many threads reserve little memory: ``limit_memory_soft`` counts what is
    reserved, not what is used, and would end the process with some 50 services.
    """
    threading.stack_size(STACK_BYTES)
    with contextlib.suppress(AttributeError, OSError):  # the C library is not glibc
        ctypes.CDLL(None).mallopt(M_ARENA_MAX, ARENAS)


def post_load() -> None:
    """Have the servers of this process start the listener. Called by Odoo, once."""
    if config["test_enable"] or not _is_enabled():
        return
    _wrap(server.ThreadedServer, "start", _start_in_threaded_server)
    _wrap(server.PreforkServer, "process_spawn", _start_in_prefork_server)


def _is_enabled() -> bool:
    try:
        enabled = NodeSettings.from_config().enabled
    except ValueError as error:
        _logger.error("the listener does not start: %s", error)
        return False
    if not enabled:
        _logger.info("the listener is disabled on this node")
    return enabled


def _wrap(server_class: type, name: str, then: Callable[..., None]) -> None:
    """Have ``then(server, **kwargs)`` called after each call of a server's method."""
    original = getattr(server_class, name)

    @functools.wraps(original)
    def wrapped(self: Any, *args: Any, **kwargs: Any) -> Any:
        result = original(self, *args, **kwargs)
        then(self, *args, **kwargs)
        return result

    setattr(server_class, name, wrapped)


def _start_in_threaded_server(
    _server: server.ThreadedServer, stop: bool = False
) -> None:
    if stop or config["stop_after_init"]:
        return
    node = Node(NodeSettings.from_config())
    thread = threading.Thread(target=node.run, name="mqtt-node", daemon=True)

    def stop_node() -> None:
        node.stop()
        thread.join(STOP_TIMEOUT)

    server.CommonServer.on_stop(stop_node)
    thread.start()


def _start_in_prefork_server(prefork: server.PreforkServer) -> None:
    if not any(isinstance(worker, WorkerMqtt) for worker in prefork.workers.values()):
        prefork.worker_spawn(WorkerMqtt, {})
