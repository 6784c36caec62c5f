"""quiet: a library keeps its advice to itself."""

import contextlib
import logging
from collections.abc import Iterator


@contextlib.contextmanager
def quiet(logger: str | None = None) -> Iterator[None]:
    """Silences a logger below errors; None for the root logger."""
    found = logging.getLogger(logger)
    level = found.level
    found.setLevel(logging.ERROR)
    try:
        yield
    finally:
        found.setLevel(level)
