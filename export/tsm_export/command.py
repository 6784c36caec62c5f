"""Turns a preset into an artifact: `tsm export PRESET --to=FILE`.

The artifact is tried as by `tsm verify` before it appears; what fails is not
written.
"""

import pathlib
from collections.abc import Sequence

from absl import flags

from tsm_export.clips import generated_clips, video_clips
from tsm_export.conversion import QUANTIZATIONS
from tsm_export.tflite import INPUTS, KINDS, export_tflite
from tsm_export.verify import verify
from tsm_export.verify_command import print_checks
from tsm_keras.data.folder import scan_folder
from tsm_keras.models.presets import load_preset, preset_hash

_VERIFY_CLIPS = 20

FLAGS = flags.FlagValues()
flags.DEFINE_string("to", None, "The .tflite to write.", flag_values=FLAGS)
flags.DEFINE_enum(
    "kind",
    "stream",
    KINDS,
    "stream: a frame a call, for causal networks. clip: a whole clip a call.",
    flag_values=FLAGS,
)
flags.DEFINE_enum(
    "quantize",
    "none",
    list(QUANTIZATIONS),
    "; ".join(f"{name}: {text}" for name, text in QUANTIZATIONS.items()) + ".",
    flag_values=FLAGS,
)
flags.DEFINE_integer(
    "streams", 1, "Streams that run in one batch.", flag_values=FLAGS
)
flags.DEFINE_integer(
    "size",
    None,
    "Height and width of a frame; those of the training by default.",
    lower_bound=32,
    flag_values=FLAGS,
)
flags.DEFINE_enum(
    "input",
    None,
    INPUTS,
    "Type of the frames: uint8 as cameras give them; by default what the "
    "network computes with.",
    flag_values=FLAGS,
)
flags.DEFINE_bool(
    "softmax", False, "Give probabilities, not logits.", flag_values=FLAGS
)
flags.DEFINE_string(
    "calibration",
    None,
    "Folder of class folders with videos: int8 measures its ranges on them, "
    "and the artifact is tried on them.",
    flag_values=FLAGS,
)
flags.DEFINE_integer(
    "calibration_frames",
    400,
    "Frames to calibrate on.",
    lower_bound=1,
    flag_values=FLAGS,
)
flags.DEFINE_integer("seed", 0, "Of the choice of frames.", flag_values=FLAGS)
flags.DEFINE_bool(
    "verify", True, "Try the artifact before it appears.", flag_values=FLAGS
)
flags.DEFINE_integer(
    "soak_frames",
    2000,
    "Frames to stream on end when trying it.",
    lower_bound=0,
    flag_values=FLAGS,
)
flags.mark_flag_as_required("to", flag_values=FLAGS)


def main(arguments: Sequence[str]) -> None:
    """Exports.

    Raises:
        flags.Error: If there is not one argument.
        ValueError, OSError: If the preset or the calibration data is wrong, or
            the artifact fails its trial; nothing is written then.
    """
    if len(arguments) != 1:
        raise flags.Error("expected one PRESET: tsm export PRESET --to=FILE")
    if FLAGS.quantize == "int8" and not FLAGS.calibration:
        raise ValueError(
            "int8 needs real clips to measure ranges on: add "
            "--calibration=FOLDER, a folder of class folders with videos."
        )
    preset, path = pathlib.Path(arguments[0]), pathlib.Path(FLAGS.to)
    if not path.suffix == ".tflite":
        raise ValueError(f"--to must end in .tflite. Received: --to={path}")
    model = load_preset(preset)
    calibration, trial = _clips(model.video_config)

    def check(artifact):
        print(f"trying it on {len(trial)} clips of {_source()}")
        print_checks(
            verify(artifact, model, trial, soak_frames=FLAGS.soak_frames)
        )

    export_tflite(
        model,
        path,
        kind=FLAGS.kind,
        quantize=FLAGS.quantize,
        streams=FLAGS.streams,
        image_size=FLAGS.size,
        input_dtype=FLAGS.input,
        softmax=FLAGS.softmax,
        calibration_clips=calibration,
        preset_hash=preset_hash(preset),
        check=check if FLAGS.verify else None,
    )
    print(f"wrote {path} ({path.stat().st_size / 1e6:.2f} MB)")


def _clips(config):
    """Returns clips to calibrate on, or None, and others to try it on."""
    if FLAGS.size:
        config = config.with_image_size(FLAGS.size)
    if not FLAGS.calibration:
        return None, generated_clips(config, _VERIFY_CLIPS, FLAGS.seed)
    wanted = -(-FLAGS.calibration_frames // config.num_segments)
    videos = scan_folder(FLAGS.calibration, label_names=config.labels)
    clips = video_clips(videos, config, wanted + _VERIFY_CLIPS, FLAGS.seed)
    # With few videos the two overlap.
    return clips[:wanted], clips[-_VERIFY_CLIPS:]


def _source():
    return FLAGS.calibration or "generated gestures"
