"""Video files in and out, through PyAV."""

import dataclasses
import os
from collections.abc import Iterable, Sequence

import av
import numpy as np

from tsm_keras.data.atomic_file import atomic_file

# Codec threads pay off for one long video; for many short clips in parallel
# they cost half the throughput.
_THREADS = 1


class VideoError(ValueError):
    """A video file that cannot be read."""


@dataclasses.dataclass(frozen=True)
class VideoInfo:
    """What decoding a video found (containers lie about their length).

    Attributes:
        num_frames: Frames that decode.
        height: In pixels, as displayed.
        width: In pixels, as displayed.
        duration: Seconds from the first frame to the end of the last.
    """

    num_frames: int
    height: int
    width: int
    duration: float


def probe_video(path: str | os.PathLike) -> VideoInfo:
    """Decodes a video once and returns its size and length.

    Raises:
        VideoError: If it cannot be read to its end or has no frame.
    """
    num_frames, first, times = 0, None, []
    for frame in _decode(path):
        if first is None:
            first = _upright(frame)
        if frame.time is not None:
            times.append(frame.time)
        num_frames += 1
    if first is None:
        raise _unreadable(path, "it holds no video frame")
    # The last frame lasts as long as the average one.
    span = max(times) - min(times) if len(times) > 1 else 0.0
    return VideoInfo(
        num_frames=num_frames,
        height=first.shape[0],
        width=first.shape[1],
        duration=span * num_frames / max(num_frames - 1, 1),
    )


def read_video(
    path: str | os.PathLike, indices: Sequence[int] | None = None
) -> np.ndarray:
    """Reads frames of a video, upright.

    Args:
        path: A video file.
        indices: Ascending frame numbers (repeats allowed), or None for all.

    Returns:
        `[T, H, W, 3]` uint8 RGB.

    Raises:
        VideoError: If the file cannot be read, has no frame, or ends before
            the last of `indices`.
    """
    wanted = None if indices is None else set(map(int, indices))
    last = None if wanted is None else max(wanted)
    frames = {}
    for number, frame in enumerate(_decode(path)):
        if wanted is None or number in wanted:
            frames[number] = _upright(frame)
        if number == last:
            break
    if not frames:
        raise _unreadable(path, "it holds no video frame")
    if indices is None:
        return np.stack(list(frames.values()))
    if last not in frames:
        raise _unreadable(path, f"it ends before frame {last}")
    return np.stack([frames[int(index)] for index in indices])


def write_video(
    path: str | os.PathLike,
    frames: Iterable[np.ndarray],
    *,
    fps: float,
    quality: int = 20,
    intra_only: bool = False,
) -> None:
    """Writes an MP4 file: H.264 where the encoder is there, else MPEG-4.

    The file appears under its name only when it is complete.

    Args:
        path: The file to write.
        frames: `[H, W, 3]` uint8 RGB frames; H and W even.
        fps: Frames a second.
        quality: H.264's quantizer, 0 (lossless) to 51.
        intra_only: Encode each frame by itself and with the same quantizer,
            so that a file tells nothing of the order of its frames.
    """
    with (
        atomic_file(path) as temporary,
        av.open(str(temporary), "w", format="mp4") as container,
    ):
        stream = None
        for array in frames:
            if stream is None:
                stream = _add_stream(
                    container, array.shape, fps, quality, intra_only
                )
            frame = av.VideoFrame.from_ndarray(array, format="rgb24")
            container.mux(stream.encode(frame))
        if stream is None:
            raise ValueError("`frames` must hold a frame. Received: none")
        container.mux(stream.encode())


def _add_stream(container, shape, fps, quality, intra_only):
    codec = "libx264" if "libx264" in av.codecs_available else "mpeg4"
    # Millihertz: MPEG-4 refuses a time base finer than 1/65535.
    rate = fps if isinstance(fps, int) else _fraction(fps)
    stream = container.add_stream(codec, rate=rate)
    stream.height, stream.width = shape[:2]
    stream.pix_fmt = "yuv420p"
    if codec == "libx264":
        options = {"qp": str(quality), "preset": "veryfast"}
        if intra_only:
            # No lookahead, no adaptive quantizer: frames know no neighbours.
            options |= {"x264-params": "keyint=1:scenecut=0:aq-mode=0"}
        stream.options = options
    else:
        stream.options = {"qmin": "3", "qmax": "3"}
    if intra_only:
        stream.gop_size = 1
        stream.max_b_frames = 0
    stream.thread_count = _THREADS
    return stream


def _fraction(fps):
    from fractions import Fraction

    return Fraction(fps).limit_denominator(1000)


def _decode(path):
    try:
        with av.open(str(path)) as container:
            if not container.streams.video:
                raise _unreadable(path, "it has no video stream")
            stream = container.streams.video[0]
            stream.thread_count = _THREADS
            yield from container.decode(stream)
    except (av.FFmpegError, OSError) as error:
        # FFmpeg's errors are OSErrors too, and repeat the path.
        reason = getattr(error, "strerror", None) or str(error)
        raise _unreadable(path, reason) from error


def _upright(frame):
    image = frame.to_ndarray(format="rgb24")
    # A display matrix counts degrees counterclockwise, as rot90 does.
    turns = round(getattr(frame, "rotation", 0) / 90) % 4
    return np.ascontiguousarray(np.rot90(image, turns)) if turns else image


def _unreadable(path, reason):
    return VideoError(
        f"Cannot read the video {os.fspath(path)}: {reason}. Repair or remove "
        "the file."
    )
