"""for_many_files: looks at many files at the same time."""

import concurrent.futures
from collections.abc import Callable, Sequence
from typing import TypeVar

_Item = TypeVar("_Item")
_Result = TypeVar("_Result")

_CHUNK = 1000  # The largest number of files that a thread looks at in turn.
_THREADS = 32  # A file system on a network answers late, but many at once.


def for_many_files(
    look: Callable[[_Item], _Result], items: Sequence[_Item]
) -> list[_Result]:
    """Returns `[look(item) for item in items]`, from several threads.

    Args:
        look: A function that waits for the file system, as `os.stat` does.
        items: Its arguments.

    Raises:
        Exception: What `look` raises for the first of the items that it
            raises something for.
    """
    size = min(_CHUNK, -(-len(items) // _THREADS)) or 1
    chunks = [items[i : i + size] for i in range(0, len(items), size)]
    with concurrent.futures.ThreadPoolExecutor(_THREADS) as pool:
        found = pool.map(lambda chunk: [*map(look, chunk)], chunks)
        return [result for chunk in found for result in chunk]
