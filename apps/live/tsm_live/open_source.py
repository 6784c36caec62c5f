"""open_source: the source that a text names."""

import dataclasses
import re
import sys

from tsm_live.live_source import LiveSource
from tsm_live.raw_pipe import RawPipe
from tsm_live.source import Source
from tsm_live.video_file import VideoFile

_FILE_SUFFIXES = (".mp4", ".mov", ".mkv", ".webm", ".avi")


@dataclasses.dataclass(frozen=True)
class SourceOptions:
    """What only some kinds of sources need.

    Attributes:
        timeout: As for `LiveSource`.
        stdin_size: `WIDTHxHEIGHT` of the frames on stdin.
        stdin_format: As for `RawPipe`.
        stdin_fps: As for `RawPipe`.
    """

    timeout: float = 5.0
    stdin_size: str | None = None
    stdin_format: str = "bgr24"
    stdin_fps: float = 30.0


def open_source(name: str, options: SourceOptions = SourceOptions()) -> Source:
    """Opens a camera, a stream, a file or stdin.

    Args:
        name: A camera's number, `-` for bare frames on stdin, an address
            (`rtsp://...`, `http://...`, `tcp://...`, `udp://...`) or a path.
            An `http` address that ends like a video file is one.
        options: What only some kinds need.

    Raises:
        SourceError: If a file cannot be read as a video.
        ValueError: If an option is missing or wrong.
    """
    if name == "-":
        size = re.fullmatch(r"(\d+)x(\d+)", options.stdin_size or "")
        if not size:
            raise ValueError(
                "Frames on stdin need --stdin_size=WIDTHxHEIGHT. Received: "
                f"{options.stdin_size}"
            )
        return RawPipe(
            sys.stdin.buffer,
            *map(int, size.groups()),
            pixel_format=options.stdin_format,
            fps=options.stdin_fps,
        )
    scheme, is_address, rest = name.partition("://")
    is_file = not is_address or (
        scheme.lower() in ("http", "https")
        and rest.partition("?")[0].lower().endswith(_FILE_SUFFIXES)
    )
    if name.isdecimal() or not is_file:
        return LiveSource(name, timeout=options.timeout)
    return VideoFile(name)
