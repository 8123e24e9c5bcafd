# Copyright 2026 mqtt_listener contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""One address for the browser, as a reverse proxy gives it in production.

Odoo's prefork server answers websockets on a port of its own, and a browser asks
for them where the page came from. This passes ``/websocket`` on to that port and
everything else to the HTTP workers, one request a connection, as they close it
after each anyway.

    python -m dev.proxy 8069 8269 9269     # listen, HTTP workers, websockets
"""

import asyncio
import contextlib
import os
import re
import socket
import sys
from pathlib import Path

from . import paths
from .process import Server, lease_port

HEAD_LIMIT = 64 * 1024
KEEP_ALIVE = re.compile(rb"\r\nConnection: *keep-alive", re.IGNORECASE)


class Proxy(Server):
    """The proxy before an Odoo server."""

    name = "proxy"

    def __init__(
        self, directory: Path, odoo: Server, port: int = 8069, *, outlive: bool = False
    ) -> None:
        super().__init__(directory, outlive=outlive)
        self._odoo = odoo
        self._wanted = port
        self._port_file = self.directory / "port"

    @property
    def port(self) -> int:
        """The port that a browser is given."""
        return int(self._port_file.read_text())

    @property
    def url(self) -> str:
        """Where a browser finds Odoo."""
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> "Proxy":
        if not self.is_running():
            self._port_file.write_text(str(lease_port(self._wanted)))
            super().start()
        return self

    def command(self) -> list[str]:
        ports = self.port, self._odoo.port, self._odoo.gevent_port
        script = [sys.executable, "-m", "dev.proxy", *map(str, ports)]
        return [*script, str(self.directory)]

    def environment(self) -> dict[str, str]:
        return {**os.environ, "PYTHONPATH": str(paths.CHECKOUT)}

    def is_ready(self) -> bool:
        try:
            socket.create_connection(("127.0.0.1", self.port), timeout=2).close()
        except OSError:
            return False
        return True


async def _pour(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Pass on what comes, until it ends."""
    with contextlib.suppress(ConnectionError):
        while chunk := await reader.read(HEAD_LIMIT):
            writer.write(chunk)
            await writer.drain()
        writer.write_eof()


async def _serve(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, http: int, ws: int
) -> None:
    """Handle one request of a browser."""
    try:
        head = await reader.readuntil(b"\r\n\r\n")
        is_websocket = head.split(b" ", 2)[1].startswith(b"/websocket")
        if not is_websocket:
            head = KEEP_ALIVE.sub(b"\r\nConnection: close", head)
        port = ws if is_websocket else http
        theirs, ours = await asyncio.open_connection("127.0.0.1", port)
        ours.write(head)
        upwards = asyncio.create_task(_pour(reader, ours))
        await _pour(theirs, writer)
        upwards.cancel()
        ours.close()
    except (OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
        pass  # the browser or Odoo is gone: closing is the answer
    finally:
        writer.close()


async def _listen(port: int, http: int, ws: int) -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await _serve(reader, writer, http, ws)

    server = await asyncio.start_server(serve, "127.0.0.1", port, limit=HEAD_LIMIT)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(_listen(*map(int, sys.argv[1:4])))
