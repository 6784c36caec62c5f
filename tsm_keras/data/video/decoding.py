"""Reads video files for training: all frames, a time span, or by number.

The decoder is `tsm_live.video`, so that training and live runs see the same
frames, with the same times and pixels.
"""

import contextlib
import dataclasses
import functools
import itertools
import math
import os
import pathlib
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np

from tsm_keras.data.video.resizing import resize_short_side, stack_frames
from tsm_live.video.decoding import Video
from tsm_live.video.video_error import VideoError

# A seek costs about as much as decoding this many frames.
_SEEK_COST = 3


class _SeekError(Exception):
    """Seeking did not arrive at the expected frame."""


@dataclasses.dataclass(frozen=True)
class VideoInfo:
    """Size and length of a video, found by decoding all of it.

    The header of a file is not a reliable source of its length.

    Attributes:
        num_frames: The number of frames that can be decoded.
        height: The height in pixels, as displayed.
        width: The width in pixels, as displayed.
        duration: Seconds from the first frame to the end of the last.
        key_frames: One pair per frame that decoding can start at: its number,
            and its time stamp in the units of the stream. Empty if the time
            stamps of the frames do not increase.
    """

    num_frames: int
    height: int
    width: int
    duration: float
    key_frames: tuple[tuple[int, int], ...] = ()


def probe_video(path: str | os.PathLike) -> VideoInfo:
    """Decodes a video once and returns its size and length.

    Raises:
        VideoError: If the file cannot be read to its end or has no frame.
    """
    shape, times = None, []
    stamps: list[Any] = []  # None for frames without a time stamp.
    key_frames: list[tuple[int, Any]] = []
    with Video(path) as video:
        for time, frame in video.timed_frames():
            if shape is None:
                shape = video.convert(frame).shape
            if frame.key_frame:
                key_frames.append((len(stamps), frame.pts))
            times.append(float(time))
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
        start: The first time, in seconds from the file's beginning. Decoding
            starts at the key frame before it.
        end: The end of the time span, in seconds; a frame at `end` is left
            out.

    Yields:
        Pairs of the time in seconds, ascending, and the frame as a player shows
        it, `[H, W, 3]` uint8 RGB. The size of the frames may change midway.

    Raises:
        VideoError: If the file cannot be read, is damaged, or ends earlier
            than its header says.
    """
    found = False
    with Video(path) as video:
        for time, frame in _from(video, start):
            if time >= end:
                break
            found = True
            yield time, video.convert(frame)
    if not found:
        part = start > 0 or end < math.inf
        where = f" from {start} to {end} seconds" if part else ""
        raise VideoError(path, f"it holds no video frame{where}")


def iterate_frames(
    path: str | os.PathLike,
    indices: Iterable[int],
    *,
    short_side: int | None = None,
) -> Iterator[np.ndarray]:
    """Yields frames of a video one by one; decodes the file once.

    Args:
        path: A video file.
        indices: Frame numbers in ascending order, repeats allowed.
        short_side: As in `read_video`.

    Yields:
        `[H, W, 3]` uint8 RGB.

    Raises:
        VideoError: If the file cannot be read, or ends before the last of
            `indices`.
    """
    with Video(path) as video:
        frames, number = video.frames(), -1
        for target in map(int, indices):
            if number < target:
                rest = itertools.islice(frames, target - number - 1, None)
                frame = next(rest, None)
                if frame is None:
                    raise VideoError(path, f"it ends before frame {target}")
                number, picture = target, _picture(video, frame, short_side)
            yield picture


def read_video(
    path: str | os.PathLike,
    indices: Sequence[int] | None = None,
    *,
    key_frames: Sequence[tuple[int, int]] = (),
    short_side: int | None = None,
) -> np.ndarray:
    """Reads frames of a video as a player shows them.

    Args:
        path: A video file.
        indices: Frame numbers in any order, repeats allowed, or None for all.
        key_frames: From `probe_video` of this file. Decoding then starts at
            the key frame before the wanted frames, which is faster and gives
            the same frames.
        short_side: The length that each frame's short side is resized to, in
            pixels; None does not resize.

    Returns:
        `[T, H, W, 3]` uint8 RGB. If the size changes midway, `stack_frames`
        gives all frames one size.

    Raises:
        VideoError: If the file cannot be read, has no frame, or ends before
            the last of `indices`.
    """
    picture = functools.partial(_picture, short_side=short_side)
    if indices is None:
        with Video(path) as video:
            frames = [picture(video, each) for _, each in video.timed_frames()]
        if not frames:
            raise VideoError(path, "it holds no video frame")
        return stack_frames(frames)
    wanted = sorted(set(map(int, indices)))
    try:
        picked = _pick(path, wanted, key_frames, picture)
    except (VideoError, _SeekError):
        if not key_frames:
            raise
        picked = _pick(path, wanted, (), picture)
    return stack_frames([picked[int(index)] for index in indices])


def check_readable(path: pathlib.Path) -> None:
    """Reads a file, or the files of a folder, to the end.

    This shows whether a decoder failed because the file is damaged, or because
    the disk or the network failed.

    Raises:
        OSError: If a file cannot be read.
    """
    files = path.iterdir() if path.is_dir() else [path]
    for file in files:
        if file.exists() and not file.is_file():
            continue  # Reading a folder fails; reading a pipe may never end.
        with open(file, "rb") as content:
            while content.read(1 << 20):
                pass


def _picture(video, frame, short_side):
    image = video.convert(frame)
    if short_side is None:
        return image
    return resize_short_side(image[None], short_side)[0]


def _pick(path, wanted, key_frames, picture):
    """Returns the pictures of the frames `wanted`, by frame number."""
    picked, number = {}, 0
    with Video(path) as video:
        frames = video.frames()
        for target in wanted:
            start, stamp = max(
                (key for key in key_frames if key[0] <= target), default=(0, 0)
            )
            if start > number + _SEEK_COST:
                video.seek(stamp)
                frames = _from_key_frame(stamp, video.frames())
                number = start
            while number <= target:
                frame = next(frames, None)
                if frame is None:
                    raise VideoError(path, f"it ends before frame {target}")
                number += 1
            picked[target] = picture(video, frame)
    return picked


def _from_key_frame(stamp, frames):
    """Skips the frames before a key frame; raises if it does not come.

    Seeking may arrive at an earlier key frame. A key frame may also be followed
    in the file by frames that are shown before it.
    """
    for frame in frames:
        if frame.pts is None or frame.pts > stamp:
            break
        if frame.pts == stamp:
            return itertools.chain([frame], frames)
    raise _SeekError


def _from(video, start):
    """Returns an iterator over (seconds, frame) from `start` on."""
    if start > 0:
        with contextlib.suppress(VideoError, StopIteration):
            video.seek_time(start)
            # Seeking may end between key frames, where pictures are incomplete.
            frames = itertools.dropwhile(
                lambda each: not each[1].key_frame, _timed(video)
            )
            time, frame = next(frames)
            if time <= start:
                while time < start:
                    time, frame = next(frames)
                return itertools.chain([(time, frame)], frames)
        # Some files cannot seek, or seek too far, or fail to decode there.
        video.rewind()
        return itertools.dropwhile(lambda each: each[0] < start, _timed(video))
    return _timed(video)


def _timed(video):
    # Times become floats, to be compared with the decimal numbers of lists.
    return ((float(time), frame) for time, frame in video.timed_frames())


def _ascend(stamps):
    return None not in stamps and all(map(int.__lt__, stamps, stamps[1:]))
