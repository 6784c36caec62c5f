"""Camera: reads a camera or a network stream and reconnects when it fails."""

import os
import sys
import threading
import time
from collections.abc import Iterator

import cv2

from tsm_live.sources.source import SourceError, TimedFrame
from tsm_live.sources.title import source_title

_DAY = 86_400.0  # Seconds.
# The build of OpenCV decides which other schemes FFmpeg knows.
_SCHEMES = ("rtsp", "http", "https", "tcp", "udp")
_CAMERA_DIGITS = 4  # OpenCV takes larger numbers for those of backends.
_PIPELINE = "gst:"


def is_device(name: str) -> bool:
    """Returns whether a name is the number or the path of a local camera."""
    return (
        name.isdecimal()
        or name.startswith(("/dev/video", "/dev/v4l/"))
        or os.path.realpath(name).startswith("/dev/video")
    )


def is_camera(name: str) -> bool:
    """Returns whether a name means a device, a pipeline or an address."""
    return is_device(name) or name.startswith(_PIPELINE) or "://" in name


def back_off(first: float = 0.5, longest: float = 30.0) -> Iterator[float]:
    """Yields the seconds to wait before each attempt; they double."""
    while True:
        yield first
        first = min(2 * first, longest)


def check_timeout(timeout: float) -> None:
    """Checks a timeout in seconds.

    Raises:
        ValueError: If the timeout is not positive, or longer than a day.
    """
    if not 0 < timeout <= _DAY:
        raise ValueError(
            f"`timeout` must be positive and at most {_DAY:g}, a day. "
            f"Received: timeout={timeout}"
        )


class Camera:
    """Reads a camera or a network stream, and opens it again when it fails.

    The time of a frame is the time of its arrival. If the source cannot be
    opened at first, that is an error. Later attempts to open it again go on
    without a limit, with growing pauses.

    Args:
        address: The number or the path of a camera of this machine, the
            address of a stream, or `gst:` followed by a GStreamer pipeline
            that ends in `appsink`. Messages do not show its credentials.
        timeout: Seconds without a frame after which a network stream counts
            as failed.

    Attributes:
        name: The title of the source, without credentials.

    Raises:
        ValueError: If the timeout is not positive or longer than a day, or
            the number has too many digits.
        SourceError: If this OpenCV cannot read pipelines.
    """

    is_live = True
    fps = 0.0

    def __init__(self, address: str, *, timeout: float = 5.0):
        check_timeout(timeout)
        if address.isdecimal() and len(address) > _CAMERA_DIGITS:
            raise ValueError(
                "The number of a camera has at most "
                f"{_CAMERA_DIGITS} digits. Received: {address}"
            )
        self.name = source_title(address)
        self.is_webcam = is_device(address)
        if address.startswith(_PIPELINE) and not (
            cv2.videoio_registry.hasBackend(cv2.CAP_GSTREAMER)
        ):
            raise SourceError(
                "This OpenCV was built without GStreamer, as all wheels on "
                "PyPI are. Use the OpenCV of the system (on a Jetson and on "
                "Debian: apt install python3-opencv). Received: "
                f"--source={self.name}"
            )
        self._address = address
        self._timeout = timeout
        self._stopped = threading.Event()
        self._capture: cv2.VideoCapture | None = None
        self._start: float | None = None  # The time of the first frame.

    def read(self) -> TimedFrame | None:
        """Waits for the next frame; returns None after `stop`.

        Raises:
            SourceError: If the source cannot be opened at first, or gives no
                first frame.
        """
        waits = back_off()
        while not self._stopped.is_set():
            was_gone = self._capture is None and self._start is not None
            capture = self._capture = self._capture or self._open()
            is_open = capture.isOpened()
            read, image = capture.read()
            if read:
                if was_gone:
                    _warn(f"{self._title} is back")
                now = time.monotonic()
                self._start = now if self._start is None else self._start
                return TimedFrame(image, now - self._start)
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
            _warn(f"{self._title} is gone; trying again in {wait:g} s")
            self._stopped.wait(wait)
        return None

    def stop(self) -> None:
        """Makes a `read` in another thread return None soon."""
        self._stopped.set()

    def close(self) -> None:
        """Releases the camera or the connection."""
        if self._capture is not None:
            self._capture.release()
            self._capture = None

    @property
    def _title(self):
        return f"camera {self.name}" if self.is_webcam else self.name

    @property
    def _hint(self):
        scheme, is_address, _ = self._address.partition("://")
        if self.is_webcam or not is_address or scheme.lower() in _SCHEMES:
            return ""
        *others, last = (f"{each}://" for each in _SCHEMES)
        usual = f"{', '.join(others)} or {last}"
        return f" (is {scheme}:// right? Usual schemes are {usual})"

    def _open(self):
        if self._address.isdecimal():
            return cv2.VideoCapture(int(self._address))
        if self.is_webcam:
            return cv2.VideoCapture(self._address, cv2.CAP_V4L2)
        if self._address.startswith(_PIPELINE):
            pipeline = self._address.removeprefix(_PIPELINE)
            return cv2.VideoCapture(pipeline, cv2.CAP_GSTREAMER)
        milliseconds = int(1e3 * self._timeout)
        return cv2.VideoCapture(
            self._address,
            cv2.CAP_FFMPEG,
            [
                *(cv2.CAP_PROP_OPEN_TIMEOUT_MSEC, milliseconds),
                *(cv2.CAP_PROP_READ_TIMEOUT_MSEC, milliseconds),
            ],
        )


def _warn(notice):
    print(f"tsm-live: warning: {notice}", file=sys.stderr)
