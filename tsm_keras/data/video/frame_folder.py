"""Reads clips that are folders of frames (`img_00001.jpg` and so on)."""

import functools
import math
import os
import pathlib
import re
from collections.abc import Callable, Iterator, Sequence

import numpy as np

from tsm_keras.data.video.decoding import VideoError, iterate_video


def iterate_frame_folder(
    folder: str | os.PathLike,
    pattern: str,
    frame_rate: float,
    start: float = 0.0,
    end: float = math.inf,
) -> Iterator[tuple[float, np.ndarray]]:
    """Yields the frames of a folder with their times, as `iterate_video` does.

    Args:
        folder: The folder of frames; it may hold other files too.
        pattern: A printf pattern with one number, such as `img_%05d.jpg`.
        frame_rate: Frames per second.
        start: The first time, in seconds from the first frame.
        end: The end of the time span, in seconds; a frame at `end` is left
            out.

    Raises:
        VideoError: If no file matches `pattern`, a number is missing between
            the first and the last, or a frame cannot be read.
        ValueError: If `pattern` does not hold exactly one number.
    """
    number_of = pattern_matcher(pattern)
    numbered = sorted(
        (number, path)
        for path in pathlib.Path(folder).iterdir()
        if (number := number_of(path.name)) is not None
    )
    first = numbered[0][0] if numbered else 0
    found = False
    for position, (number, path) in enumerate(numbered):
        if number != first + position:
            missing = pattern % (first + position)
            raise VideoError(folder, f"the frame {missing} is missing")
        time = position / frame_rate
        if start <= time < end:
            found = True
            yield time, _image(folder, path)
    if not found:
        raise VideoError(folder, f"it holds no frame {pattern}")


def iterate_frame_files(
    folder: str | os.PathLike, names: Sequence[str], frame_rate: float
) -> Iterator[tuple[float, np.ndarray]]:
    """Yields frames with their times, as `iterate_video` does.

    Args:
        folder: The folder of the frames.
        names: The name of each frame, in order.
        frame_rate: Frames per second.

    Raises:
        VideoError: If there are no names, or a frame cannot be read.
    """
    if not names:
        raise VideoError(folder, "it holds no frames")
    for position, name in enumerate(names):
        path = pathlib.Path(folder, name)
        if not path.is_file():
            raise VideoError(folder, f"the frame {name} is missing")
        yield position / frame_rate, _image(folder, path)


@functools.cache
def pattern_matcher(pattern: str) -> Callable[[str], int | None]:
    """Returns a function that maps a file name to its number, or to None.

    Raises:
        ValueError: If `pattern` does not hold exactly one integer.
    """
    parts = re.split(r"%(0?)(\d*)d", pattern)
    if len(parts) != 4 or "%" in parts[0] + parts[3]:
        raise ValueError(
            "`frame_pattern` must hold one number, such as img_%05d.jpg. "
            f"Received: frame_pattern={pattern!r}"
        )
    before, _, _, after = parts
    name = re.compile(rf"{re.escape(before)}(\d+){re.escape(after)}")

    def number(text):
        match = name.fullmatch(text)
        if match is None or pattern % int(match[1]) != text:
            return None
        return int(match[1])

    return number


def _image(folder, path):
    try:
        ((_, image),) = iterate_video(path)
    except VideoError as error:
        raise VideoError(folder, f"{path.name}: {error.reason}") from error
    return image
