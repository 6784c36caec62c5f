"""VideoFile: the frames of a file and their times."""

import os
import stat
import sys

import cv2

from tsm_live.sources.source import SourceError, TimedFrame

# Of the length that a file claims to have: what lacks at its end without
# being worth a word (containers count some frames that are no picture).
_MAY_LACK = 0.1
_FPS_RANGE = (1.0, 240.0)  # Any other rate is a unit of time, say, or none.


class VideoFile:
    """Reads a video file from its first frame to its last.

    Damaged frames are concealed or left out, as FFmpeg does; where a file
    breaks off, it ends, and that is said on stderr.

    Args:
        path: Of the file, or its `http(s)://` address.

    Attributes:
        name: The same.
        fps: Frames a second.

    Raises:
        SourceError: If there is no such file, or it is no video.
    """

    is_live = False
    is_webcam = False

    def __init__(self, path: str | os.PathLike):
        self.name = os.fspath(path)
        if "://" not in self.name:
            _check_file(self.name)
        self._capture = cv2.VideoCapture(self.name)
        if not self._capture.isOpened():
            raise SourceError(
                f"{self.name} cannot be read as a video: it is damaged, or of "
                "a kind that OpenCV does not know."
            )
        rate = self._capture.get(cv2.CAP_PROP_FPS)
        frames = self._capture.get(cv2.CAP_PROP_FRAME_COUNT)
        self._claimed_length = frames / rate if rate > 0 else 0.0
        is_rate = _FPS_RANGE[0] <= rate <= _FPS_RANGE[1]
        self.fps = rate if is_rate else _measured_fps(self.name)
        self._first = 0.0  # Time of the first frame, as the file has it.
        self._last: float | None = None

    def read(self) -> TimedFrame | None:
        """Returns the next frame, None after the last.

        Raises:
            SourceError: If there is not a single one.
        """
        read, image = self._capture.read()
        if read:
            return TimedFrame(image, self._time())
        if self._last is None:
            raise SourceError(
                f"{self.name} cannot be read: it yields no frame."
            )
        length = self._last + 1 / self.fps
        if length < (1 - _MAY_LACK) * self._claimed_length - 1 / self.fps:
            print(
                f"tsm-live: warning: {self.name} breaks off after "
                f"{length:.2f} of {self._claimed_length:.2f} s",
                file=sys.stderr,
            )
        return None

    def stop(self) -> None:
        """Does nothing: a read of a file does not wait."""

    def close(self) -> None:
        """Closes the file."""
        self._capture.release()

    def _time(self):
        stamp = self._capture.get(cv2.CAP_PROP_POS_MSEC) / 1e3
        if self._last is None:
            self._first, self._last = stamp, 0.0
        elif stamp > 0:
            self._last = stamp - self._first
        else:  # Some frames carry no time.
            self._last += 1 / self.fps
        return self._last


def _check_file(path):
    """Refuses what FFmpeg would wait for without end, such as a pipe."""
    if not os.path.exists(path):
        raise SourceError(f"There is no video at {path}.")
    mode = os.stat(path).st_mode
    # Some cameras are devices with a path.
    if not (stat.S_ISREG(mode) or stat.S_ISCHR(mode)):
        raise SourceError(
            f"{path} is no file. Frames from a pipe come with --source=-, as "
            "bare pixels on stdin."
        )


def _measured_fps(path):
    """Returns the rate of a file's first frames, 25 if that is none either."""
    capture = cv2.VideoCapture(path)
    times = []
    while len(times) < 10 and capture.grab():
        times.append(capture.get(cv2.CAP_PROP_POS_MSEC) / 1e3)
    capture.release()
    if len(times) < 2 or times[-1] <= times[0]:
        return 25.0
    return (len(times) - 1) / (times[-1] - times[0])
