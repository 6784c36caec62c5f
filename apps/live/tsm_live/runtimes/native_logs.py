"""silence_native_logs: discards what C++ libraries write to stderr."""

import os
import sys


def silence_native_logs() -> None:
    """Discards what C++ writes to descriptor 2; Python's stderr still works.

    LiteRT, TensorFlow and FFmpeg log there and cannot be silenced by settings.
    The effect lasts until the process ends.
    """
    sys.stderr.flush()
    sys.stderr = os.fdopen(
        os.dup(2), "w", buffering=1, encoding=sys.stderr.encoding
    )
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)
    os.close(nowhere)
