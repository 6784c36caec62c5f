"""Frames of video files, through PyAV."""

import contextlib
import dataclasses
import itertools
import math
import os
from collections.abc import Iterator, Sequence

import av
import numpy as np

# Codec threads pay off for one long video; for many short clips in parallel
# they cost half the throughput.
_THREADS = 1
# A seek costs about as much as to decode as many frames.
_SEEK_COST = 3


class VideoError(ValueError):
    """A video file that cannot be read.

    Attributes:
        path: The file.
        reason: What is wrong with it.
    """

    def __init__(self, path: str | os.PathLike, reason: str):
        super().__init__(path, reason)  # Both, so that it can be pickled.
        self.path = os.fspath(path)
        self.reason = reason

    def __str__(self) -> str:
        return (
            f"Cannot read the video {self.path}: {self.reason}. Repair or "
            "remove the file."
        )


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
        key_frames: Number and time stamp, in the stream's own units, of the
            frames that decoding can start at; none if time stamps do not tell
            the frames apart.
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
    shape, times, key_frames = None, [], []
    stamps: list[int | None] = []
    for time, frame in _decode(path):
        if shape is None:
            shape = _upright(frame).shape
        if frame.key_frame:
            key_frames.append((len(stamps), frame.pts))
        times.append(time)
        stamps.append(frame.pts)
    if shape is None:
        raise VideoError(path, "it holds no video frame")
    return VideoInfo(
        num_frames=len(times),
        height=shape[0],
        width=shape[1],
        # The last frame lasts as long as the average one.
        duration=(times[-1] - times[0]) * len(times) / max(len(times) - 1, 1),
        key_frames=tuple(key_frames) if _ascend(stamps) else (),
    )


def iterate_video(
    path: str | os.PathLike, start: float = 0.0, end: float = math.inf
) -> Iterator[tuple[float, np.ndarray]]:
    """Yields the frames of a video with their times, one at a time.

    Args:
        path: A video file.
        start: Seconds from the file's beginning; frames before it are left
            out. Decoding starts at the key frame before it.
        end: Frames from here on are left out.

    Yields:
        Seconds, ascending, and the frame, upright, `[H, W, 3]` uint8 RGB.

    Raises:
        VideoError: If the file cannot be read, is damaged, or ends earlier
            than it says.
    """
    found = False
    for time, frame in _from(path, start):
        if time >= end:
            break
        found = True
        yield time, _upright(frame)
    if not found:
        part = start > 0 or end < math.inf
        where = f" from {start} to {end} seconds" if part else ""
        raise VideoError(path, f"it holds no video frame{where}")


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
        key_frames: From `probe_video` of this file. Decoding then starts at
            the key frame before the frames that are wanted; which frames
            these are does not change.

    Returns:
        `[T, H, W, 3]` uint8 RGB.

    Raises:
        VideoError: If the file cannot be read, has no frame, or ends before
            the last of `indices`.
    """
    if indices is None:
        return np.stack([frame for _, frame in iterate_video(path)])
    wanted = sorted(set(map(int, indices)))
    try:
        picked = _pick(path, wanted, key_frames)
    except (VideoError, _SeekError):
        if not key_frames:
            raise
        picked = _pick(path, wanted, ())
    return np.stack([picked[int(index)] for index in indices])


def _pick(path, wanted, key_frames):
    """Returns the frames of these ascending numbers, upright, by number."""
    picked, number = {}, 0
    with _open(path) as (container, stream):
        frames = container.decode(stream)
        for target in wanted:
            start, stamp = max(
                (key for key in key_frames if key[0] <= target), default=(0, 0)
            )
            if start > number + _SEEK_COST:
                container.seek(stamp, stream=stream)
                frames = _from_key_frame(stamp, container.decode(stream))
                number = start
            while number <= target:
                frame = next(frames, None)
                if frame is None:
                    raise VideoError(path, f"it ends before frame {target}")
                if frame.is_corrupt:
                    raise VideoError(path, f"frame {number} is damaged")
                number += 1
            picked[target] = _upright(frame)
    return picked


def _from_key_frame(stamp, frames):
    """Leaves out what comes before a key frame, which must be there.

    Seeking may end at an earlier one, and frames that are shown before a key
    frame may follow it in the file.
    """
    for frame in frames:
        if frame.pts is None or frame.pts > stamp:
            break
        if frame.pts == stamp:
            return itertools.chain([frame], frames)
    raise _SeekError


def _from(path, start):
    """Returns an iterator over (seconds, PyAV frame) from `start` on."""
    if start > 0:
        # Seeking may end between key frames, where frames are garbage.
        frames = itertools.dropwhile(
            lambda each: not each[1].key_frame, _decode(path, start)
        )
        with contextlib.suppress(VideoError, StopIteration):
            time, frame = next(frames)
            if time <= start:
                while time < start:
                    time, frame = next(frames)
                return itertools.chain([(time, frame)], frames)
    # Some files cannot seek, go too far, or miss what they need there.
    return itertools.dropwhile(lambda each: each[0] < start, _decode(path))


def _decode(path, start=0.0):
    """Yields (seconds, PyAV frame) from the key frame before `start` on."""
    with _open(path) as (container, stream):
        if start > 0:
            offset = int(start * av.time_base)
            container.seek(offset + (container.start_time or 0))
        time, interval = 0.0, _interval(stream)
        for now, frame in _with_times(container, stream):
            if frame.is_corrupt:
                raise VideoError(path, f"damaged at {now:.2f} seconds")
            yield now, frame
            time, interval = now, max(interval, now - time)
        if time > 0:
            _check_end(path, container, stream, time, interval)


@contextlib.contextmanager
def _open(path):
    """Yields a container and its video stream."""
    # To open a pipe is to wait for who fills it.
    if os.path.exists(path) and not os.path.isfile(path):
        raise VideoError(path, "it is no regular file")
    try:
        with av.open(str(path), metadata_errors="replace") as container:
            stream = _video_stream(path, container)
            stream.thread_count = _THREADS
            # What is damaged is an error, not an occasion to guess.
            stream.codec_context.options = {"err_detect": "explode"}
            yield container, stream
    except (av.FFmpegError, OSError) as error:
        # FFmpeg's errors are OSErrors too, and repeat the path.
        reason = getattr(error, "strerror", None) or str(error)
        raise VideoError(path, reason) from error


def _video_stream(path, container):
    for stream in container.streams.video:
        # The picture on a record's cover is no video.
        if not stream.disposition & av.stream.Disposition.attached_pic:
            if stream.codec_context is None:
                raise VideoError(path, "there is no decoder for it")
            return stream
    raise VideoError(path, "it has no video stream")


def _with_times(container, stream):
    """Yields (seconds from the file's beginning, frame); times ascend."""
    interval = _interval(stream)
    begin = (container.start_time or 0) / av.time_base
    # AVI numbers its frames; when they are shown is FFmpeg's guess.
    numbered = _is_avi(container)
    time = None
    for frame in container.decode(stream):
        known = frame.dts if numbered else frame.pts
        known = None if known is None else float(known * frame.time_base)
        if known is not None:
            known -= begin
        if time is not None and (known is None or known <= time):
            known = time + interval
        time = 0.0 if known is None else known
        yield time, frame


def _check_end(path, container, stream, time, interval):
    """Raises if the last frame's time is well before the end of the file.

    Containers are off by some frames at times. That of a single frame says
    nothing: it may be shown for long.
    """
    claimed = 0.0
    if _is_avi(container):  # Its duration is estimated from what is there.
        claimed = stream.frames * _interval(stream)
    elif stream.duration:
        claimed = float(stream.duration * stream.time_base)
    elif container.duration:
        claimed = container.duration / av.time_base
    missing = claimed - (time + interval)
    if missing > max(0.05 * claimed, 3 * interval):
        raise VideoError(
            path, f"it ends after {time:.2f} of {claimed:.2f} seconds"
        )


def _is_avi(container):
    return container.format.name == "avi"


def _interval(stream):
    return float(1 / (stream.average_rate or stream.guessed_rate or 25))


def _ascend(stamps):
    return None not in stamps and all(map(int.__lt__, stamps, stamps[1:]))


def _upright(frame):
    image = frame.to_ndarray(format="rgb24")
    # A display matrix counts degrees counterclockwise, as rot90 does.
    turns = round(frame.rotation / 90) % 4
    return np.ascontiguousarray(np.rot90(image, turns)) if turns else image
