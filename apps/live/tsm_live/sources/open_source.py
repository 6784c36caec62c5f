"""open_source: opens a source by its number, path or address."""

import dataclasses
import re
import sys
from collections.abc import Sequence

from tsm_live.sources.camera import Camera, check_timeout, is_camera
from tsm_live.sources.raw_pipe import FPS_RANGE, RawPipe, is_rate
from tsm_live.sources.source import Source, SourceError
from tsm_live.sources.title import source_title
from tsm_live.sources.video_file import VideoFile

_FILE_SUFFIXES = (".mp4", ".mov", ".mkv", ".webm", ".avi")


@dataclasses.dataclass(frozen=True)
class SourceOptions:
    """Options that only some kinds of sources need.

    Attributes:
        timeout: Seconds without a frame after which a network stream is opened
            again.
        stdin_size: The size of the frames on stdin, as `WIDTHxHEIGHT`.
        stdin_format: The order of the colors on stdin.
        stdin_fps: The frames per second on stdin.

    Raises:
        ValueError: If a number is out of range, or the size is not valid.
    """

    timeout: float = 5.0
    stdin_size: str | None = None
    stdin_format: str = "bgr24"
    stdin_fps: float = 30.0

    def __post_init__(self):
        # A mistyped option is reported even if the source does not use it.
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
            ValueError: If the size is missing or not valid.
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
        name: The number or the path of a camera (`0`, `/dev/video0`), `gst:`
            followed by a GStreamer pipeline, the address of a stream
            (`rtsp://...`, `http://...`, `tcp://...`, `udp://...`), `-` for raw
            frames on stdin, or the path or the `file:///...` address of a
            video. An `http` address with the suffix of a video is a file.
        options: Options that only some kinds need.

    Raises:
        SourceError: If a file is not a readable video, stdin is closed, or
            this OpenCV cannot read pipelines.
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
    if is_camera(name) and not _is_video_address(name):
        return Camera(name, timeout=options.timeout)
    return open_video(name)


def open_sources(
    names: Sequence[str], options: SourceOptions = SourceOptions()
) -> list[Source]:
    """Opens several sources and gives them different titles.

    Raises:
        SourceError, ValueError: As `open_source`, or if a source is given
            twice.
    """
    titles = [source_title(name) for name in names]
    if len(set(names)) < len(names):
        raise ValueError(f"Each --source may be given once. Received: {titles}")
    sources = [open_source(name, options) for name in names]
    for index, source in enumerate(sources):
        if titles.count(source.name) > 1:  # They differ only in credentials.
            source.name += f" ({titles[: index + 1].count(titles[index])})"
    return sources


def open_video(name: str) -> VideoFile:
    """Opens a video by its path or address; messages hide its credentials.

    Raises:
        SourceError: If the file is not a readable video.
        ValueError: If a `file://` address names another machine.
    """
    path, title = _file_path(name), source_title(name)
    try:
        video = VideoFile(path)
    except SourceError as error:
        raise SourceError(str(error).replace(path, title)) from None
    video.name = title
    return video


def source_file(name: str) -> str | int | None:
    """Returns the path or the descriptor of a file source, else None."""
    if name == "-":
        return None if sys.stdin is None else 0
    path = _file_path(name)
    return None if is_camera(path) else path


def _is_video_address(name):
    scheme, _, rest = name.lower().partition("://")
    return scheme == "file" or (
        scheme in ("http", "https")
        and rest.partition("?")[0].endswith(_FILE_SUFFIXES)
    )


def _file_path(name):
    """Returns the path of a `file://` address; keeps any other name."""
    if not name.lower().startswith("file://"):
        return name
    import urllib.request

    host, _, path = name[len("file://") :].partition("/")
    if host not in ("", "localhost"):
        raise ValueError(
            "The address of a file begins with file:/// (three slashes). "
            f"Received: --source={source_title(name)}"
        )
    return urllib.request.url2pathname(f"/{path}")
