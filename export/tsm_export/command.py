"""Turns a preset into an artifact: `tsm export PRESET --to=FILE`.

The artifact is tried as by `tsm verify` before it appears; what fails is not
written.
"""

import pathlib
from collections.abc import Sequence

from absl import flags

from tsm_export.artifact_file import expect_writable
from tsm_export.clips import generated_clips, video_clips
from tsm_export.networks import INPUTS, KINDS
from tsm_export.onnx.export import export_onnx
from tsm_export.onnx.precision import ONNX_QUANTIZATIONS
from tsm_export.tflite.conversion import QUANTIZATIONS
from tsm_export.tflite.export import export_tflite
from tsm_export.verify.checks import verify
from tsm_export.verify.command import TrialError, print_checks
from tsm_keras.command_flags import expect_values
from tsm_keras.data.readers.clip_reader import open_clips
from tsm_keras.models.presets import load_preset, preset_hash
from tsm_keras.models.streaming import expect_streamable
from tsm_live.artifact.spec import SCORES, SECONDS
from tsm_live.decision.gestures import DecisionConfig, GestureDecision

_FORMATS = {"tflite": export_tflite, "onnx": export_onnx}
_QUANTIZATIONS = {"tflite": QUANTIZATIONS, "onnx": ONNX_QUANTIZATIONS}
_VERIFY_CLIPS = 20


def _meanings(quantizations):
    return "; ".join(f"{name}: {text}" for name, text in quantizations.items())


FLAGS = flags.FlagValues()
flags.DEFINE_string(
    "to", None, "The .tflite or .onnx to write.", flag_values=FLAGS
)
flags.DEFINE_enum(
    "format",
    None,
    list(_FORMATS),
    "Of the file; by default what the name given by --to ends in.",
    flag_values=FLAGS,
)
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
    list(QUANTIZATIONS | ONNX_QUANTIZATIONS),
    f"For .tflite {_meanings(QUANTIZATIONS)}. "
    f"For .onnx {_meanings(ONNX_QUANTIZATIONS)}.",
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
flags.DEFINE_multi_string(
    "no_gesture",
    [],
    "A label which means that there is no gesture; may be repeated. The "
    "artifact carries it, and tsm-live heeds it.",
    flag_values=FLAGS,
)
for _name, _meaning in {
    "average": "Seconds over which logits are averaged",
    "start_score": "Score from which a gesture may start",
    "end_score": "Score below which it ends",
    "min_duration": "Seconds for which it must lead before it starts",
    "cooldown": "Seconds after an end in which none starts",
}.items():
    flags.DEFINE_float(
        _name,
        getattr(DecisionConfig(), _name),
        f"{_meaning}. The artifact carries it as the default of tsm-live.",
        flag_values=FLAGS,
    )
flags.DEFINE_string(
    "calibration",
    None,
    "Prepared data set, or folder of class folders with videos: int8 measures "
    "its ranges on their clips, and the artifact is tried on them.",
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

# Those that measure ranges on real clips.
_CALIBRATED = ("int8", "int8_tensorrt")
_NEARER = (
    " Ranges fit better that are measured on more videos, and on more of the "
    "kind that the network will see (--calibration, --calibration_frames)."
)


def main(arguments: Sequence[str]) -> None:
    """Exports.

    Raises:
        flags.Error: If there is not one argument.
        ValueError, OSError: If the preset or the calibration data is wrong, or
            the artifact fails its trial; nothing is written then.
    """
    if len(arguments) != 1:
        raise flags.Error("expected one PRESET: tsm export PRESET --to=FILE")
    expect_values(FLAGS, "to")
    if FLAGS.quantize in _CALIBRATED and not FLAGS.calibration:
        raise ValueError(
            f"{FLAGS.quantize} needs real clips to measure ranges on: add "
            "--calibration=FOLDER, a prepared data set or a folder of class "
            "folders with videos."
        )
    preset, path = pathlib.Path(arguments[0]), pathlib.Path(FLAGS.to)
    name = FLAGS.format or path.suffix[1:]
    if name not in _FORMATS or path.suffix != f".{name}":
        raise ValueError(
            f"--to must end in .{FLAGS.format or ' or .'.join(_FORMATS)}. "
            f"Received: --to={path}"
        )
    # What needs no videos is refused before they are decoded.
    if FLAGS.quantize not in _QUANTIZATIONS[name]:
        raise ValueError(
            f"--quantize of a .{name} file must be one of "
            f"{', '.join(_QUANTIZATIONS[name])}. "
            f"Received: --quantize={FLAGS.quantize}"
        )
    expect_writable(path)
    model = load_preset(preset)
    if FLAGS.kind == "stream":
        expect_streamable(model.video_config)
    decision = {name: getattr(FLAGS, name) for name in SECONDS + SCORES}
    GestureDecision(  # Refuses what is out of range, and unknown labels.
        model.video_config.labels,
        DecisionConfig(**decision, no_gesture=tuple(FLAGS.no_gesture)),
    )
    calibration, trial = _clips(model.video_config)

    def check(artifact):
        print(f"trying it on {len(trial)} clips of {_source()}")
        checks = verify(artifact, model, trial, soak_frames=FLAGS.soak_frames)
        try:
            print_checks(checks)
        except TrialError as error:
            differs = any(name.startswith("equals") for name in error.names)
            is_measured = FLAGS.quantize in _CALIBRATED
            advice = _NEARER if differs and is_measured else ""
            raise ValueError(
                f"{error}; {path} is not written.{advice} --noverify writes it "
                "as it is."
            ) from error

    _FORMATS[name](
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
        no_gesture=FLAGS.no_gesture,
        decision=decision,
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
    source = open_clips(FLAGS.calibration, "train")
    clips = video_clips(source, config, wanted + _VERIFY_CLIPS, FLAGS.seed)
    # With few videos the two overlap.
    return clips[:wanted], clips[-_VERIFY_CLIPS:]


def _source():
    return FLAGS.calibration or "generated gestures"
