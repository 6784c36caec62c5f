"""VideoFile: the frames of a file and their times."""

import os
import sys

import cv2

from tsm_live.source import SourceError, TimedFrame

# Of the length that a file claims to have: what lacks at its end without
# being worth a word (containers count some frames that are no picture).
_MAY_LACK = 0.1


class VideoFile:
    """Reads a video file from its first frame to its last.

    Damaged frames are concealed or left out, as FFmpeg does; where a file
    breaks off, it ends, and that is said on stderr.

    Args:
        path: Of the file, or its `http(s)://` address.

    Raises:
        SourceError: If there is no such file, or it is no video.
    """

    is_live = False

    def __init__(self, path: str | os.PathLike):
        self.name = os.fspath(path)
        self._first = self._last = None  # Times, the first as the file has it.
        if "://" not in self.name and not os.path.exists(path):
            raise SourceError(f"There is no video at {self.name}.")
        self._capture = cv2.VideoCapture(self.name)
        if not self._capture.isOpened():
            raise SourceError(
                f"{self.name} cannot be read as a video: it is damaged, or of "
                "a kind that OpenCV does not know."
            )
        rate = self._capture.get(cv2.CAP_PROP_FPS)
        self._interval = 1 / rate if rate > 0 else 1 / 25

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
        self._tell_if_short()
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
            self._last += self._interval
        return self._last

    def _tell_if_short(self):
        claimed = self._capture.get(cv2.CAP_PROP_FRAME_COUNT) * self._interval
        found = self._last + self._interval
        if found < (1 - _MAY_LACK) * claimed - self._interval:
            print(
                f"tsm-live: warning: {self.name} breaks off after "
                f"{found:.2f} of {claimed:.2f} s",
                file=sys.stderr,
            )
