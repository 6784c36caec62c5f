"""The window, on a real display without a screen."""

import os
import re
import subprocess
import sys

import cv2
import numpy as np
import pytest

from testing import virtual_display
from testing.checkout import PACKAGE_ROOTS
from testing.live_states import live_state, random_frame
from testing.waiting import wait_for
from tsm_live.views.drawing import draw
from tsm_live.views.window import save_png

# Shows the same moment unless paused, prints commands, ends when it is to quit.
_RUN = """
import sys, time
from testing.live_states import live_state, random_frame
from tsm_live.views.window import WindowView

view = WindowView("views of a test", screenshots=sys.argv[1])
state = live_state(random_frame(360, 480), is_webcam=True)
names = []
while "QUIT" not in names:
    if names.count("PAUSE") % 2 == 0:
        view.show(state)
    for command in view.poll():
        print(command.name, flush=True)
        names.append(command.name)
    time.sleep(0.02)
view.show(state)
assert view.poll() == []
view.close()
"""


@pytest.fixture(scope="module")
def display(tmp_path_factory):
    lacking = virtual_display.missing()
    if lacking:
        pytest.skip(f"tests of the window need {', '.join(lacking)}")
    folder = tmp_path_factory.mktemp("display")
    with virtual_display.virtual_display(folder) as display:
        yield display


def _expected():
    return draw(live_state(random_frame(360, 480), is_webcam=True))


def _shown(display):
    """Whether the picture is on the screen, wherever."""
    expected, screen = _expected(), display.screen()
    found = cv2.matchTemplate(screen, expected, cv2.TM_SQDIFF_NORMED)
    return found.min() < 1e-3


@pytest.mark.slow
def test_the_window_and_its_keys(display, tmp_path):
    folder, said = tmp_path / "screenshots", tmp_path / "said"
    with said.open("w") as stdout:
        process = display.python(_RUN, folder, stdout=stdout)
    window = display.window("views of a test")
    wait_for(lambda: _shown(display))
    height, width = _expected().shape[:2]
    assert display.size(window) == (width, height)

    expected = ""
    for key, command in (("r", "RESET"), ("space", "PAUSE"), ("R", "RESET")):
        display.press(window, "x")  # This one means nothing.
        display.press(window, key)
        expected += f"{command}\n"
        wait_for(lambda expected=expected: said.read_text() == expected)

    # Paused since: so it says, and still answers.
    title = "views of a test"
    wait_for(lambda: display.title(window) == f"{title} (paused or waiting)")
    display.press(window, "s")
    (path,) = wait_for(lambda: folder.exists() and list(folder.glob("*.png")))
    np.testing.assert_array_equal(cv2.imread(str(path)), _expected())

    display.press(window, "space")
    expected += "PAUSE\n"
    wait_for(lambda: display.title(window) == title)

    display.press(window, "f")
    wait_for(lambda: display.size(window) == (1000, 800))
    display.press(window, "f")
    wait_for(lambda: display.size(window) == (width, height))

    display.press(window, "q")
    _, errors = process.communicate(timeout=120)
    assert said.read_text() == f"{expected}QUIT\n" and process.returncode == 0
    assert errors == f"tsm-live: wrote {path}\n"


def test_to_close_the_window_is_to_quit(display, tmp_path):
    process = display.python(_RUN, tmp_path)
    window = display.window("views of a test")
    wait_for(lambda: _shown(display))
    display.press(window, "alt+F4")  # As its button does.
    output, errors = process.communicate(timeout=120)
    assert (output, errors, process.returncode) == ("QUIT\n", "", 0)


def test_a_screenshot_that_cannot_be_saved_ends_nothing(display, tmp_path):
    (tmp_path / "file").touch()
    process = display.python(_RUN, tmp_path / "file")
    window = display.window("views of a test")
    wait_for(lambda: _shown(display))
    display.press(window, "s")
    assert process.stderr.readline().startswith("tsm-live: no screenshot: ")
    display.press(window, "q")
    _, errors = process.communicate(timeout=120)
    assert (process.returncode, errors) == (0, "")


def _refusal(**environment):
    """Returns what `WindowView` says in a process of its own."""
    code = (
        "from tsm_live.views.window import WindowError, WindowView\n"
        "try: WindowView()\n"
        "except WindowError as error: print(error)"
    )
    kept = {
        name: value
        for name, value in os.environ.items()
        if name not in ("DISPLAY", "WAYLAND_DISPLAY")
    }
    roots = os.pathsep.join(map(str, PACKAGE_ROOTS.values()))
    return subprocess.run(
        [sys.executable, "-c", code],
        env={**kept, "PYTHONPATH": roots, **environment},
        capture_output=True,
        text=True,
        check=True,
    ).stdout.strip()


@pytest.mark.skipif(sys.platform != "linux", reason="no DISPLAY elsewhere")
def test_without_a_display():
    refusal = _refusal()
    assert "needs a display" in refusal and "--web=PORT" in refusal


def test_a_display_that_does_not_answer(display):
    refusal = _refusal(
        **{**display.environment, "DISPLAY": ":98765"},
    )
    assert refusal.startswith("No window can be opened.")
    assert len(refusal.splitlines()) == 1


def test_an_opencv_without_windows(display):
    if "GUI:                           NONE" not in cv2.getBuildInformation():
        pytest.skip("this OpenCV has windows")
    refusal = _refusal(DISPLAY=display.environment["DISPLAY"])
    assert "pip uninstall -y opencv-python-headless && " in refusal
    assert "pip install opencv-python" in refusal


def test_screenshots_have_names_of_their_own(tmp_path):
    picture = random_frame(30, 40)
    paths = [save_png(picture, tmp_path / "new") for _ in range(3)]
    assert sorted(paths) == sorted((tmp_path / "new").iterdir())
    assert len(set(paths)) == 3
    for path in paths:
        np.testing.assert_array_equal(cv2.imread(str(path)), picture)


@pytest.mark.slow
@pytest.mark.keras3_only
def test_a_run_without_any_view_flag_opens_a_window(display, tmp_path):
    """The real command: r starts the network anew, q ends the run."""
    from testing.artifacts import random_artifact

    video = tmp_path / "long.avi"
    writer = cv2.VideoWriter(
        str(video), cv2.VideoWriter_fourcc(*"MJPG"), 25, (160, 120)
    )
    for _ in range(25 * 120):  # It would be shown for two minutes.
        writer.write(np.zeros((120, 160, 3), np.uint8))
    writer.release()
    process = display.python(
        "from tsm_live.cli.main import run; run()",
        *(f"--model={random_artifact()}", f"--source={video}"),
    )
    window = display.window(f"tsm-live {video}")
    # Below the picture there is the panel.
    wait_for(lambda: (display.screen() == (28, 24, 22)).all(-1).sum() > 10_000)
    display.press(window, "r")
    display.press(window, "q")
    summary, errors = process.communicate(timeout=120)
    assert (process.returncode, errors) == (0, "")
    assert summary.startswith(f"{video}: ") and "resets 1\n" in summary
    processed, frames = re.search(r"(\d+) of (\d+) frames", summary).groups()
    assert 0 < int(processed) == int(frames) < 25 * 120
