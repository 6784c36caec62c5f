"""encode_clip: converts a clip of a collection to JPEG frames with times.

Every worker of `tsm prepare` runs this, on one machine or many. The result
depends only on the content of the source and the settings. TensorFlow is not
needed.
"""

import dataclasses
import os
import pathlib
from collections.abc import Iterator, Sequence

import cv2
import numpy as np

from tsm_keras.data.prepare.collections.boxes.boxed_video import BoxedVideo
from tsm_keras.data.prepare.collections.collection import ClipSource
from tsm_keras.data.prepare.placed_boxes import (
    PlacedBoxes,
    SeenFrames,
    place_boxes,
)
from tsm_keras.data.storage.image_settings import ImageSettings
from tsm_keras.data.video.decoding import (
    VideoError,
    check_readable,
    iterate_video,
)
from tsm_keras.data.video.frame_folder import (
    iterate_frame_files,
    iterate_frame_folder,
)
from tsm_keras.data.video.frame_times import even_indices, is_due, is_even
from tsm_keras.data.video.resizing import (
    central_part,
    resize_short_side,
    with_short_side,
)

# A protocol buffer holds 2 GB at most, and readers keep several in memory.
_MAX_BYTES = 1 << 28
_MAX_SIDE = 65_500  # The longest side of a JPEG, in pixels.


@dataclasses.dataclass(frozen=True)
class EncodedClip:
    """An encoded clip; see `ClipRecord` for the other fields.

    Attributes:
        placed: The boxes of its frames; None if its source has none.
    """

    frames: tuple[bytes, ...]
    timestamps: tuple[int, ...]
    height: int
    width: int
    frame_rate: float
    start: int
    end: int
    placed: PlacedBoxes | None = None


@dataclasses.dataclass(frozen=True)
class Rejected:
    """A clip that is left out, and the reason."""

    reason: str


class _SizeChangesError(Exception):
    """The frames of a video differ in size, as when a phone is turned."""


def try_encode_clip(
    root: str | os.PathLike, source: ClipSource, images: ImageSettings
) -> EncodedClip | Rejected:
    """Encodes a clip, or returns a `Rejected` if it is damaged.

    Raises:
        MemoryError: If there is too little memory; the clip may be intact.
        OSError: If the file cannot be read for a reason other than damage.
    """
    cv2.setNumThreads(1)  # Several processes run in parallel already.
    try:
        return encode_clip(root, source, images)
    except VideoError as error:
        return Rejected(error.reason)
    except OSError:
        raise
    except Exception as error:  # Libraries raise any error for odd files.
        if _lacks_memory(error):
            raise MemoryError(
                f"{source.path} takes more memory than there is: use fewer "
                "workers"
            ) from error
        return Rejected(f"{type(error).__name__}: {error}")


def _lacks_memory(error):
    code = getattr(error, "code", None)  # Errors of OpenCV have a code.
    return isinstance(error, MemoryError) or code == cv2.Error.StsNoMem


def encode_clip(
    root: str | os.PathLike, source: ClipSource, images: ImageSettings
) -> EncodedClip:
    """Decodes a clip and encodes its frames.

    Frames are stored upright, with a short side of `images.short_side` pixels
    and at most `images.max_frame_rate` frames per second. A clip with uneven
    frame times is resampled to even times. A clip of one frame gets a duration
    of one second. If the size changes midway, all frames are cropped to the
    largest central part that fits into each.

    Args:
        root: The folder that `source.path` is relative to.
        source: The clip.
        images: The settings for storing its frames.

    Raises:
        VideoError: If the clip is damaged or too long for one record.
        OSError: If its file cannot be read for a reason other than damage.
    """
    path = pathlib.Path(root) / source.path
    try:
        try:
            clip, seen = _encode(path, _iterate(path, source), images)
        except _SizeChangesError:
            shape = _smallest(_iterate(path, source), images.short_side)
            clip, seen = _encode(path, _iterate(path, source), images, shape)
        if isinstance(source, BoxedVideo):
            shape = (clip.height, clip.width)
            boxes = place_boxes(path, source.boxes, seen, shape, images)
            return dataclasses.replace(clip, placed=boxes)
        return clip
    except VideoError:
        check_readable(path)
        raise


def _iterate(path, source) -> Iterator[tuple[float, np.ndarray]]:
    part = (source.start or 0.0, source.end or float("inf"))
    if isinstance(source, BoxedVideo) and source.files is not None:
        return iterate_frame_files(path, source.files, source.frame_rate or 1.0)
    if source.frame_pattern is None:
        if path.stat().st_size == 0 and path.is_file():
            raise VideoError(path, "the file is empty")
        return iterate_video(path, *part)
    return iterate_frame_folder(
        path, source.frame_pattern, source.frame_rate, *part
    )


def _smallest(frames, short_side):
    """Returns the smallest height and width of the resized frames."""
    shapes = {frame.shape[:2] for _, frame in frames}
    resized = [with_short_side(*shape, short_side) for shape in shapes]
    return tuple(map(min, zip(*resized, strict=True)))


def _encode(path, frames, images, shape=None):
    """Encodes frames of one size, or cuts the central `shape` out of each.

    Returns:
        The clip, and the frames of the source.
    """
    seen, times, encoded, size = [], [], [], 0
    sizes, kept = [], []
    is_cut = shape is not None
    for time, frame in frames:
        seen.append(time)
        sizes.append(frame.shape[:2])
        rate = images.max_frame_rate
        if rate is not None and times and not is_due(time, times[-1], rate):
            continue
        _check_sides(path, frame, images.short_side)
        frame = resize_short_side(frame[None], images.short_side)[0]
        shape = shape or frame.shape[:2]
        if is_cut:
            frame = central_part(frame, *shape)
        elif frame.shape[:2] != shape:
            raise _SizeChangesError
        times.append(time)
        kept.append(len(seen) - 1)
        encoded.append(_jpeg(frame, images.quality))
        size += len(encoded[-1])
        if size > _MAX_BYTES:
            raise VideoError(
                path,
                f"the first {time - seen[0]:.0f} seconds fill "
                f"{_MAX_BYTES >> 20} MB already, too much for one clip",
            )
    shortest = 1 / (images.max_frame_rate or float("inf"))
    indices, interval = _even_indices(seen, times, shortest)
    start = times[0]
    if indices != range(len(times)):
        times = [start + step * interval for step in range(len(indices))]
    clip = EncodedClip(
        frames=tuple(encoded[index] for index in indices),
        timestamps=tuple(_microseconds(time) for time in times),
        height=shape[0],
        width=shape[1],
        frame_rate=round(1 / interval, 6),
        start=_microseconds(times[0]),
        end=_microseconds(times[-1] + interval),
    )
    return clip, SeenFrames(sizes, [kept[index] for index in indices])


def _even_indices(seen, times, shortest):
    """Returns which of the frames are stored, and the seconds between them."""
    indices: Sequence[int]
    indices = range(len(times))
    interval = 1.0
    if len(times) > 1:
        interval = (times[-1] - times[0]) / (len(times) - 1)
    if len(times) > 1 and not (is_even(seen) and is_even(times)):
        indices, interval = even_indices(
            times, max(float(np.median(np.diff(times))), shortest)
        )
    return indices, interval


def _check_sides(path, frame, short_side):
    """Rejects frames that are too long for a JPEG, before resizing them."""
    height, width = with_short_side(*frame.shape[:2], short_side)
    if max(height, width) > _MAX_SIDE:
        raise VideoError(path, f"no JPEG can hold {width}x{height} pixels")


def _jpeg(frame, quality):
    bgr = cv2.cvtColor(frame, cv2.COLOR_RGB2BGR)
    _, jpeg = cv2.imencode(".jpg", bgr, [cv2.IMWRITE_JPEG_QUALITY, quality])
    return jpeg.tobytes()


def _microseconds(seconds):
    return round(seconds * 1_000_000)
