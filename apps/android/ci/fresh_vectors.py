"""Writes vectors of this machine, for the comparison bit for bit.

    python apps/android/ci/fresh_vectors.py VECTORS FOLDER

The committed vectors come from another processor, on which the last bits may
differ. For each artifact in VECTORS it writes `NAME.json` to FOLDER.
"""

import pathlib
import sys

from tsm_cli.vectors import command
from tsm_keras.command_flags import parse


def main(vectors: pathlib.Path, folder: pathlib.Path) -> None:
    """Runs `tsm vectors` for each artifact of a folder."""
    for path in sorted(vectors.glob("*.tflite")):
        to = folder / f"{path.stem}.json"
        command.main(
            parse(command.FLAGS, "tsm vectors", [str(path), f"--to={to}"])
        )


if __name__ == "__main__":
    main(*map(pathlib.Path, sys.argv[1:]))
