"""progress_bar: shows the progress of long work and the time left."""

import contextlib
import sys
from collections.abc import Callable, Iterator
from typing import TextIO

import tqdm


@contextlib.contextmanager
def progress_bar(
    title: str, unit: str = "file", *, file: TextIO | None = None
) -> Iterator[Callable[[int, int], None]]:
    """Yields `progress(done, total)`, which shows a rate and the time left.

    Args:
        title: The line that is printed above the bar.
        unit: Name of the things that are counted.
        file: Where the bar is shown; None for stdout.
    """
    file = file or sys.stdout
    print(title, file=file, flush=True)
    bar = None

    def progress(done, total):
        nonlocal bar
        if bar is None:
            bar = tqdm.tqdm(
                initial=done,
                total=total,
                unit=unit,
                file=file,
                # In a log file each update is a line, so there are fewer.
                mininterval=0.1 if file.isatty() else 30.0,
            )
        bar.update(done - bar.n)

    try:
        yield progress
    finally:
        if bar is not None:
            bar.close()
