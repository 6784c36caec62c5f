"""open_source: the source that a text names."""

import dataclasses
import re
import sys

from tsm_live.sources.camera import LiveSource, check_timeout
from tsm_live.sources.raw_pipe import FPS_RANGE, RawPipe, is_rate
from tsm_live.sources.source import Source, SourceError
from tsm_live.sources.video_file import VideoFile

_FILE_SUFFIXES = (".mp4", ".mov", ".mkv", ".webm", ".avi")


@dataclasses.dataclass(frozen=True)
class SourceOptions:
    """What only some kinds of sources need.

    Attributes:
        timeout: As for `LiveSource`.
        stdin_size: `WIDTHxHEIGHT` of the frames on stdin.
        stdin_format: As for `RawPipe`.
        stdin_fps: As for `RawPipe`.

    Raises:
        ValueError: If a number is out of its range, or the size is no size.
    """

    timeout: float = 5.0
    stdin_size: str | None = None
    stdin_format: str = "bgr24"
    stdin_fps: float = 30.0

    def __post_init__(self):
        # Whatever the source: who mistypes one that is not used is told, too.
        check_timeout(self.timeout)
        if self.stdin_size is not None:
            self.frame_size()
        if not is_rate(self.stdin_fps):
            lowest, highest = FPS_RANGE
            raise ValueError(
                f"`stdin_fps` must be from {lowest:g} to {highest:g}. "
                f"Received: stdin_fps={self.stdin_fps}"
            )

    def frame_size(self) -> tuple[int, int]:
        """Returns the (width, height) of the frames on stdin, in pixels.

        Raises:
            ValueError: If it is not known.
        """
        size = re.fullmatch(r"(\d{1,9})x(\d{1,9})", self.stdin_size or "")
        if not size:
            raise ValueError(
                "Frames on stdin need --stdin_size=WIDTHxHEIGHT. Received: "
                f"{self.stdin_size}"
            )
        return int(size[1]), int(size[2])


def open_source(name: str, options: SourceOptions = SourceOptions()) -> Source:
    """Opens a camera, a stream, a file or stdin.

    Args:
        name: A camera's number, `-` for bare frames on stdin, an address
            (`rtsp://...`, `http://...`, `tcp://...`, `udp://...`) or a path.
            An `http` address that ends like a video file is one.
        options: What only some kinds need.

    Raises:
        SourceError: If a file cannot be read as a video, or stdin is closed.
        ValueError: If an option is missing or wrong.
    """
    if name == "-":
        width, height = options.frame_size()
        if sys.stdin is None:
            raise SourceError("--source=- reads stdin, which is closed.")
        return RawPipe(
            sys.stdin.buffer,
            width,
            height,
            pixel_format=options.stdin_format,
            fps=options.stdin_fps,
        )
    if _is_live(name):
        return LiveSource(name, timeout=options.timeout)
    return VideoFile(name)


def source_file(name: str) -> str | int | None:
    """Returns the path, or the descriptor, that a source reads, if there is."""
    if name == "-":
        return None if sys.stdin is None else 0
    if name.startswith("file://"):
        return name.removeprefix("file://")
    return None if _is_live(name) or "://" in name else name


def _is_live(name):
    scheme, is_address, rest = name.partition("://")
    is_file = not is_address or (
        scheme.lower() in ("http", "https")
        and rest.partition("?")[0].lower().endswith(_FILE_SUFFIXES)
    )
    return name.isdecimal() or not is_file
