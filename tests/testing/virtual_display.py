"""A display without a screen, with keys, for tests of windows."""

import contextlib
import os
import pathlib
import shutil
import subprocess
import sys

import numpy as np

from testing.checkout import PACKAGE_ROOTS, ROOT
from testing.waiting import wait_for

# The folder of an OpenCV with windows, which cannot be installed beside the
# headless one; .ci/run creates it.
HIGHGUI = ROOT / ".highgui"
PROGRAMS = ("Xvfb", "openbox", "xdotool")
_SIZE = 1000, 800
_PATIENCE = 120.0  # The number of seconds that anything may take.


def missing():
    """Lists what a test of a window needs and this machine lacks."""
    lacking = [name for name in PROGRAMS if shutil.which(name) is None]
    if not (HIGHGUI / "cv2").is_dir():
        lacking.append(f"{HIGHGUI} (see .ci/run)")
    return lacking


@contextlib.contextmanager
def virtual_display(folder):
    """Starts an X server with a window manager; yields a `Display`."""
    reading, writing = os.pipe()
    server = subprocess.Popen(
        [
            *("Xvfb", "-displayfd", str(writing), "-nolisten", "tcp"),
            *("-screen", "0", "{}x{}x24".format(*_SIZE)),
            *("-fbdir", str(folder)),
        ],
        pass_fds=[writing],
        stderr=subprocess.DEVNULL,
    )
    os.close(writing)
    with os.fdopen(reading) as numbers:
        name = f":{numbers.readline().strip()}"
    display = Display(name, pathlib.Path(folder) / "Xvfb_screen0")
    processes = [server]

    def is_managed():
        if server is processes[-1] or processes[-1].poll() is not None:
            processes.append(_start_manager(display))
        return display.has_manager()

    try:
        wait_for(is_managed)  # Without a manager, keys are lost.
        yield display
    finally:
        for process in reversed(processes):
            process.terminate()
            process.wait(_PATIENCE)


def _start_manager(display):
    return subprocess.Popen(
        ["openbox"],
        env=display.environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


class Display:
    """The screen of an X server.

    Attributes:
        environment: The environment variables of processes that open windows on
            the screen; it makes them import an OpenCV with windows.
    """

    def __init__(self, name, buffer):
        roots = (HIGHGUI, *PACKAGE_ROOTS.values(), ROOT / "tests")
        self.environment = {
            **os.environ,
            "DISPLAY": name,
            "PYTHONPATH": os.pathsep.join(map(str, roots)),
            "QT_LOGGING_RULES": "*=false",  # Qt would warn about fonts.
        }
        self._buffer = buffer

    def python(self, code, *arguments, stdout=subprocess.PIPE):
        """Starts Python with a window on the display."""
        return subprocess.Popen(
            [sys.executable, "-c", code, *map(str, arguments)],
            env=self.environment,
            stdout=stdout,
            stderr=subprocess.PIPE,
            text=True,
        )

    def has_manager(self):
        """Returns whether a window manager has taken over the screen."""
        return self._xdotool("get_num_desktops") not in ("", "0")

    def window(self, title):
        """Waits for a window; returns its number."""
        return wait_for(
            lambda: self._xdotool("search", "--onlyvisible", "--name", title)
        ).split()[-1]

    def press(self, window, key):
        """Presses a key in a window, as soon as it has the focus."""

        def has_focus():
            self._xdotool("windowactivate", "--sync", window)
            return self._xdotool("getactivewindow") == window

        wait_for(has_focus)
        self._xdotool("key", key)

    def size(self, window):
        """Returns the (width, height) of a window."""
        words = self._xdotool("getwindowgeometry", "--shell", window).split()
        found = dict(word.split("=") for word in words)
        return int(found["WIDTH"]), int(found["HEIGHT"])

    def title(self, window):
        """Returns the title of a window."""
        return self._xdotool("getwindowname", window)

    def screen(self):
        """Returns the picture on the screen, `[H, W, 3]` uint8 BGR."""
        content = self._buffer.read_bytes()  # The format is XWD.
        header = np.frombuffer(content, ">u4", 25)
        width, height, stride = header[4], header[5], header[12]
        start = header[0] + 12 * header[19]  # The pixels follow the colour map.
        rows = np.frombuffer(content, np.uint8, stride * height, int(start))
        pixels = rows.reshape(height, stride)[:, : 4 * width]
        return pixels.reshape(height, width, 4)[..., :3]

    def _xdotool(self, *words):
        return subprocess.run(
            ["xdotool", *words],
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=_PATIENCE,
        ).stdout.strip()
