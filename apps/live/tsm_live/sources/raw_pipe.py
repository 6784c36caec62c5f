"""RawPipe: reads raw frames from a pipe."""

import os
import select
import sys
from typing import BinaryIO

import numpy as np

from tsm_live.sources.source import SourceError, TimedFrame

FORMATS = ("bgr24", "rgb24")  # FFmpeg's names.
FPS_RANGE = (1e-3, 1e4)
_MAX_PIXELS = 1 << 26  # A frame may have twice the pixels of 8K.
_PATIENCE = 0.1  # Seconds between checks whether to stop.
_CAN_SELECT = os.name == "posix"  # Windows selects sockets only.


def is_rate(fps: float) -> bool:
    """Returns whether `fps` is a usable frame rate."""
    return FPS_RANGE[0] <= fps <= FPS_RANGE[1]


class RawPipe:
    """Reads frames without a container, as `ffmpeg -f rawvideo` writes them.

    No frame is dropped, because the writer of the pipe waits for the reader.

    Args:
        pipe: A file with a descriptor.
        width: The width of a frame in pixels.
        height: The height of a frame in pixels.
        pixel_format: `"bgr24"` or `"rgb24"`.
        fps: The frames per second, which give each frame its time.

    Raises:
        ValueError: If the size, the format or the rate is not valid.
    """

    name = "-"
    is_live = False
    is_webcam = False

    def __init__(
        self,
        pipe: BinaryIO,
        width: int,
        height: int,
        *,
        pixel_format: str = "bgr24",
        fps: float = 30.0,
    ):
        if (
            pixel_format not in FORMATS
            or not is_rate(fps)
            or min(width, height) < 1
            or width * height > _MAX_PIXELS
        ):
            raise ValueError(
                f"Frames on a pipe must have at most {_MAX_PIXELS} pixels, one "
                f"of the formats {FORMATS} and a frame rate. Received: "
                f"{width}x{height}, {pixel_format!r}, {fps} fps"
            )
        self._descriptor = pipe.fileno()
        self._shape = (height, width, 3)
        self._is_rgb = pixel_format == "rgb24"
        self.fps = fps
        self._count = 0
        self._stopped = False

    def read(self) -> TimedFrame | None:
        """Waits for a whole frame; returns None when the pipe has ended.

        Raises:
            SourceError: If the pipe ended before the first frame was complete.
        """
        content = self._read(int(np.prod(self._shape)))
        if content is None:
            return None
        image = np.frombuffer(content, np.uint8).reshape(self._shape)
        if self._is_rgb:
            image = np.ascontiguousarray(image[..., ::-1])
        time = self._count / self.fps
        self._count += 1
        return TimedFrame(image, time)

    def stop(self) -> None:
        """Makes a `read` in another thread return None soon.

        On Windows it returns with the next frame or at the end of the pipe.
        """
        self._stopped = True

    def close(self) -> None:
        """Does nothing: the pipe belongs to the caller."""

    def _read(self, size):
        content = bytearray(size)
        filled = 0
        while filled < size:
            if self._stopped:
                return None
            if (
                _CAN_SELECT
                and not (
                    select.select([self._descriptor], [], [], _PATIENCE)[0]
                )
            ):
                continue
            part = os.read(self._descriptor, size - filled)
            if not part:
                return self._ended(filled, size)
            content[filled : filled + len(part)] = part
            filled += len(part)
        return content

    def _ended(self, filled, size):
        if not self._count:
            raise SourceError(
                f"stdin ended before the first frame of {size} bytes. "
                f"Received: {filled} bytes"
            )
        if filled:
            print(
                "tsm-live: warning: stdin ended within a frame; its "
                f"{filled} of {size} bytes are ignored "
                "(is --stdin_size right?)",
                file=sys.stderr,
            )
        return None
