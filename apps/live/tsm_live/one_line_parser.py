"""OneLineParser: a command line that fails in one line."""

import argparse
from typing import NoReturn


class OneLineParser(argparse.ArgumentParser):
    """Says what is wrong without the list of all flags."""

    def error(self, message: str) -> NoReturn:
        """Ends the process with status 2."""
        self.exit(2, f"{self.prog}: error: {message} (see {self.prog} -h)\n")


def add_runtime(parser: argparse.ArgumentParser) -> None:
    """Adds the flags that say which artifact runs where."""
    add = parser.add_argument
    add("--model", required=True, metavar="FILE", help=".tflite or .onnx")
    add(
        "--accelerator",
        choices=("cpu", "gpu", "auto"),
        default="cpu",
        help="gpu: nothing is left to the CPU; auto: where that is possible",
    )
    add("--threads", type=int, default=1, help="of the CPU")
