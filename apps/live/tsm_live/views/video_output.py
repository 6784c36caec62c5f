"""VideoOutput: writes a live run to a video file."""

import os
import pathlib
import queue
import threading
import uuid

import cv2
import numpy as np

from tsm_live.live.live_state import Command, LiveState
from tsm_live.video.encoding import SUFFIXES, VideoWriter
from tsm_live.views.drawing import draw

_LIVE_FPS = 30.0
_FPS_RANGE = (1.0, 240.0)  # Frame rates of files that are taken as valid.
_LONGEST_GAP = 10.0  # A gap of more seconds is shortened to this.
_QUEUE = 64 << 20  # Bytes of frames that wait to be written.


class VideoOutput:
    """Writes the pictures of `draw` to a video file.

    The video has a constant frame rate, so frames are repeated or left out to
    keep the times of the stream. A thread draws and writes. If it falls
    behind, frames of a camera are dropped, while a file waits.

    Attributes:
        frames: The number of frames in the video.
        dropped: The number of frames that were dropped because the disk or the
            processor was too slow.
    """

    def __init__(self, path: str | os.PathLike, *, fps: float | None = None):
        """Creates a temporary file beside the final one.

        Args:
            path: An .mp4, .mkv or .avi file. It appears when it is complete;
                until then it is named `.NAME.RANDOM.part.SUFFIX`.
            fps: The frames per second. The default is the rate of the first
                state, or 30 for a camera.

        Raises:
            ValueError: If the suffix is not one of these.
            OSError: If the file cannot be written.
        """
        self._path = pathlib.Path(path)
        suffix = self._path.suffix.lower()
        if suffix not in SUFFIXES:
            raise ValueError(
                f"The name of a video must end in {', '.join(SUFFIXES)}. "
                f"Received: {os.fspath(path)!r}"
            )
        if self._path.is_dir():
            raise IsADirectoryError(f"{os.fspath(path)} is a folder.")
        self._fps = fps
        # A random name, since another run may write to the same path. FFmpeg
        # needs the suffix, and a name may have at most 255 bytes.
        self._part = self._path.with_name(
            f".{self._path.stem[:48]}.{uuid.uuid4().hex[:8]}.part{suffix}"
        )
        self._part.parent.mkdir(parents=True, exist_ok=True)
        self._part.write_bytes(b"")  # Raises now rather than at the end.
        self._queue: queue.Queue[LiveState | None] = queue.Queue()
        self._thread: threading.Thread | None = None
        self._error: Exception | None = None
        self._writer: VideoWriter | None = None
        self._picture = np.empty((0, 0, 3), np.uint8)  # The last one written.
        self._time = self._elapsed = 0.0
        self._closed = False
        self.frames = self.dropped = 0

    def show(self, state: LiveState) -> None:
        """Queues a state for writing.

        Raises:
            OSError: If an earlier state could not be written.
        """
        if self._error is not None:
            raise self._error
        if self._closed:
            return
        if self._thread is None:
            self._queue.maxsize = max(2, _QUEUE // state.frame.nbytes)
            self._time = state.time
            self._thread = threading.Thread(
                target=self._work, name="tsm-live-video", daemon=True
            )
            self._thread.start()
        try:
            self._queue.put(state, block=not state.is_live)
        except queue.Full:
            self.dropped += 1

    def poll(self) -> list[Command]:
        """Returns no commands."""
        return []

    def close(self) -> None:
        """Completes the file and renames it; without any frame, deletes it.

        Raises:
            OSError: If the video could not be completed. The message names the
                file with the part that was written.
        """
        if self._closed:
            return
        self._closed = True
        if self._thread is not None:
            self._queue.put(None)
            self._thread.join()
        if self._writer is not None:
            try:
                self._writer.close()
            except OSError as error:
                self._error = self._error or self._incomplete(error)
        if self.frames and not self._part.exists():
            raise OSError(
                f"The video {self._path} is lost: its temporary file was "
                "removed while it was written."
            ) from self._error
        if not self.frames:
            self._part.unlink(missing_ok=True)
        if self._error is not None:
            raise self._error
        if not self.frames:
            return
        self._part.replace(self._path)

    def _work(self):
        """Writes the queued states until None arrives."""
        try:
            for state in iter(self._queue.get, None):
                self._write(state)
        except Exception as error:  # `show` or `close` raises it.
            self._error = error
            for _ in iter(self._queue.get, None):
                pass

    def _write(self, state):
        step = state.time - self._time
        self._time = state.time
        self._elapsed += min(max(step, 0.0), _LONGEST_GAP)
        if self._writer is None:
            self._open(state)
        frame_number = round(self._elapsed * self._fps)
        while self.frames < frame_number:
            self._append(self._picture)
        if self.frames == frame_number:
            self._picture = _fit_into(draw(state), self._picture.shape)
            self._append(self._picture)

    def _append(self, picture):
        try:
            self._writer.write(picture)
        except OSError as error:
            raise self._incomplete(error) from error
        self.frames += 1

    def _incomplete(self, error):
        return OSError(
            f"The video {self._path} could not be completed "
            f"({error.strerror}); is the disk full? What was written is in "
            f"{self._part}"
        )

    def _open(self, state):
        if self._fps is None:
            lowest, highest = _FPS_RANGE
            usable = not state.is_live and lowest <= state.fps <= highest
            self._fps = state.fps if usable else _LIVE_FPS
        self._picture = draw(state)
        height, width = self._picture.shape[:2]
        self._writer = VideoWriter(self._part, self._fps, height, width)


def _fit_into(picture, shape):
    """Scales a picture to fit into a shape and pads it with black."""
    if picture.shape == shape:
        return picture
    (height, width), (full_height, full_width) = picture.shape[:2], shape[:2]
    scale = min(full_height / height, full_width / width)
    height, width = round(height * scale), round(width * scale)
    top, left = (full_height - height) // 2, (full_width - width) // 2
    return cv2.copyMakeBorder(
        cv2.resize(picture, (width, height), interpolation=cv2.INTER_AREA),
        top,
        full_height - height - top,
        left,
        full_width - width - left,
        cv2.BORDER_CONSTANT,
    )
