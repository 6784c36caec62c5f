"""ShardMemory: keeps shards in memory, all of them or the last ones used."""

import pathlib
import threading


class ShardMemory:
    """Reads whole shards, and keeps them.

    One shard is read at a time, from its beginning to its end, however many
    threads ask. So a disk that is slow at random places is read in order.

    Args:
        limit: The number of shards to keep, at least 1; those that were used
            last stay. None keeps all.
    """

    def __init__(self, limit: int | None = None):
        self._limit = limit
        self._contents: dict[str, bytes] = {}
        self._lock = threading.Lock()

    def content(self, path: str) -> bytes:
        """Returns the content of a shard.

        Raises:
            OSError: If the file cannot be read.
        """
        with self._lock:
            content = self._contents.pop(path, None)
            if content is None:
                content = pathlib.Path(path).read_bytes()
            self._contents[path] = content  # The last one is the last used.
            if self._limit and len(self._contents) > self._limit:
                del self._contents[next(iter(self._contents))]
        return content
