"""WindowView: shows a live run in a window of the desktop."""

import datetime
import functools
import os
import pathlib
import sys
import time

import cv2
import numpy as np

from tsm_live.live.live_state import Command, LiveState
from tsm_live.runtimes.own_process import ProcessError, run_module
from tsm_live.views.drawing import draw

_COMMANDS = {
    "q": Command.QUIT,
    "r": Command.RESET,
    " ": Command.PAUSE,
}
_FULL_SCREEN, _SCREENSHOT = "f", "s"
_STILL = 1.0  # Seconds without a new picture until the title says so.
_FIRST_SIZE = (1280, 800)  # The largest initial size of a window.


class WindowError(OSError):
    """No window can be opened."""


@functools.cache  # A display that works once works again.
def check_window() -> None:
    """Tries to open a window in a child process.

    Without a display, some toolkits end the process.

    Raises:
        WindowError: If there is no display, or OpenCV has no windows.
    """
    if sys.platform == "linux" and not (
        os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")
    ):
        raise WindowError(
            "A window needs a display, and there is none (DISPLAY is not "
            "set). Show the run in a browser with --web=PORT."
        )
    try:
        run_module("tsm_live.views.window")
    except ProcessError as error:
        if "not implemented" in str(error):
            raise WindowError(
                "This OpenCV has no windows. Either show the run in a browser "
                "with --web=PORT, or swap the package: pip uninstall -y "
                "opencv-python-headless && pip install opencv-python"
            ) from error
        raise WindowError(
            "No window can be opened. Show the run in a browser with "
            f"--web=PORT. Received: {error}"
        ) from error


class WindowView:
    """Shows a live run in a window.

    Keys: `q` quits, `r` resets, space pauses, `f` switches to full screen and
    back, `s` saves a screenshot. Closing the window quits.

    Call all methods in the thread that created the window. Call `poll` often,
    because the window reacts only then.
    """

    def __init__(
        self,
        title: str = "tsm-live",
        *,
        screenshots: str | os.PathLike = ".",
    ):
        """Opens the window.

        Args:
            title: The title of the window.
            screenshots: The folder for screenshots, which is created when it
                is needed.

        Raises:
            WindowError: If there is no display, or OpenCV has no windows.
        """
        check_window()
        self._title = title
        self._screenshots = pathlib.Path(screenshots)
        self._picture: np.ndarray | None = None
        self._shown_at = time.monotonic()
        self._is_still = False
        self._closed = False
        cv2.namedWindow(
            title,
            cv2.WINDOW_NORMAL | cv2.WINDOW_KEEPRATIO | cv2.WINDOW_GUI_NORMAL,
        )

    def show(self, state: LiveState) -> None:
        """Draws a state, unless the window has been closed."""
        # Showing a picture would open the window again.
        if self._closed or self._is_gone():
            return
        first = self._picture is None
        self._picture = draw(state)
        if first:
            height, width = self._picture.shape[:2]
            scale = min(1.0, _FIRST_SIZE[0] / width, _FIRST_SIZE[1] / height)
            cv2.resizeWindow(
                self._title, round(width * scale), round(height * scale)
            )
        cv2.imshow(self._title, self._picture)
        self._shown_at = time.monotonic()

    def poll(self) -> list[Command]:
        """Handles the events of the window and returns its commands."""
        commands = []
        while (key := cv2.pollKey()) >= 0:
            # The higher bits stand for Caps Lock and the like.
            character = chr(key & 0xFF).lower()
            if character in _COMMANDS:
                commands.append(_COMMANDS[character])
            elif character == _FULL_SCREEN:
                self._toggle_full_screen()
            elif character == _SCREENSHOT:
                self._save_screenshot()
        if not self._closed and self._is_gone():
            self._closed = True
            commands.append(Command.QUIT)
        if not self._closed:
            self._tell_if_still()
        return commands

    def close(self) -> None:
        """Closes the window."""
        if not self._closed and not self._is_gone():
            cv2.destroyWindow(self._title)
            cv2.pollKey()  # The window closes when its events are handled.
        self._closed = True

    def _is_gone(self):
        try:
            visible = cv2.getWindowProperty(self._title, cv2.WND_PROP_VISIBLE)
        except cv2.error:  # Some toolkits report a closed window like this.
            return True
        return visible < 1

    def _tell_if_still(self):
        is_still = time.monotonic() - self._shown_at > _STILL
        if is_still != self._is_still:
            self._is_still = is_still
            words = " (paused or waiting)" if is_still else ""
            cv2.setWindowTitle(self._title, self._title + words)

    def _toggle_full_screen(self):
        now = cv2.getWindowProperty(self._title, cv2.WND_PROP_FULLSCREEN)
        cv2.setWindowProperty(
            self._title,
            cv2.WND_PROP_FULLSCREEN,
            cv2.WINDOW_NORMAL
            if now == cv2.WINDOW_FULLSCREEN
            else cv2.WINDOW_FULLSCREEN,
        )

    def _save_screenshot(self):
        if self._picture is None:
            return
        try:
            path = save_png(self._picture, self._screenshots)
            print(f"tsm-live: wrote {path}", file=sys.stderr)
        except OSError as error:  # The run goes on.
            print(f"tsm-live: no screenshot: {error}", file=sys.stderr)


def save_png(picture: np.ndarray, folder: str | os.PathLike) -> pathlib.Path:
    """Saves a picture as a PNG file named after the current time.

    Args:
        picture: `[H, W, 3]` uint8 BGR.
        folder: The folder, which is created if it does not exist.

    Returns:
        The path of the file, which appears when it is complete.

    Raises:
        OSError: If the file cannot be written.
    """
    folder = pathlib.Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    now = datetime.datetime.now()
    path = folder / f"tsm-live-{now:%Y%m%d-%H%M%S-%f}.png"
    temporary = path.with_name(f".{path.name}.part")
    _, content = cv2.imencode(".png", picture)
    try:
        temporary.write_bytes(content.tobytes())
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
    return path


if __name__ == "__main__":  # `check_window` runs this.
    cv2.namedWindow("tsm-live")
    cv2.pollKey()
    cv2.destroyAllWindows()
