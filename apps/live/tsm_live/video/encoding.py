"""VideoWriter: writes frames to a video file that browsers can play."""

import os
from fractions import Fraction
from typing import cast

import av
import numpy as np

# PyPI's wheels have libx264; other builds of FFmpeg may lack it. Browsers do
# not play MPEG-4 Part 2, which every build has.
_H264 = next(
    name
    for name in ("libx264", "libopenh264", "mpeg4")
    if name in av.codecs_available
)
# Options of libx264 that leave time for the live run.
_FAST = {"preset": "superfast", "tune": "zerolatency"}
# Codec, pixel format and options. An .mp4 can be played only after it has been
# closed. An .mkv or .avi loses only its last seconds in a power cut.
_CODECS = {
    ".mp4": (_H264, "yuv420p", _FAST),
    ".mkv": (_H264, "yuv420p", _FAST),
    ".avi": ("mjpeg", "yuvj420p", {"qmin": "3", "qmax": "3"}),
}
SUFFIXES = tuple(_CODECS)


class VideoWriter:
    """Writes frames of one size at a constant rate.

    Args:
        path: A file whose name ends in one of `SUFFIXES`.
        fps: The frames per second.
        height: The height of the frames in pixels; the last row of an odd
            height is left out.
        width: The width of the frames in pixels; the last column of an odd
            width is left out.

    Raises:
        OSError: If the file cannot be written.
    """

    def __init__(
        self, path: str | os.PathLike, fps: float, height: int, width: int
    ):
        suffix = os.path.splitext(path)[1].lower()
        codec, pixel_format, options = _CODECS[suffix]
        self._container = av.open(os.fspath(path), "w")
        rate = Fraction(fps).limit_denominator(1001)
        try:
            self._stream = cast(
                av.VideoStream,
                self._container.add_stream(codec, rate=rate, options=options),
            )
        except ValueError as error:
            raise OSError(
                f"FFmpeg cannot write the video {path}: it lacks {codec}."
            ) from error
        self._stream.height = height // 2 * 2
        self._stream.width = width // 2 * 2
        self._stream.pix_fmt = pixel_format

    def write(self, picture: np.ndarray) -> None:
        """Writes a `[H, W, 3]` uint8 BGR frame, or raises OSError."""
        even = picture[: self._stream.height, : self._stream.width]
        frame = av.VideoFrame.from_ndarray(
            np.ascontiguousarray(even), format="bgr24"
        )
        self._container.mux(self._stream.encode(frame))

    def close(self) -> None:
        """Completes the file, or raises OSError."""
        try:
            self._container.mux(self._stream.encode())
        finally:
            self._container.close()
