"""VideoFile: reads the frames of a video file and their times."""

import itertools
import os
import stat
import sys
from fractions import Fraction

import cv2

from tsm_live.sources.source import SourceError, TimedFrame
from tsm_live.video.decoding import Video
from tsm_live.video.video_error import VideoError

_FPS_RANGE = (1.0, 240.0)  # Files with other rates do not state a real one.
_MEASURED_FRAMES = 10


class VideoFile:
    """Reads a video file from its first frame to its last.

    It gives the same frames as training (`tsm_live.video`), except that FFmpeg
    conceals or leaves out damaged frames. If the file is damaged or breaks
    off, one line on stderr says so at the end.

    Args:
        path: The path or the `http(s)://` address of the file.

    Attributes:
        name: The path, until somebody sets another title.
        fps: The frames per second.

    Raises:
        SourceError: If the file does not exist or is not a readable video.
    """

    is_live = False
    is_webcam = False

    def __init__(self, path: str | os.PathLike):
        self.name = os.fspath(path)
        if "://" not in self.name:
            _check_file(self.name)
        try:
            # Several threads are faster for one long video.
            self._video = Video(path, is_strict=False, threads=0)
            self.fps = self._frame_rate()
        except VideoError as error:
            raise SourceError(
                f"{self.name} cannot be read as a video: {error.reason}. "
                f"{error.advice}".rstrip()
            ) from error
        self._frames = self._video.timed_frames()
        self._first: Fraction | None = (
            None  # The time of the first frame in the file.
        )

    def read(self) -> TimedFrame | None:
        """Returns the next frame; None after the last.

        Raises:
            SourceError: If the file has no readable frame.
        """
        try:
            found = next(self._frames, None)
        except VideoError as error:
            raise SourceError(
                f"{self.name} cannot be read: {error.reason}."
            ) from error
        if found is not None:
            time, frame = found
            if self._first is None:
                self._first = time
            image = self._video.convert(frame)
            cv2.cvtColor(image, cv2.COLOR_RGB2BGR, image)
            return TimedFrame(image, float(time - self._first))
        if self._first is None:
            raise SourceError(
                f"{self.name} cannot be read: it has no readable frame."
            )
        self._tell_damage()
        return None

    def stop(self) -> None:
        """Does nothing: a read of a file does not wait."""

    def close(self) -> None:
        """Closes the file."""
        self._video.close()

    def _frame_rate(self):
        """Returns the rate in the file, or the measured one, or 25."""
        rate = float(self._video.rate)
        if _FPS_RANGE[0] <= rate <= _FPS_RANGE[1]:
            return rate
        frames = itertools.islice(self._video.timed_frames(), _MEASURED_FRAMES)
        times = [time for time, _ in frames]
        self._video.rewind()
        if len(times) < 2:
            return 25.0
        return float((len(times) - 1) / (times[-1] - times[0]))

    def _tell_damage(self):
        if missing := self._video.missing_end():
            found, claimed = missing
            trouble = f"breaks off after {found:.2f} of {claimed:.2f} s"
        elif self._video.errors:
            trouble = "is damaged: some of its frames are wrong or left out"
        else:
            return
        print(f"tsm-live: warning: {self.name} {trouble}", file=sys.stderr)


def _check_file(path):
    """Refuses a pipe or a device, for which FFmpeg would wait forever."""
    if not os.path.exists(path):
        raise SourceError(f"There is no video at {path}.")
    if not stat.S_ISREG(os.stat(path).st_mode):
        raise SourceError(
            f"{path} is not a file. To read raw frames from a pipe, connect it "
            "to stdin and use --source=-."
        )
