"""A real browser without a screen, driven over the DevTools protocol."""

import asyncio
import contextlib
import json
import pathlib
import shutil
import subprocess

import aiohttp

from testing.waiting import wait_for

NAMES = ("chromium", "chromium-browser", "google-chrome")
_PATIENCE = 120.0  # The number of seconds that anything may take.


def find_browser():
    """Returns the path of the browser, or None."""
    return next(filter(None, map(shutil.which, NAMES)), None)


@contextlib.contextmanager
def open_browser(folder):
    """Starts a browser whose profile is in a folder; yields a `Browser`."""
    folder = pathlib.Path(folder)
    process = subprocess.Popen(
        [
            find_browser(),
            "--headless=new",
            "--no-sandbox",  # Chromium refuses to run as root with a sandbox.
            "--disable-gpu",
            "--disable-dev-shm-usage",
            "--no-first-run",
            "--remote-debugging-port=0",
            "--remote-allow-origins=*",
            f"--user-data-dir={folder}",
            "about:blank",
        ],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    loop = asyncio.new_event_loop()
    browser = Browser(loop)
    try:
        port = wait_for(lambda: _debugging_port(folder))
        loop.run_until_complete(browser._connect(port))
        yield browser
    finally:
        loop.run_until_complete(browser._disconnect())
        loop.close()
        process.terminate()
        process.wait(_PATIENCE)


class Browser:
    """One page of a browser."""

    def __init__(self, loop):
        self._loop = loop
        self._client = self._socket = None
        self._calls = 0

    def go(self, url):
        """Opens an address; returns its HTTP status."""
        self._call("Page.navigate", url=url)
        self.wait_for("document.readyState === 'complete'")
        return self.evaluate(
            "performance.getEntriesByType('navigation')[0].responseStatus"
        )

    def evaluate(self, script):
        """Returns the value of JavaScript in the page."""
        answer = self._call(
            "Runtime.evaluate",
            expression=script,
            returnByValue=True,
            awaitPromise=True,
        )
        assert "exceptionDetails" not in answer, answer
        return answer["result"].get("value")

    def wait_for(self, script):
        """Waits until JavaScript is true in the page; returns its value."""
        return wait_for(lambda: self.evaluate(script))

    async def _connect(self, port):
        self._client = aiohttp.ClientSession()
        async with self._client.get(
            f"http://127.0.0.1:{port}/json/list"
        ) as response:
            pages = await response.json()
        (page,) = (each for each in pages if each["type"] == "page")
        self._socket = await self._client.ws_connect(
            page["webSocketDebuggerUrl"], max_msg_size=0
        )

    async def _disconnect(self):
        if self._client is not None:
            await self._client.close()

    def _call(self, method, **parameters):
        return self._loop.run_until_complete(
            asyncio.wait_for(self._ask(method, parameters), _PATIENCE)
        )

    async def _ask(self, method, parameters):
        self._calls += 1
        await self._socket.send_json(
            {"id": self._calls, "method": method, "params": parameters}
        )
        while True:
            answer = json.loads(await self._socket.receive_str())
            if answer.get("id") == self._calls:
                assert "error" not in answer, answer
                return answer["result"]


def _debugging_port(folder):
    with contextlib.suppress(FileNotFoundError):
        return (folder / "DevToolsActivePort").read_text().partition("\n")[0]
