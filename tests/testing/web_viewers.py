"""Clients of the web view that are not browsers."""

import asyncio
import contextlib
import json
import struct

import aiohttp
import cv2
import numpy as np

from tsm_live.views.web.web_view import WebView


@contextlib.contextmanager
def web_view(**options):
    view = WebView(0, **options)
    try:
        yield view
    finally:
        view.close()


def port_of(view):
    return int(view.url.split(":")[2].split("/")[0])


def token_of(view):
    return view.url.partition("?token=")[2]


def bearer(view):
    """Returns the header that carries the token."""
    return {"Authorization": f"Bearer {token_of(view)}"}


def get(view, path, **options):
    """Returns the status, headers and text of a route, without the token."""

    async def ask():
        async with (
            aiohttp.ClientSession() as client,
            client.get(
                f"http://127.0.0.1:{port_of(view)}{path}", **options
            ) as response,
        ):
            return response.status, response.headers, await response.text()

    return asyncio.run(ask())


@contextlib.asynccontextmanager
async def viewer_of(view, **options):
    """Opens the WebSocket, with the token."""
    url = f"http://127.0.0.1:{port_of(view)}/live"
    async with (
        aiohttp.ClientSession() as client,
        client.ws_connect(url, headers=bearer(view), **options) as viewer,
    ):
        yield viewer


async def receive_message(viewer):
    """Returns the words and the picture of the next message."""
    content = await viewer.receive_bytes(timeout=60)
    (length,) = struct.unpack(">I", content[:4])
    words = json.loads(content[4 : 4 + length])
    picture = np.frombuffer(content[4 + length :], np.uint8)
    return words, cv2.imdecode(picture, cv2.IMREAD_COLOR)
