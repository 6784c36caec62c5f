"""OneLineParser: a command line that fails in one line."""

import argparse
import difflib
import re
from collections.abc import Sequence
from typing import NoReturn


class OneLineParser(argparse.ArgumentParser):
    """Says what is wrong without the list of all flags."""

    def parse(self, arguments: Sequence[str]) -> argparse.Namespace:
        """Names a flag that does not exist rather than one that is missing."""
        known = self._option_string_actions
        for argument in arguments:
            flag = argument.partition("=")[0]
            if re.match("--?[A-Za-z]", flag) and flag not in known:
                close = difflib.get_close_matches(flag, known, 1)
                hint = f"; did you mean {close[0]}?" if close else ""
                self.error(f"there is no flag {flag}{hint}")
        return self.parse_args(arguments)

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
