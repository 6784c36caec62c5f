"""Connections: limits the idle connections of a server."""

import asyncio
import contextlib
from collections.abc import Iterator

from aiohttp import web

_MOST_WAITING = 32
_PATIENCE = 15.0  # Seconds until an idle connection is closed.


class Connections:
    """Accepts connections, and limits those that do not watch the run.

    Such a connection is closed after some seconds, or when there are too many.
    Otherwise clients could use up the file descriptors, which cameras need.
    Connections that watch the run stay open.

    Args:
        server: The server, which makes a handler for each connection.
    """

    def __init__(self, server: web.Server):
        self._server = server
        self._waiting: dict[asyncio.BaseProtocol, asyncio.Transport] = {}

    def admit(self, transport: asyncio.Transport) -> None:
        """Takes a new connection and gives it a handler."""
        handler = self._server()
        transport.set_protocol(handler)
        handler.connection_made(transport)
        self._wait(handler, transport)

    @contextlib.contextmanager
    def watching(self, request: web.Request) -> Iterator[None]:
        """A context in which the connection of a request stays open."""
        transport = self._waiting.pop(request.protocol, None)
        try:
            yield
        finally:
            if transport is not None:
                self._wait(request.protocol, transport)

    def _wait(self, handler, transport):
        self._waiting = {
            waiting: its_transport
            for waiting, its_transport in self._waiting.items()
            if not its_transport.is_closing()
        }
        if len(self._waiting) >= _MOST_WAITING:
            self._drop(next(iter(self._waiting)))
        self._waiting[handler] = transport
        loop = asyncio.get_running_loop()
        loop.call_later(_PATIENCE, self._drop, handler)

    def _drop(self, handler):
        if handler in self._waiting:
            self._waiting.pop(handler).abort()


class Entrance(asyncio.Protocol):
    """Passes each new connection to `Connections`."""

    def __init__(self, connections: Connections):
        self._connections = connections

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Admits a connection; asyncio calls this."""
        assert isinstance(transport, asyncio.Transport)
        self._connections.admit(transport)
