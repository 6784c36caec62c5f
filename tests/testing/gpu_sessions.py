"""Prints the outputs of sessions on some accelerators, as JSON.

    python -m testing.gpu_sessions FILE ACCELERATOR...

For each accelerator, it prints the one that was really used, the logits of some
frames on stream 0, and the logits of the first two of these after a reset.
"""

import json
import sys

import numpy as np

from tsm_live import StreamingSession


def _main(path, *accelerators):
    found = {}
    for accelerator in accelerators:
        session = StreamingSession(path, accelerator=accelerator)
        logits = _logits(session, 5)
        session.reset()
        found[accelerator] = {
            "accelerator": session.accelerator,
            "logits": logits,
            "after_reset": _logits(session, 2),
        }
    print(f"\n{json.dumps(found)}", flush=True)


def _logits(session, count):
    """Streams frames; only stream 0 is idle, at every second step."""
    rng = np.random.default_rng(0)
    logits = []
    while len(logits) < count:
        frame, *others = rng.integers(0, 256, (session.streams, 70, 90, 3))
        others = [other.astype(np.uint8) for other in others]
        if others:
            session.step_streams([None, *others])
        first, *_ = session.step_streams([frame.astype(np.uint8), *others])
        logits.append(first.logits.tolist())
    return logits


if __name__ == "__main__":
    _main(*sys.argv[1:])
