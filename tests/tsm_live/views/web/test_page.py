"""The page in a real browser."""

import base64
import contextlib
import re

import cv2
import numpy as np
import pytest

from testing.artifacts import LABELS, random_artifact
from testing.browser import NAMES, find_browser, open_browser
from testing.command_line import start_tsm_live
from testing.gestures import shared_videos
from testing.live_states import live_state, two_heads
from testing.videos import opencv_frames
from testing.waiting import wait_for
from testing.web_viewers import web_view
from tsm_live.live.live_state import Command
from tsm_live.views.web.web_view import WebView

_GESTURE = "document.querySelector('h1').textContent"
_CLICK = "document.querySelector('[data-command={}]').click()"
_NOTICE = "document.getElementById('notice').textContent"


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    if find_browser() is None:
        pytest.skip(f"no browser: none of {', '.join(NAMES)} is installed")
    with open_browser(tmp_path_factory.mktemp("browser")) as browser:
        yield browser


def _write_again_and_again(path, frames):
    """Writes a video that shows frames for as long as a test takes."""
    height, width = frames[0].shape[:2]
    codec = cv2.VideoWriter_fourcc(*"MJPG")
    writer = cv2.VideoWriter(str(path), codec, 25.0, (width, height))
    for number in range(25 * 30):
        writer.write(frames[number % len(frames)])
    writer.release()
    return path


def _shown(browser, frames):
    """Returns which frame the page shows."""
    url = browser.evaluate("document.querySelector('canvas').toDataURL()")
    content = base64.b64decode(url.partition(",")[2])
    picture = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_COLOR)
    errors = [np.abs(picture.astype(int) - frame).mean() for frame in frames]
    assert min(errors) < 5  # JPEG is not exact.
    return int(np.argmin(errors))


@pytest.mark.slow
def test_the_video_advances_and_the_label_changes(browser, tmp_path):
    """`tsm-live` itself, with a generated video and a random network."""
    frames = opencv_frames(shared_videos().paths[-2])
    source = _write_again_and_again(tmp_path / "source.avi", frames)
    process = start_tsm_live(
        *(f"--model={random_artifact()}", f"--source={source}", "--web=0"),
        # So that the network is believed whatever it says.
        *("--average=0", "--start_score=0", "--end_score=0"),
        *("--min_duration=0", "--cooldown=0"),
    )
    try:
        url = re.search(r"http://\S+", process.stderr.readline()).group()
        assert browser.go(url) == 200
        browser.evaluate(
            "window.labels = new Set(); new MutationObserver(() => "
            f"labels.add({_GESTURE})).observe("
            "document.querySelector('h1'), {childList: true})"
        )
        browser.wait_for("document.querySelector('canvas').width > 16")
        shown = set()
        wait_for(lambda: shown.add(_shown(browser, frames)) or len(shown) > 5)
        browser.wait_for("labels.size > 1")
        assert set(browser.evaluate("[...labels]")) < {*LABELS, "no gesture"}
        for _ in range(2):
            browser.evaluate(_CLICK.format("quit"))
        _, errors = process.communicate(timeout=120)
        assert (process.returncode, errors) == (0, "")
    finally:
        process.kill()
        process.communicate()


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
            "['.track', '.timeline'].map(holder => ["
            "...document.querySelectorAll(holder + ' div')].map(part => "
            "part.getBoundingClientRect().width "
            "/ part.parentElement.getBoundingClientRect().width))"
        )
        assert bars == pytest.approx([0.7, 0.15, 0.06, 0.05, 0.04], abs=0.01)
        assert blocks == pytest.approx([2 / 20, 1 / 20], abs=0.01)
        assert not browser.evaluate(
            "document.documentElement.scrollWidth > innerWidth"
        )


def test_each_head_has_words_bars_and_a_timeline(browser):
    count = "document.querySelectorAll('{}').length"
    with web_view() as view:
        view.show(live_state(heads=two_heads()))
        browser.go(view.url)
        browser.wait_for(f"{count.format('h1')} === 2")
        assert browser.evaluate(
            "[...document.querySelectorAll('h1')].map(h => h.textContent)"
        ) == ["verb: swipe left", "noun: door"]
        assert browser.evaluate(count.format(".bar")) == 5
        assert browser.evaluate(
            "[...document.querySelectorAll('.timeline')].map("
            "band => band.innerText)"
        ) == ["push\nswipe left", "door"]


def test_the_buttons(browser):
    with web_view() as view:
        view.show(live_state())
        browser.go(view.url)
        browser.wait_for(f"{_GESTURE} === 'swipe left'")
        for command in ("quit", "reset", "pause", "quit"):  # Quit asks first.
            browser.evaluate(_CLICK.format(command))
        commands = []
        while len(commands) < 3:
            commands += view.poll()
        assert commands == [Command.RESET, Command.PAUSE, Command.QUIT]
    browser.wait_for(f"{_NOTICE} === 'The run has ended.'")


def test_the_page_comes_back_with_the_run(browser):
    token = "0123456789abcdef"
    with web_view(token=token) as view:
        view.show(live_state())
        browser.go(view.url)
        browser.wait_for(f"{_GESTURE} === 'swipe left'")
        port = int(browser.evaluate("location.port"))
    with contextlib.closing(WebView(port, token=token)) as view:
        view.show(live_state(gesture="pull"))
        browser.wait_for(f"{_GESTURE} === 'pull'")
    with contextlib.closing(WebView(port)):  # With a new token.
        browser.wait_for(f"{_NOTICE}.includes('Open the new address')")


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
