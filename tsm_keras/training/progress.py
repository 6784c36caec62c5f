"""Keras's progress bar for work that is not training."""

import contextlib
import os
from collections.abc import Callable, Iterator
from typing import Any

from tensorflow import keras

from tsm_keras.data.source import ClipSource, VideoSource, open_source


@contextlib.contextmanager
def progress_bar(title: str) -> Iterator[Callable[[int, int], None]]:
    """Prints a title and yields `progress(done, total)`."""
    print(title, flush=True)
    bar = None

    def progress(done, total):
        nonlocal bar
        bar = bar or keras.utils.Progbar(total, unit_name="file")
        bar.update(done)

    yield progress


def open_with_progress(
    title: str, path: str | os.PathLike[str], split: str, **options: Any
) -> ClipSource:
    """Opens clips, shows a bar while videos are checked, lists the bad ones.

    Args:
        title: Above the bar.
        path: As `split` and `options`: see `open_source`, which this calls.
        split: Ditto.
        **options: Ditto.
    """
    with progress_bar(title) as progress:
        clips = open_source(path, split, progress=progress, **options)
    if isinstance(clips, VideoSource) and clips.rejected:
        total = clips.num_clips + len(clips.rejected)
        print(f"left out {len(clips.rejected)} of {total} videos:")
        for file, reason in clips.rejected:
            print(f"  {file}: {reason}")
    return clips
