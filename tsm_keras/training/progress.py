"""progress_bar: Keras's progress bar for work that is not training."""

import contextlib
from collections.abc import Callable, Iterator

from tensorflow import keras


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
