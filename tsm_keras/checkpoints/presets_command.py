"""Lists the published checkpoints that `tsm import-weights NAME` knows."""

from collections.abc import Sequence

from absl import flags

from tsm_keras.checkpoints.registry import PUBLISHED

FLAGS = flags.FlagValues()
flags.DEFINE_boolean(
    "urls", False, "Prints the URLs as well.", flag_values=FLAGS
)


def main(arguments: Sequence[str]) -> None:
    """Prints one line per checkpoint.

    Raises:
        flags.Error: If there are positional arguments.
    """
    if arguments:
        raise flags.Error(f"unexpected arguments {list(arguments)}")
    width = max(len(checkpoint.name) for checkpoint in PUBLISHED)
    print(
        f"{'name':{width}}  {'data set':14} {'top-1':>6}  "
        f"{'protocol':33} {'license':13} {'SHA-256':9} tried here"
    )
    for checkpoint in PUBLISHED:
        top1 = "?" if checkpoint.top1 is None else f"{checkpoint.top1:.1f}"
        tried = "yes" if checkpoint.downloaded else "never"
        print(
            f"{checkpoint.name:{width}}  {checkpoint.dataset:14} {top1:>6}  "
            f"{checkpoint.protocol:33} {checkpoint.license:13} "
            f"{checkpoint.sha256 or '?':9} {tried}"
        )
        if FLAGS.urls:
            print(f"  {checkpoint.url}")
    print(
        "\nTop-1 is the accuracy that the publisher measured, with the named "
        "protocol.\n`tried here` says whether this project ever downloaded the "
        "file. The license is\nthat of the code that the file belongs to; its "
        "training data may have terms of\ntheir own."
    )
