"""Video files in and out, through PyAV."""

import contextlib
import dataclasses
import os
from collections.abc import Iterable, Sequence

import av
import numpy as np

from tsm_keras.data.atomic_file import atomic_file

# Codec threads pay off for one long video; for many short clips in parallel
# they cost half the throughput.
_THREADS = 1
# A seek costs about as much as to decode as many frames.
_SEEK_COST = 3


class VideoError(ValueError):
    """A video file that cannot be read."""


class _SeekError(Exception):
    """Seeking did not lead to the frame that it should have."""


@dataclasses.dataclass(frozen=True)
class VideoInfo:
    """What decoding a video found (containers lie about their length).

    Attributes:
        num_frames: Frames that decode.
        height: In pixels, as displayed.
        width: In pixels, as displayed.
        duration: Seconds from the first frame to the end of the last.
        key_frames: Number and time stamp (in the stream's own units) of the
            frames that decoding can start at; none if the stream's time
            stamps do not tell its frames apart.
    """

    num_frames: int
    height: int
    width: int
    duration: float
    key_frames: tuple[tuple[int, int], ...] = ()


def probe_video(path: str | os.PathLike) -> VideoInfo:
    """Decodes a video once and returns its size and length.

    Raises:
        VideoError: If it cannot be read to its end or has no frame.
    """
    first, times, stamps, key_frames = None, [], [], []
    with _stream(path) as (container, stream):
        for number, frame in enumerate(container.decode(stream)):
            if first is None:
                first = _upright(frame)
            if frame.time is not None:
                times.append(frame.time)
            if frame.key_frame:
                key_frames.append((number, frame.pts))
            stamps.append(frame.pts)
    if first is None:
        raise _unreadable(path, "it holds no video frame")
    num_frames = len(stamps)
    # Seeking finds a frame by its stamp.
    ascend = None not in stamps and all(map(int.__lt__, stamps, stamps[1:]))
    # The last frame lasts as long as the average one.
    span = max(times) - min(times) if len(times) > 1 else 0.0
    return VideoInfo(
        num_frames=num_frames,
        height=first.shape[0],
        width=first.shape[1],
        duration=span * num_frames / max(num_frames - 1, 1),
        key_frames=tuple(key_frames) if ascend else (),
    )


def read_video(
    path: str | os.PathLike,
    indices: Sequence[int] | None = None,
    *,
    key_frames: Sequence[tuple[int, int]] = (),
) -> np.ndarray:
    """Reads frames of a video, upright.

    Args:
        path: A video file.
        indices: Frame numbers in any order, repeats allowed, or None for all.
        key_frames: From `probe_video` of this file: lets it decode only from
            the key frame before the frames that are wanted. The frames are
            the same without.

    Returns:
        `[T, H, W, 3]` uint8 RGB.

    Raises:
        VideoError: If the file cannot be read, has no frame, or ends before
            the last of `indices`.
    """
    if indices is None:
        with _stream(path) as (container, stream):
            frames = [_upright(frame) for frame in container.decode(stream)]
        if not frames:
            raise _unreadable(path, "it holds no video frame")
        return np.stack(frames)
    wanted = sorted(set(map(int, indices)))
    try:
        picked = _pick(path, wanted, key_frames)
    except _SeekError:
        picked = _pick(path, wanted, ())
    return np.stack([picked[int(index)] for index in indices])


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


def _pick(path, wanted, key_frames):
    """Returns the frames of these ascending numbers, upright, by number."""
    picked = {}
    with _stream(path) as (container, stream):
        frames, number = container.decode(stream), 0
        for target in wanted:
            start, stamp = max(
                (key for key in key_frames if key[0] <= target), default=(0, 0)
            )
            if start > number + _SEEK_COST:
                container.seek(stamp, stream=stream)
                frames, number = _from(stamp, container.decode(stream)), start
            while number <= target:
                frame = next(frames, None)
                if frame is None:
                    if key_frames:
                        raise _SeekError
                    if not number:
                        raise _unreadable(path, "it holds no video frame")
                    raise _unreadable(path, f"it ends before frame {target}")
                number += 1
            if key_frames and frame.is_corrupt:
                raise _SeekError
            picked[target] = _upright(frame)
    return picked


def _from(stamp, frames):
    """Leaves out what comes before a key frame, which must be there.

    Frames that are shown before a key frame may follow it in the file, and
    seeking may end at an earlier one.
    """
    for frame in frames:
        if frame.pts == stamp:
            yield frame
            break
        if frame.pts is None or frame.pts > stamp:
            raise _SeekError
    yield from frames


@contextlib.contextmanager
def _stream(path):
    """Yields a container and its first video stream."""
    try:
        with av.open(str(path)) as container:
            if not container.streams.video:
                raise _unreadable(path, "it has no video stream")
            stream = container.streams.video[0]
            stream.thread_count = _THREADS
            yield container, stream
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
