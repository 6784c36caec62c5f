"""WebView: shows a live run in browsers."""

import asyncio
import collections
import contextlib
import importlib.resources
import logging
import secrets
import threading

from aiohttp import WSMsgType, web
from aiohttp.http import HttpProcessingError

from tsm_live.live.live_state import Command, LiveState
from tsm_live.views.web.access import Access, new_token
from tsm_live.views.web.address import listen, public_url
from tsm_live.views.web.connections import Connections, Entrance
from tsm_live.views.web.message import encode_message

_MOST_VIEWERS = 16
_IN_FLIGHT = 2  # Messages to a viewer that it has not shown yet.
_HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}


class WebView:
    """Shows a live run in browsers and takes commands from them.

    The server runs in a thread. It encodes a state once for all viewers, and
    not at all while nobody watches. A slow viewer gets fewer states, but always
    the latest one.

    Attributes:
        url: The address to open, with the token.
    """

    def __init__(
        self,
        port: int,
        *,
        host: str = "127.0.0.1",
        token: str | None = None,
        origin: str | None = None,
    ):
        """Starts the server.

        Args:
            port: The port; 0 picks a free one.
            host: The name or address to bind to; `"0.0.0.0"` means all
                addresses of this machine.
            token: The token that viewers must send; by default a random one.
            origin: The address of the page behind a proxy; see `Access`.

        Raises:
            ValueError: If an argument is not valid.
            OSError: If the port is in use, or the host is not this machine.
        """
        token = new_token() if token is None else token
        Access(token, "", origin)  # Raises before a socket is opened.
        listener = listen(host, port)
        port = listener.getsockname()[1]
        # The name has the port, because all ports of a host share cookies.
        self._access = Access(token, f"tsm_live_{port}", origin)
        self.url = public_url(host, port, token)
        self._state: LiveState | None = None
        self._encoded: tuple[LiveState, asyncio.Future] | None = None
        self._commands: collections.deque[Command] = collections.deque(
            maxlen=100
        )
        self._viewers: set[web.WebSocketResponse] = set()
        self._page = (
            importlib.resources.files("tsm_live.views.web")
            .joinpath("page.html")
            .read_text(encoding="utf-8")
        )
        self._loop = asyncio.new_event_loop()
        self._fresh = asyncio.Event()
        self._runner = web.AppRunner(
            self._application(),
            access_log=None,
            logger=_logger(),
            shutdown_timeout=1.0,
        )
        self._loop.run_until_complete(self._start(listener))
        self._thread = threading.Thread(
            target=self._loop.run_forever, name="tsm-live-web", daemon=True
        )
        self._thread.start()

    def show(self, state: LiveState) -> None:
        """Sets the state that viewers get next."""
        self._state = state
        if self._viewers:
            self._loop.call_soon_threadsafe(self._notify)

    def poll(self) -> list[Command]:
        """Returns the commands of the viewers since the last poll."""
        return [self._commands.popleft() for _ in range(len(self._commands))]

    def close(self) -> None:
        """Tells the viewers that the run has ended, and stops serving."""
        if self._loop.is_closed():
            return
        asyncio.run_coroutine_threadsafe(self._stop(), self._loop).result(10)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def _application(self):
        application = web.Application(middlewares=[self._guard])
        application.on_response_prepare.append(_add_headers)
        application.router.add_get("/", self._serve_page)
        application.router.add_get("/live", self._serve_viewer)
        return application

    async def _start(self, listener):
        await self._runner.setup()
        assert self._runner.server is not None
        self._connections = Connections(self._runner.server)
        self._server = await self._loop.create_server(
            lambda: Entrance(self._connections),
            sock=listener,
            backlog=8,  # asyncio accepts so many connections at once.
        )

    async def _stop(self):
        self._server.close()
        goodbyes = (self._say_goodbye(viewer) for viewer in self._viewers)
        await asyncio.gather(*goodbyes)
        await self._runner.cleanup()
        await self._loop.shutdown_default_executor()

    async def _say_goodbye(self, viewer):
        # Waits at most a second for the answer.
        with contextlib.suppress(asyncio.TimeoutError, ConnectionError):
            await asyncio.wait_for(viewer.close(message=b"ended"), 1.0)

    def _notify(self):
        self._fresh.set()
        self._fresh = asyncio.Event()

    @web.middleware
    async def _guard(self, request, handler):
        refusal = self._access.refusal(request)
        if refusal is not None:
            return web.Response(status=403, text=refusal)
        return await handler(request)

    async def _serve_page(self, request):
        nonce = secrets.token_urlsafe(16)
        response = web.Response(
            text=self._page.replace("NONCE", nonce),
            content_type="text/html",
            headers={
                "Content-Security-Policy": (
                    f"default-src 'none'; script-src 'nonce-{nonce}'; "
                    f"style-src 'nonce-{nonce}'; img-src data:; "
                    "connect-src 'self'; base-uri 'none'; form-action 'none'; "
                    "frame-ancestors 'none'"
                )
            },
        )
        response.set_cookie(
            self._access.cookie,
            self._access.token,
            httponly=True,
            samesite="Strict",
        )
        return response

    async def _serve_viewer(self, request):
        if len(self._viewers) >= _MOST_VIEWERS:
            raise web.HTTPServiceUnavailable(
                text=f"{_MOST_VIEWERS} others are watching already."
            )
        viewer = web.WebSocketResponse(
            heartbeat=10.0,
            max_msg_size=1024,
            compress=False,  # Nearly all of a message is a JPEG.
        )
        self._viewers.add(viewer)
        with contextlib.ExitStack() as stack:
            stack.callback(self._viewers.discard, viewer)
            stack.enter_context(self._connections.watching(request))
            await viewer.prepare(request)
            ready = asyncio.Semaphore(_IN_FLIGHT)
            sender = asyncio.create_task(self._send(viewer, ready))
            stack.callback(sender.cancel)
            await self._receive(viewer, ready)
        return viewer

    async def _send(self, viewer, ready):
        """Sends the latest state whenever the viewer is ready for it."""
        sent = None
        with contextlib.suppress(ConnectionError):  # The viewer has left.
            while True:
                await ready.acquire()
                while self._state is sent:
                    await self._fresh.wait()
                sent = self._state
                await viewer.send_bytes(await self._encode(sent))

    async def _encode(self, state):
        if self._encoded is None or self._encoded[0] is not state:
            self._encoded = (
                state,
                self._loop.run_in_executor(None, encode_message, state),
            )
        # The encoding goes on for other viewers when this one leaves.
        return await asyncio.shield(self._encoded[1])

    async def _receive(self, viewer, ready):
        """Takes the messages of a viewer until it leaves."""
        commands = {command.value: command for command in Command}
        async for message in viewer:
            if message.type is not WSMsgType.TEXT:
                break
            if message.data == "shown":
                ready.release()
            elif message.data in commands:
                self._commands.append(commands[message.data])


def _logger():
    """Returns a logger that ignores requests that are not valid HTTP."""
    logger = logging.getLogger("tsm_live.views.web.web_view")
    logger.addFilter(_is_worth_a_line)
    return logger


def _is_worth_a_line(record):
    error = record.exc_info[1] if record.exc_info else None
    return not isinstance(error, HttpProcessingError)


async def _add_headers(request, response):
    for name, value in _HEADERS.items():
        response.headers.setdefault(name, value)
