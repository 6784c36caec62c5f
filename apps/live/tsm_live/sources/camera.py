"""LiveSource: a camera or a stream from a network, which come and go."""

import sys
import threading
import time
from collections.abc import Iterator

import cv2

from tsm_live.sources.source import SourceError, TimedFrame

_DAY = 86_400.0  # Seconds.
# What FFmpeg has beside these depends on how OpenCV was built.
_SCHEMES = ("rtsp", "http", "https", "tcp", "udp")
_CAMERA_DIGITS = 4  # OpenCV counts backends in hundreds, cameras within them.


def back_off(first: float = 0.5, longest: float = 30.0) -> Iterator[float]:
    """Yields seconds to wait before each new try: twice as long each time."""
    while True:
        yield first
        first = min(2 * first, longest)


def check_timeout(timeout: float) -> None:
    """Refuses what OpenCV would not take as a number of milliseconds.

    Raises:
        ValueError: If it is not positive, or longer than a day.
    """
    if not 0 < timeout <= _DAY:
        raise ValueError(
            f"`timeout` must be positive and at most {_DAY:g}, a day. "
            f"Received: timeout={timeout}"
        )


class LiveSource:
    """Reads a camera or a network stream; opens it again when it is gone.

    The time of a frame is when it came. The first opening must succeed, so
    that a wrong address is told at once; later ones are tried for ever, with
    growing pauses.

    Args:
        name: A camera's number or the address of a stream.
        timeout: Seconds without a frame after which a network stream counts
            as gone.

    Raises:
        ValueError: If the timeout is not positive or longer than a day, or
            the number is no camera's.
    """

    is_live = True
    fps = 0.0

    def __init__(self, name: str, *, timeout: float = 5.0):
        check_timeout(timeout)
        if name.isdecimal() and len(name) > _CAMERA_DIGITS:
            raise ValueError(
                f"A camera's number has {_CAMERA_DIGITS} digits at most. "
                f"Received: {name}"
            )
        self.name = name
        self.is_webcam = name.isdecimal()
        self._timeout = timeout
        self._stopped = threading.Event()
        self._capture: cv2.VideoCapture | None = None
        self._start: float | None = None  # Of the first frame.

    def read(self) -> TimedFrame | None:
        """Waits for the next frame; None once stopped.

        Raises:
            SourceError: If the source could not be opened, or was and gave no
                frame.
        """
        waits = back_off()
        while not self._stopped.is_set():
            was_gone = self._capture is None and self._start is not None
            capture = self._capture = self._capture or self._open()
            is_open = capture.isOpened()
            read, image = capture.read()
            if read:
                if was_gone:
                    _tell(f"{self._title} is back")
                return self._timed(image)
            self.close()
            if self._stopped.is_set():
                break
            if self._start is None:
                raise SourceError(
                    f"{self._title} gives no frame."
                    if is_open
                    else f"{self._title} cannot be opened{self._hint}."
                )
            wait = next(waits)
            _tell(f"{self._title} is gone; trying again in {wait:g} s")
            self._stopped.wait(wait)
        return None

    def stop(self) -> None:
        """Makes a `read` that waits return None soon."""
        self._stopped.set()

    def close(self) -> None:
        """Lets go of the camera or the connection."""
        if self._capture is not None:
            self._capture.release()
            self._capture = None

    @property
    def _title(self):
        return f"camera {self.name}" if self.is_webcam else self.name

    @property
    def _hint(self):
        scheme = self.name.partition("://")[0].lower()
        if self.is_webcam or scheme in (*_SCHEMES, "file"):
            return ""
        *others, last = (f"{each}://" for each in _SCHEMES)
        usual = f"{', '.join(others)} or {last}"
        return f" (is {scheme}:// right? Usual are {usual})"

    def _open(self):
        if self.is_webcam:
            return cv2.VideoCapture(int(self.name))
        milliseconds = int(1e3 * self._timeout)
        return cv2.VideoCapture(
            self.name,
            cv2.CAP_FFMPEG,
            [
                *(cv2.CAP_PROP_OPEN_TIMEOUT_MSEC, milliseconds),
                *(cv2.CAP_PROP_READ_TIMEOUT_MSEC, milliseconds),
            ],
        )

    def _timed(self, image):
        now = time.monotonic()
        if self._start is None:
            self._start = now
        return TimedFrame(image, now - self._start)


def _tell(notice):
    print(f"tsm-live: warning: {notice}", file=sys.stderr)
