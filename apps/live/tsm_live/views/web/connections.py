"""Connections: a bound on the connections of a server that only wait."""

import asyncio
import contextlib
from collections.abc import Iterator

from aiohttp import web

_MOST_WAITING = 32
_PATIENCE = 15.0  # Seconds until a page must have been asked for and sent.


class Connections:
    """Accepts connections; those that only wait are few and do not last.

    A connection may wait for a limited time, and a new one closes the oldest
    of too many. So nobody can use up the file descriptors of a run, which its
    cameras need. A connection that watches the run may stay.

    Args:
        server: Makes the handler of each connection.
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
        """A context in which the connection of a request may stay."""
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
    """Hands each new connection over to `Connections`."""

    def __init__(self, connections: Connections):
        self._connections = connections

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Is called by asyncio."""
        assert isinstance(transport, asyncio.Transport)
        self._connections.admit(transport)
