"""progress_bar: how far a long piece of work is, and how long it will take."""

import contextlib
import sys
from collections.abc import Callable, Iterator

import tqdm


@contextlib.contextmanager
def progress_bar(
    title: str, unit: str = "file"
) -> Iterator[Callable[[int, int], None]]:
    """Yields `progress(done, total)`, which shows a rate and the time left.

    Args:
        title: What is done.
        unit: Of what is counted.
    """
    print(title, flush=True)
    bar = None

    def progress(done, total):
        nonlocal bar
        if bar is None:
            bar = tqdm.tqdm(
                initial=done,
                total=total,
                unit=unit,
                file=sys.stdout,
                # A log file gets a line now and then.
                mininterval=0.1 if sys.stdout.isatty() else 30.0,
            )
        bar.update(done - bar.n)

    try:
        yield progress
    finally:
        if bar is not None:
            bar.close()
