"""silence_native_logs: what C++ writes to stderr goes nowhere."""

import os
import sys


def silence_native_logs() -> None:
    """Sends what C++ writes to descriptor 2 to nowhere; Python keeps its own.

    LiteRT, TensorFlow and FFmpeg write to it while they load, before any
    setting of theirs is read, or whatever is set. For the rest of the process.
    """
    sys.stderr.flush()
    # A terminal's encoding and line buffering, on a copy of the descriptor.
    sys.stderr = os.fdopen(
        os.dup(2), "w", buffering=1, encoding=sys.stderr.encoding
    )
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)
    os.close(nowhere)
