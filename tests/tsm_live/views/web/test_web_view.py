import asyncio
import contextlib
import dataclasses
import socket
import threading
import time

import aiohttp
import numpy as np
import pytest

from testing.live_states import LABELS, live_state, random_frame
from testing.waiting import wait_for
from testing.web_viewers import (
    bearer,
    get,
    port_of,
    receive_message,
    token_of,
    viewer_of,
    web_view,
)
from tsm_live.live.live_state import Command
from tsm_live.views.web import connections
from tsm_live.views.web import web_view as web_module
from tsm_live.views.web.web_view import WebView


@pytest.mark.parametrize("is_webcam", [False, True])
def test_a_viewer_gets_words_and_picture(is_webcam):
    async def watch(view):
        async with viewer_of(view) as viewer:
            return await receive_message(viewer)

    frame = random_frame(120, 160)
    labels = ("_手", *LABELS[1:])
    state = live_state(frame, is_webcam=is_webcam, labels=labels)
    with web_view() as view:
        view.show(state)
        words, picture = asyncio.run(watch(view))
    expected = frame[:, ::-1] if is_webcam else frame
    assert np.abs(picture.astype(int) - expected).mean() < 3
    assert words["heads"][0]["gesture"]["label"] == "swipe left"
    assert " 手" in [entry["label"] for entry in words["heads"][0]["top"]]
    assert [entry["score"] for entry in words["heads"][0]["top"]] == sorted(
        (float(s) for s in state.scores), reverse=True
    )
    assert [
        (s["label"], s["start"], s["end"]) for s in words["heads"][0]["spans"]
    ] == [
        ("push", 3.0, 5.0),
        ("swipe left", 9.0, 10.0),
    ]
    for name in ("time", "latency", "fps", "accelerator", "source"):
        assert words[name] == getattr(state, name)
    for name in ("processed", "dropped", "resets"):
        assert words[name] == getattr(state, name)


def test_large_frames_are_reduced_and_odd_figures_sent():
    async def watch(view):
        async with viewer_of(view) as viewer:
            return await receive_message(viewer)

    state = live_state(
        random_frame(1080, 1920),
        fps=float("inf"),
        scores=np.full(5, np.nan, np.float32),
    )
    with web_view() as view:
        view.show(state)
        words, picture = asyncio.run(watch(view))
    assert picture.shape == (720, 1280, 3)
    assert words["fps"] == 0 and words["heads"][0]["top"][0]["score"] == 0


def test_commands_arrive_in_order_and_nonsense_does_not():
    async def ask(view):
        async with viewer_of(view) as viewer:
            for word in ("reset", "explode", "pause", "reset", "quit"):
                await viewer.send_str(word)
            await viewer.close()

    with web_view() as view:
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
        async with viewer_of(view) as one, viewer_of(view) as two:
            first = await asyncio.gather(
                receive_message(one), receive_message(two)
            )
            view.show(live_state(time=21.0))
            second = await asyncio.gather(
                receive_message(one), receive_message(two)
            )
        return [words["time"] for words, _ in (*first, *second)]

    with web_view() as view:
        for number in range(20):
            view.show(live_state(time=float(number)))
        time.sleep(0.1)
        assert encoded == []
        assert asyncio.run(watch(view)) == [19.0, 19.0, 21.0, 21.0]
        assert encoded == [19.0, 21.0]


def test_a_slow_viewer_holds_up_nobody_and_gets_the_latest():
    frames = 60

    async def watch(view):
        async with viewer_of(view) as slow, viewer_of(view) as fast:
            seen, longest = [], 0.0
            for number in range(frames):
                start = time.perf_counter()
                view.show(live_state(time=float(number)))
                longest = max(longest, time.perf_counter() - start)
                words, _ = await receive_message(fast)
                seen.append(words["time"])
                await fast.send_str("shown")
            late = [(await receive_message(slow))[0]["time"] for _ in range(2)]
            await slow.send_str("shown")
            late.append((await receive_message(slow))[0]["time"])
        return seen, late, longest

    with web_view() as view:
        seen, late, longest = asyncio.run(watch(view))
    assert seen == list(range(frames))
    # Two were on their way; then comes the last, not the third.
    assert late[0] < late[1] < frames - 2 and late[2] == frames - 1
    assert longest < 5.0


def test_the_end_is_told_and_the_port_is_free_again():
    async def watch(view):
        async with viewer_of(view) as viewer:
            await receive_message(viewer)
            closing = asyncio.to_thread(view.close)
            _, message = await asyncio.gather(closing, viewer.receive(60))
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
    again = WebView(port_of(view))
    again.close()


@contextlib.contextmanager
def _deaf_viewer(view):
    """A viewer that takes the first bytes and never reads again."""
    with socket.create_connection(("127.0.0.1", port_of(view))) as deaf:
        deaf.sendall(
            b"GET /live HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\n"
            b"Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
            b"Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n"
            b"Authorization: Bearer " + token_of(view).encode() + b"\r\n\r\n"
        )
        assert deaf.recv(12) == b"HTTP/1.1 101"
        yield deaf


@pytest.mark.slow
def test_a_viewer_that_never_reads_slows_nobody_and_is_left():
    frames = [live_state(random_frame(720, 1280, seed)) for seed in range(4)]

    async def watch(view):
        longest, seen = 0.0, 0
        async with viewer_of(view) as fast:
            end = time.monotonic() + 2 * 10.0  # The time of two heartbeats.
            while time.monotonic() < end:
                start = time.perf_counter()
                view.show(dataclasses.replace(frames[seen % 4]))
                longest = max(longest, time.perf_counter() - start)
                await receive_message(fast)
                await fast.send_str("shown")
                seen += 1
        return longest, seen

    with web_view() as view, _deaf_viewer(view):
        wait_for(lambda: len(view._viewers) == 1)
        longest, seen = asyncio.run(watch(view))
        # As many as the fast viewer alone would get, within reason.
        assert seen > 20 and longest < 5.0
        wait_for(lambda: not view._viewers)


def test_connections_that_wait_are_few_and_do_not_last(monkeypatch):
    monkeypatch.setattr(connections, "_MOST_WAITING", 10)
    monkeypatch.setattr(connections, "_PATIENCE", 3.0)
    with web_view() as view, contextlib.ExitStack() as stack:
        address = ("127.0.0.1", port_of(view))
        idle = [
            stack.enter_context(socket.create_connection(address, 10))
            for _ in range(200)
        ]
        # The newest is served, be there ever so many.
        assert get(view, "/", headers=bearer(view))[0] == 200
        closed = [peer for peer in idle if _is_closed(peer)]
        assert len(closed) >= 190 and idle[0] in closed
        with _deaf_viewer(view):  # May stay.
            slow = idle[-1]
            slow.sendall(b"GET / HTTP/1.1\r\nHost: a\r\n")  # Without an end.
            wait_for(lambda: all(map(_is_closed, idle)))
            assert len(view._viewers) == 1


def _is_closed(peer):
    peer.settimeout(0.01)
    try:
        return not peer.recv(1)
    except TimeoutError:
        return False
    except OSError:
        return True


def test_to_end_takes_no_viewer_that_listens():
    view = WebView(0)
    view.show(live_state())
    with _deaf_viewer(view):
        start = time.perf_counter()
        view.close()
        assert time.perf_counter() - start < 9


def test_a_port_that_is_taken_is_one_line():
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        with pytest.raises(OSError, match=f"port {port}: .* --web=PORT") as e:
            WebView(port)
    assert "\n" not in str(e.value)


def test_no_more_viewers_than_allowed(monkeypatch):
    monkeypatch.setattr(web_module, "_MOST_VIEWERS", 1)

    async def watch(view):
        async with viewer_of(view):
            with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
                async with viewer_of(view):
                    pass
        async with viewer_of(view):
            return refused.value.status

    with web_view() as view:
        assert asyncio.run(watch(view)) == 503


@pytest.mark.parametrize(
    "content",
    [
        b"\x00\xff" * 100,
        b"GET / HTTP/9.9\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\nHost: 127.0.0.1\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost 127.0.0.1\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nX: " + b"a" * 100_000,
    ],
)
def test_what_is_no_http_is_refused_in_silence(content, caplog):
    with web_view() as view:
        with socket.create_connection(("127.0.0.1", port_of(view)), 10) as peer:
            peer.sendall(content)
            assert peer.recv(12) == b"HTTP/1.0 400"
        assert get(view, "/", headers=bearer(view))[0] == 200
    assert not caplog.records


def test_bugs_are_not_silent(caplog, monkeypatch):
    with web_view() as view:
        monkeypatch.setattr(view, "_access", None)
        assert get(view, "/")[0] == 500
    assert "AttributeError" in caplog.text
