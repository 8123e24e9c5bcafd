# Copyright 2026 mqtt_listener contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""A TCP connection that can be broken in every way: a proxy of the tests' own."""

import asyncio
import socket
import threading
from collections.abc import Callable

CHUNK = 64 * 1024
UP, DOWN = "up", "down"  # from the client to the server, and back


class Link:
    """Passes TCP connections on to a server, until it is told not to.

    :param host: of the server.
    :param port: of the server.
    """

    def __init__(self, host: str, port: int) -> None:
        self._target = host, port
        self.host = "127.0.0.1"
        self._loop = asyncio.new_event_loop()
        self._open = {UP: asyncio.Event(), DOWN: asyncio.Event()}
        self._rate: float | None = None  # bytes a second, each way
        self._delay = 0.0
        self._connections: dict[asyncio.Task, tuple] = {}
        self._accepting = asyncio.Event()
        for event in (*self._open.values(), self._accepting):
            event.set()
        listening = socket.create_server((self.host, 0), backlog=100)
        self.port = listening.getsockname()[1]
        self._thread = threading.Thread(target=self._run, args=[listening], daemon=True)
        self._thread.start()

    # Breaking it

    def cut(self) -> None:
        """Break all connections at once, both ways; new ones pass."""
        self._do(self._abort, True, True)

    def stall(self, *ways: str) -> None:
        """Let nothing pass in these directions; no one is told."""
        self._do(lambda: [self._open[way].clear() for way in ways])

    def isolate(self) -> None:
        """As a cable that is pulled: nothing passes, new connections get no answer."""

        def pull() -> None:
            self._accepting.clear()
            for event in self._open.values():
                event.clear()

        self._do(pull)

    def drop_server_side(self) -> None:
        """Close towards the server only, as its TCP keepalive does after a while."""
        self._do(self._abort, False, True)

    def slow(self, rate: float, delay: float) -> None:
        """So many bytes a second each way, each chunk later by ``delay`` seconds."""
        self._rate, self._delay = rate, delay

    def heal(self) -> None:
        """Pass everything again; what was broken stays so, what was stalled is cut."""

        def heal() -> None:
            stalled = not all(
                event.is_set() for event in (*self._open.values(), self._accepting)
            )
            for event in (*self._open.values(), self._accepting):
                event.set()
            if stalled:
                self._abort(True, True)

        self._rate, self._delay = None, 0.0
        self._do(heal)

    def close(self) -> None:
        """End it."""
        self._do(self._loop.stop)

    # Passing on

    def _do(self, action: Callable, *arguments: object) -> None:
        self._loop.call_soon_threadsafe(action, *arguments)

    def _run(self, listening: socket.socket) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_until_complete(
            asyncio.start_server(self._serve, sock=listening, limit=CHUNK)
        )
        self._loop.run_forever()

    async def _serve(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        await self._accepting.wait()
        try:
            theirs, ours = await asyncio.open_connection(*self._target)
        except OSError:
            writer.transport.abort()
            return
        task = asyncio.current_task()
        self._connections[task] = (writer, ours)
        pours = [
            asyncio.ensure_future(self._pour(reader, ours, UP)),
            asyncio.ensure_future(self._pour(theirs, writer, DOWN)),
        ]
        try:
            await asyncio.gather(*pours)
        except OSError:  # what breaks on one side breaks on the other
            for end in (writer, ours):
                end.transport.abort()
        finally:
            del self._connections[task]
            for pour in pours:
                pour.cancel()
            for end in (writer, ours):
                end.close()

    async def _pour(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, way: str
    ) -> None:
        while chunk := await reader.read(CHUNK):
            if self._rate:
                await asyncio.sleep(self._delay + len(chunk) / self._rate)
            await self._open[way].wait()
            writer.write(chunk)
            await writer.drain()
        writer.write_eof()

    def _abort(self, client: bool, server: bool) -> None:
        for to_client, to_server in list(self._connections.values()):
            if client:
                to_client.transport.abort()
            if server:
                to_server.transport.abort()
