"""Times artifacts side by side: `tsm benchmark FILE...`.

The steps of the files take turns. The ratio is the median ratio to the first
file, or to --vs, over all rounds. A step is one frame of every stream, or one
clip, with the caches fed back but without resizing.
"""

from collections.abc import Sequence

import numpy as np
from absl import flags

from tsm_export.verify.benchmark import benchmark

FLAGS = flags.FlagValues()
flags.DEFINE_integer(
    "threads", 1, "Threads of each runtime.", lower_bound=1, flag_values=FLAGS
)
flags.DEFINE_integer(
    "rounds", 200, "Timed steps of each file.", lower_bound=1, flag_values=FLAGS
)
flags.DEFINE_string(
    "vs", None, "File to compare with. (default: the first)", flag_values=FLAGS
)


def main(arguments: Sequence[str]) -> None:
    """Prints the table.

    Raises:
        flags.Error: If no file is given.
        ValueError, OSError: If a file is not an artifact.
    """
    files = [*([FLAGS.vs] if FLAGS.vs else []), *arguments]
    if not arguments:
        raise flags.Error("expected files: tsm benchmark FILE...")
    costs = benchmark(files, threads=FLAGS.threads, rounds=FLAGS.rounds)
    width = max(map(len, files))
    print(
        f"{'':{width}}  median ms    p90 ms    p99 ms    ratio   init ms"
        "  memory MB   size MB"
    )
    for file, cost in zip(files, costs, strict=True):
        middle, p90, p99 = np.percentile(cost.seconds, (50, 90, 99)) * 1e3
        ratio = np.median(cost.seconds / costs[0].seconds)
        print(
            f"{file:{width}} {middle:10.3f}{p90:10.3f}{p99:10.3f}{ratio:9.3f}"
            f"{cost.init_seconds * 1e3:10.1f}{cost.memory / 1e6:11.1f}"
            f"{cost.size / 1e6:10.2f}"
        )
    print(f"{FLAGS.threads} thread(s), {FLAGS.rounds} rounds, CPU")
