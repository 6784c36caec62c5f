"""Steps an artifact in LiteRT on one thread, as often as stdin asks for.

Run it with `python apps/web/bench/python_steps.py MODEL`.

For each line with a number it takes that many steps and prints the median
number of milliseconds.
"""

import statistics
import sys

import numpy as np

from tsm_live.sessions.open_session import open_session


def main(path: str) -> None:
    """Answers lines until stdin ends."""
    session = open_session(path, threads=1)
    size = session.spec.image_size
    frame = np.random.default_rng(0).integers(0, 256, (size, size, 3), np.uint8)
    for line in sys.stdin:
        seconds = [
            session.step_squares([frame])[0].latency for _ in range(int(line))
        ]
        print(1e3 * statistics.median(seconds), flush=True)


if __name__ == "__main__":
    main(sys.argv[1])
