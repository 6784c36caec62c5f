"""Writes the weights of a preset as a file for PyTorch.

tsm export-weights PRESET --to=FILE

FILE is a .safetensors file, whose tensors have the TSM authors' names.
"""

import pathlib
from collections.abc import Sequence

from absl import flags

from tsm_keras.checkpoints.exporting import write_safetensors
from tsm_keras.command_flags import expect_values
from tsm_keras.models.presets import load_preset, read_description

FLAGS = flags.FlagValues()
flags.DEFINE_string(
    "to", None, "The .safetensors file to write.", flag_values=FLAGS
)


def main(arguments: Sequence[str]) -> None:
    """Exports the weights of one preset.

    Raises:
        flags.Error: If there is not exactly one argument, or a required flag
            is missing.
        ValueError, OSError, ImportError: If the preset cannot be read or has
            no counterpart in PyTorch; nothing is written then.
    """
    if len(arguments) != 1:
        raise flags.Error(
            "expected one PRESET: tsm export-weights PRESET --to=FILE"
        )
    expect_values(FLAGS, "to")
    provenance = read_description(arguments[0]).get("provenance", {})
    count = write_safetensors(
        load_preset(arguments[0]),
        FLAGS.to,
        dataset=str(provenance.get("dataset", "unknown")),
    )
    size = pathlib.Path(FLAGS.to).stat().st_size
    print(f"wrote {FLAGS.to} ({count} tensors, {size / 1e6:.2f} MB)")
