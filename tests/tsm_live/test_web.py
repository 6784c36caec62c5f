import asyncio
import contextlib
import json
import socket
import struct
import threading
import time

import aiohttp
import cv2
import numpy as np
import pytest

from testing.live_states import LABELS, live_state, random_frame
from tsm_live import web as web_module
from tsm_live.live_state import Command
from tsm_live.web import WebView

_TOKEN = "0123456789abcdef"
_ROUTES = ("/", "/live", "/nothing")


@contextlib.contextmanager
def _web_view(**options):
    view = WebView(0, **options)
    try:
        yield view
    finally:
        view.close()


def _port(view):
    return int(view.url.split(":")[2].split("/")[0])


def _get(view, path, **options):
    """Returns the status, headers and text of a route."""

    async def get():
        async with (
            aiohttp.ClientSession() as client,
            client.get(
                f"http://127.0.0.1:{_port(view)}{path}", **options
            ) as response,
        ):
            return response.status, response.headers, await response.text()

    return asyncio.run(get())


@contextlib.asynccontextmanager
async def _viewer(view, **options):
    url = f"http://127.0.0.1:{_port(view)}/live"
    async with (
        aiohttp.ClientSession() as client,
        client.ws_connect(url, **options) as viewer,
    ):
        yield viewer


async def _receive(viewer):
    """Returns the words and the picture of the next message."""
    content = await viewer.receive_bytes(timeout=10)
    (length,) = struct.unpack(">I", content[:4])
    words = json.loads(content[4 : 4 + length])
    picture = np.frombuffer(content[4 + length :], np.uint8)
    return words, cv2.imdecode(picture, cv2.IMREAD_COLOR)


@pytest.mark.parametrize("is_webcam", [False, True])
def test_a_viewer_gets_words_and_picture(is_webcam):
    async def watch(view):
        async with _viewer(view) as viewer:
            return await _receive(viewer)

    frame = random_frame(120, 160)
    labels = ("_手", *LABELS[1:])
    state = live_state(frame, is_webcam=is_webcam, labels=labels)
    with _web_view() as view:
        view.show(state)
        words, picture = asyncio.run(watch(view))
    expected = frame[:, ::-1] if is_webcam else frame
    assert np.abs(picture.astype(int) - expected).mean() < 3
    assert words["gesture"]["label"] == "swipe left"
    assert " 手" in [entry["label"] for entry in words["top"]]
    assert [entry["score"] for entry in words["top"]] == sorted(
        (float(s) for s in state.scores), reverse=True
    )
    assert [(s["label"], s["start"], s["end"]) for s in words["spans"]] == [
        ("push", 3.0, 5.0),
        ("swipe left", 9.0, 10.0),
    ]
    for name in ("time", "latency", "fps", "accelerator", "source"):
        assert words[name] == getattr(state, name)
    for name in ("processed", "dropped", "resets"):
        assert words[name] == getattr(state, name)


def test_large_frames_are_reduced_and_odd_figures_sent():
    async def watch(view):
        async with _viewer(view) as viewer:
            return await _receive(viewer)

    state = live_state(
        random_frame(1080, 1920),
        fps=float("inf"),
        scores=np.full(5, np.nan, np.float32),
    )
    with _web_view() as view:
        view.show(state)
        words, picture = asyncio.run(watch(view))
    assert picture.shape == (720, 1280, 3)
    assert words["fps"] == 0 and words["top"][0]["score"] == 0


def test_commands_arrive_in_order_and_nonsense_does_not():
    async def ask(view):
        async with _viewer(view) as viewer:
            for word in ("reset", "explode", "pause", "reset", "quit"):
                await viewer.send_str(word)
            await viewer.close()

    with _web_view() as view:
        assert view.poll() == []
        asyncio.run(ask(view))
        assert view.poll() == [
            Command.RESET,
            Command.PAUSE,
            Command.RESET,
            Command.QUIT,
        ]
        assert view.poll() == []


def test_a_moment_is_encoded_once_and_only_if_somebody_watches(monkeypatch):
    encoded = []

    def encode(state):
        encoded.append(state.time)
        return web_encode(state)

    web_encode = web_module.encode_message
    monkeypatch.setattr(web_module, "encode_message", encode)

    async def watch(view):
        async with _viewer(view) as one, _viewer(view) as two:
            first = await asyncio.gather(_receive(one), _receive(two))
            view.show(live_state(time=21.0))
            second = await asyncio.gather(_receive(one), _receive(two))
        return [words["time"] for words, _ in (*first, *second)]

    with _web_view() as view:
        for number in range(20):
            view.show(live_state(time=float(number)))
        time.sleep(0.1)
        assert encoded == []
        assert asyncio.run(watch(view)) == [19.0, 19.0, 21.0, 21.0]
        assert encoded == [19.0, 21.0]


def test_a_slow_viewer_holds_up_nobody_and_gets_the_latest():
    frames = 60

    async def watch(view):
        async with _viewer(view) as slow, _viewer(view) as fast:
            seen, longest = [], 0.0
            for number in range(frames):
                start = time.perf_counter()
                view.show(live_state(time=float(number)))
                longest = max(longest, time.perf_counter() - start)
                words, _ = await _receive(fast)
                seen.append(words["time"])
                await fast.send_str("shown")
            late = [(await _receive(slow))[0]["time"] for _ in range(2)]
            await slow.send_str("shown")
            late.append((await _receive(slow))[0]["time"])
        return seen, late, longest

    with _web_view() as view:
        seen, late, longest = asyncio.run(watch(view))
    assert seen == list(range(frames))
    # Two were on their way; then comes the last, not the third.
    assert late[0] < late[1] < 10 and late[2] == frames - 1
    assert longest < 1.0


def test_the_end_is_told_and_the_port_is_free_again():
    async def watch(view):
        async with _viewer(view) as viewer:
            await _receive(viewer)
            closing = asyncio.to_thread(view.close)
            _, message = await asyncio.gather(closing, viewer.receive(10))
            return message

    before = threading.active_count()
    view = WebView(0)
    view.show(live_state())
    message = asyncio.run(watch(view))
    assert message.type is aiohttp.WSMsgType.CLOSE
    assert message.extra == "ended"
    view.show(live_state())
    view.close()  # Once more does no harm.
    assert threading.active_count() <= before
    again = WebView(_port(view))
    again.close()


def test_to_end_takes_no_viewer_that_listens():
    view = WebView(0)
    view.show(live_state())
    with socket.create_connection(("127.0.0.1", _port(view))) as deaf:
        deaf.sendall(
            b"GET /live HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\n"
            b"Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
            b"Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
        )
        assert deaf.recv(12) == b"HTTP/1.1 101"
        start = time.perf_counter()
        view.close()
        assert time.perf_counter() - start < 5


def test_a_port_that_is_taken_is_one_line():
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        with pytest.raises(OSError, match=f"port {port}: .* --web=PORT") as e:
            WebView(port)
    assert "\n" not in str(e.value)


def test_no_more_viewers_than_allowed(monkeypatch):
    monkeypatch.setattr(web_module, "_MOST_VIEWERS", 1)

    async def watch(view):
        async with _viewer(view):
            with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
                async with _viewer(view):
                    pass
        async with _viewer(view):
            return refused.value.status

    with _web_view() as view:
        assert asyncio.run(watch(view)) == 503


def test_nonsense_is_survived_in_silence(capfd):
    with _web_view() as view:
        for content in (b"\x00\xff" * 100, b"GET / HTTP/9.9\r\n\r\n", b""):
            with socket.create_connection(("127.0.0.1", _port(view))) as peer:
                peer.sendall(content)
                peer.shutdown(socket.SHUT_WR)
                peer.recv(1000)
        assert _get(view, "/")[0] == 200
    assert capfd.readouterr().err == ""


# Who may come.


@pytest.mark.parametrize("path", _ROUTES)
def test_other_names_for_this_machine_are_refused(path):
    with _web_view() as view:
        assert _get(view, path)[0] != 403
        assert _get(view, path, headers={"Host": "localhost:1"})[0] != 403
        for name in ("evil.example", "127.0.0.1.evil.example", "192.0.2.1", ""):
            assert _get(view, path, headers={"Host": name})[0] == 403, name


@pytest.mark.parametrize("path", _ROUTES)
def test_pages_of_other_sites_are_refused(path):
    with _web_view() as view:
        own = f"http://127.0.0.1:{_port(view)}"
        assert _get(view, path, headers={"Origin": own})[0] != 403
        for origin in ("http://evil.example", "null", f"{own}1", "http://[x"):
            assert _get(view, path, headers={"Origin": origin})[0] == 403


def test_a_foreign_page_gets_no_websocket():
    async def watch(view, **options):
        async with _viewer(view, **options) as viewer:
            return await _receive(viewer)

    with _web_view() as view:
        view.show(live_state())
        own = f"http://127.0.0.1:{_port(view)}"
        asyncio.run(watch(view, origin=own))
        with pytest.raises(aiohttp.WSServerHandshakeError, match="403"):
            asyncio.run(watch(view, origin="http://evil.example"))


@pytest.mark.parametrize("path", _ROUTES)
def test_without_the_token_nothing_is_shown(path):
    with _web_view(host="0.0.0.0", token=_TOKEN) as view:
        wrong = (
            {},
            {"params": {"token": "f" * 16}},
            {"params": {"token": "é"}},
            {"headers": {"Authorization": f"Basic {_TOKEN}"}},
            {"headers": {"Authorization": "Bearer"}},
            {"cookies": {f"tsm_live_{_port(view)}": _TOKEN[:-1]}},
        )
        for options in wrong:
            assert _get(view, path, **options)[0] == 403, options
        right = (
            {"params": {"token": _TOKEN}},
            {"headers": {"Authorization": f"Bearer {_TOKEN}"}},
            {"cookies": {f"tsm_live_{_port(view)}": _TOKEN}},
        )
        for options in right:
            assert _get(view, path, **options)[0] != 403, options


def test_the_page_hands_out_the_cookie_and_may_not_be_kept():
    with _web_view(token=_TOKEN) as view:
        assert view.url.endswith(f"/?token={_TOKEN}")
        status, headers, page = _get(view, f"/?token={_TOKEN}")
        refused = _get(view, "/")[1]
    assert status == 200 and _TOKEN not in page
    cookie = headers["Set-Cookie"]
    assert cookie.startswith(f"tsm_live_{_port(view)}={_TOKEN};")
    assert "HttpOnly" in cookie and "SameSite=Strict" in cookie
    for each in (headers, refused):
        assert each["Cache-Control"] == "no-store"
        assert "default-src 'none'" in each["Content-Security-Policy"]
        assert each["X-Content-Type-Options"] == "nosniff"
    assert "Set-Cookie" not in refused
    assert "unsafe" not in headers["Content-Security-Policy"]
    assert "http" not in page.replace("https:", "")  # Nothing from elsewhere.


def test_who_serves_others_always_has_a_token():
    with _web_view(host="0.0.0.0") as one, _web_view(host="0.0.0.0") as two:
        tokens = {view.url.partition("?token=")[2] for view in (one, two)}
        assert len(tokens) == 2 and min(map(len, tokens)) >= 32
        assert _get(one, "/")[0] == 403
        assert "0.0.0.0" not in one.url  # No address that can be opened.
    with _web_view() as view:
        assert "token" not in view.url


@pytest.mark.parametrize(
    ("options", "match"),
    [
        ({"token": "short"}, "16 or more .* Received: 5"),
        ({"token": "with space " * 3}, "letters, digits"),
        ({"port": 70000}, "0..65535. Received: 70000"),
        ({"port": -1}, "Received: -1"),
    ],
)
def test_wrong_arguments(options, match):
    with pytest.raises(ValueError, match=match):
        WebView(**{"port": 0, **options})


@pytest.mark.parametrize("host", ["192.0.2.1", "no such host", "a" * 300])
def test_a_host_that_is_not_this_machine(host):
    with pytest.raises(OSError, match="Cannot serve at"):
        WebView(0, host=host)
