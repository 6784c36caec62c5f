"""The page in a real browser."""

import base64
import contextlib
import json
import threading

import cv2
import numpy as np
import pytest

from testing.browser import NAMES, find_browser, open_browser
from testing.gestures import shared_videos
from testing.live_states import LABELS, live_state
from testing.web_viewers import web_view
from tsm_live.live_state import Command
from tsm_live.web import WebView

_GESTURE = "document.getElementById('gesture').textContent"
_NOTICE = "document.getElementById('notice').textContent"


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    if find_browser() is None:
        pytest.skip(f"no browser: none of {', '.join(NAMES)} is installed")
    with open_browser(tmp_path_factory.mktemp("browser")) as browser:
        yield browser


def _frames():
    """Returns the frames of a generated video."""
    capture = cv2.VideoCapture(str(shared_videos().paths[0]))
    frames = []
    while (read := capture.read())[0]:
        frames.append(read[1])
    return frames


@contextlib.contextmanager
def _playing(view, frames):
    """Shows a video again and again, and other gestures in turn."""
    stop = threading.Event()

    def play():
        number = 0
        while not stop.wait(0.04):
            turn = number // (len(frames) // 2 + 1)
            view.show(
                live_state(
                    frames[number % len(frames)],
                    time=number / 25,
                    gesture=LABELS[turn % 5] if turn % 5 else None,
                )
            )
            number += 1

    thread = threading.Thread(target=play)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


def _shown_frame(browser, frames):
    """Returns which frame the page shows."""
    url = browser.evaluate("document.querySelector('canvas').toDataURL()")
    content = base64.b64decode(url.partition(",")[2])
    picture = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_COLOR)
    errors = [np.abs(picture.astype(int) - frame).mean() for frame in frames]
    assert min(errors) < 3  # A JPEG is not exact.
    return int(np.argmin(errors))


def test_the_video_advances_and_the_label_changes(browser):
    frames = _frames()
    with web_view() as view, _playing(view, frames):
        assert browser.go(view.url) == 200
        browser.wait_for("document.querySelector('canvas').width > 16")
        labels, shown = [], []
        while len(labels) < 4:
            labels.append(
                browser.wait_for(
                    f"{_GESTURE} !== {json.dumps(labels[-1:])}[0] && {_GESTURE}"
                )
            )
            shown.append(_shown_frame(browser, frames))
    turn = ["no gesture", "swipe left", "swipe right", "pull", "push"]
    start = turn.index(labels[0])
    assert labels == (turn + turn)[start : start + 4]
    assert len(set(shown)) >= 3


def test_words_bars_and_timeline(browser):
    with web_view() as view:
        view.show(live_state(accelerator="gpu <b>"))
        browser.go(view.url)
        browser.wait_for(f"{_GESTURE} === 'swipe left'")
        text = browser.evaluate("document.body.innerText")
        for words in (
            "12.3 ms",
            "video.mp4, 25.0 fps",
            "gpu <b>",
            "120 seen, 3 dropped, 1 resets",
            "0:10",
        ):
            assert words in text
        bars, blocks = browser.evaluate(
            "['.track', '#timeline'].map(holder => ["
            "...document.querySelectorAll(holder + ' div')].map(part => "
            "part.getBoundingClientRect().width "
            "/ part.parentElement.getBoundingClientRect().width))"
        )
        assert bars == pytest.approx([0.7, 0.15, 0.06, 0.05, 0.04], abs=0.01)
        assert blocks == pytest.approx([2 / 20, 1 / 20], abs=0.01)
        assert not browser.evaluate(
            "document.documentElement.scrollWidth > innerWidth"
        )


def test_the_buttons(browser):
    click = "document.querySelector('[data-command={}]').click()"
    with web_view() as view:
        view.show(live_state())
        browser.go(view.url)
        browser.wait_for(f"{_GESTURE} === 'swipe left'")
        for command in ("quit", "reset", "pause", "quit"):  # Quit asks first.
            browser.evaluate(click.format(command))
        commands = []
        while len(commands) < 3:
            commands += view.poll()
        assert commands == [Command.RESET, Command.PAUSE, Command.QUIT]
    browser.wait_for(f"{_NOTICE} === 'The run has ended.'")


def test_the_page_comes_back_with_the_run(browser):
    with web_view() as view:
        view.show(live_state())
        browser.go(view.url)
        browser.wait_for(f"{_GESTURE} === 'swipe left'")
        port = browser.evaluate("location.port")
    view = WebView(int(port))
    try:
        view.show(live_state(gesture="pull"))
        browser.wait_for(f"{_GESTURE} === 'pull'")
    finally:
        view.close()


def test_the_token(browser):
    with web_view(host="0.0.0.0") as view:
        view.show(live_state())
        url, _, token = view.url.partition("?token=")
        url = f"http://127.0.0.1:{url.split(':')[2]}"
        assert browser.go(url) == 403
        assert browser.go(f"{url}?token=wrong") == 403
        assert "canvas" not in browser.evaluate("document.body.innerHTML")
        # Not even the WebSocket by itself.
        assert browser.evaluate(
            "new Promise(done => { const socket = new WebSocket("
            "location.origin.replace('http', 'ws') + '/live');"
            "socket.onerror = () => done('refused');"
            "socket.onopen = () => done('open'); })"
        ) in ("refused", None)
        assert browser.go(f"{url}?token={token}") == 200
        browser.wait_for(f"{_GESTURE} === 'swipe left'")
        assert token not in browser.evaluate("location.href")
        assert token not in browser.evaluate("document.cookie")
        assert browser.go(url) == 200  # The cookie is enough.
