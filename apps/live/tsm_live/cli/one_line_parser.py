"""OneLineParser: a command line that fails in one line."""

import argparse
import difflib
import re
from collections.abc import Sequence
from typing import NoReturn


class OneLineParser(argparse.ArgumentParser):
    """Says what is wrong without the list of all flags."""

    def parse(self, arguments: Sequence[str]) -> argparse.Namespace:
        """Parses; refuses also what argparse lets pass without a word.

        A flag that does not exist is named rather than one that is missing. A
        flag of one value may not be given twice, and no text may be empty.
        """
        known = self._option_string_actions
        flags = [argument.partition("=")[0] for argument in arguments]
        for flag in flags:
            if not re.match("--?[A-Za-z]", flag):
                continue
            if flag not in known:
                close = difflib.get_close_matches(flag, known, 1)
                hint = f"; did you mean {close[0]}?" if close else ""
                self.error(f"there is no flag {flag}{hint}")
            has_one_value = isinstance(known[flag], argparse._StoreAction)
            if has_one_value and flags.count(flag) > 1:
                self.error(
                    f"{flag} may be given once, not {flags.count(flag)} times"
                )
        options = self.parse_args(arguments)
        for name, value in vars(options).items():
            if "" in (value if isinstance(value, list) else [value]):
                self.error(f"--{name} is empty")
        return options

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
