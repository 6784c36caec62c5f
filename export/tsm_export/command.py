"""Turns a preset into a streaming artifact: `tsm export PRESET --to=FILE`."""

import pathlib
from collections.abc import Sequence

from absl import flags

from tsm_export.calibration import calibration_clips
from tsm_export.tflite import QUANTIZATIONS, export_tflite
from tsm_keras.data.dataset import make_dataset
from tsm_keras.data.source import open_source
from tsm_keras.models.presets import load_preset, preset_hash

FLAGS = flags.FlagValues()
flags.DEFINE_string("to", None, "The .tflite to write.", flag_values=FLAGS)
flags.DEFINE_enum(
    "quantize",
    "none",
    QUANTIZATIONS,
    "none (float32) or int8.",
    flag_values=FLAGS,
)
flags.DEFINE_string(
    "calibration",
    None,
    "For int8: prepared data set, or folder of class folders with videos.",
    flag_values=FLAGS,
)
flags.DEFINE_integer(
    "calibration_frames",
    400,
    "Frames to calibrate on.",
    flag_values=FLAGS,
)
flags.DEFINE_integer("seed", 0, "Of the choice of frames.", flag_values=FLAGS)
flags.mark_flag_as_required("to", flag_values=FLAGS)


def main(arguments: Sequence[str]) -> None:
    """Exports.

    Raises:
        flags.Error: If there is not one argument.
        ValueError, OSError: If the preset or the calibration data is wrong;
            nothing is written then.
    """
    if len(arguments) != 1:
        raise flags.Error("expected one PRESET: tsm export PRESET --to=FILE")
    preset = pathlib.Path(arguments[0])
    if FLAGS.quantize == "int8" and not FLAGS.calibration:
        raise ValueError(
            "int8 needs real clips to measure ranges on: add "
            "--calibration=FOLDER, a prepared data set or a folder of class "
            "folders with videos."
        )
    model = load_preset(preset)
    clips = None
    if FLAGS.quantize == "int8":
        config = model.video_config
        dataset = make_dataset(
            open_source(FLAGS.calibration, "train", label_names=config.labels),
            config,
            batch_size=1,
            training=True,  # In random order: a few frames of every class.
            seed=FLAGS.seed,
        )
        clips = calibration_clips(dataset, FLAGS.calibration_frames)
    export_tflite(
        model,
        FLAGS.to,
        quantize=FLAGS.quantize,
        calibration_clips=clips,
        preset_hash=preset_hash(preset),
    )
    size = pathlib.Path(FLAGS.to).stat().st_size
    print(f"wrote {FLAGS.to} ({size / 1e6:.2f} MB)")
