"""check_threads: a number of threads that a runtime survives."""

MAX_THREADS = 256  # More than any processor gains from; runtimes crash later.


def check_threads(threads: int) -> None:
    """Refuses what LiteRT or ONNX Runtime would crash on.

    Raises:
        ValueError: If it is no integer from 1 to `MAX_THREADS`.
    """
    if not isinstance(threads, int) or not 1 <= threads <= MAX_THREADS:
        raise ValueError(
            f"`threads` must be an integer from 1 to {MAX_THREADS}. "
            f"Received: threads={threads!r}"
        )
