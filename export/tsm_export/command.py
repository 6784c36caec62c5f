"""Turns a preset into an artifact: `tsm export PRESET --to=FILE`.

The artifact is checked first, as `tsm verify` does, and is not written if a
check fails. What the gesture and detector flags say is stored in the artifact
as the default; flags of `tsm-live` and `tsm predict` replace it.
"""

import functools
import pathlib
from collections.abc import Sequence
from typing import Any

from absl import flags

from tsm_export.artifact_file import expect_writable
from tsm_export.clips import boxed_clips, generated_clips, video_clips
from tsm_export.networks import CALIBRATED, INPUTS, KINDS
from tsm_export.onnx.export import export_onnx
from tsm_export.onnx.precision import ONNX_QUANTIZATIONS
from tsm_export.tflite.conversion import QUANTIZATIONS
from tsm_export.tflite.export import LOGITS_TYPES, export_tflite
from tsm_export.verify.checks import verify
from tsm_export.verify.command import TrialError, print_checks
from tsm_keras.command_flags import (
    define_enum,
    define_fields,
    define_groups,
    expect_values,
)
from tsm_keras.data.readers.clip_reader import open_clips
from tsm_keras.models.config import VideoDetectorConfig
from tsm_keras.models.presets import load_preset, preset_hash
from tsm_keras.models.streaming import expect_streamable
from tsm_live.artifact.spec import SCORES, SECONDS
from tsm_live.decision.artifact_defaults import own_classes
from tsm_live.decision.gestures import DecisionConfig, GestureDecision

_FORMATS = {"tflite": export_tflite, "onnx": export_onnx}
_QUANTIZATIONS = {"tflite": QUANTIZATIONS, "onnx": ONNX_QUANTIZATIONS}
_VERIFY_CLIPS = 20


def _meanings(quantizations):
    return "; ".join(f"{name}: {text}" for name, text in quantizations.items())


FLAGS = flags.FlagValues()
_GROUPS: dict[str, list[tuple[Any, ...]]] = {
    "output": [
        ("to", flags.DEFINE_string, None, ".tflite or .onnx file to write."),
        (
            "format",
            define_enum,
            None,
            "Format of the file. (default: what --to ends in)",
            {"enum_values": list(_FORMATS)},
        ),
        (
            "verify",
            flags.DEFINE_bool,
            True,
            "Check the artifact before it is written.",
        ),
        (
            "soak_frames",
            flags.DEFINE_integer,
            2000,
            "Number of frames to stream without a break in the check.",
            {"lower_bound": 0},
        ),
    ],
    "network": [
        (
            "kind",
            define_enum,
            "stream",
            "stream: one frame per call, for causal networks and with "
            "--lookahead for others; clip: one whole clip per call.",
            {"enum_values": KINDS},
        ),
        (
            "lookahead",
            flags.DEFINE_bool,
            False,
            "Let a stream wait for the later frames that a network needs which "
            "is not causal. It answers late, by as many frames as tsm info "
            "says.",
        ),
        (
            "quantize",
            define_enum,
            "none",
            f"For .tflite {_meanings(QUANTIZATIONS)}. "
            f"For .onnx {_meanings(ONNX_QUANTIZATIONS)}.",
            {"enum_values": list(QUANTIZATIONS | ONNX_QUANTIZATIONS)},
        ),
        (
            "streams",
            flags.DEFINE_integer,
            1,
            "Number of streams that run in one batch.",
        ),
        (
            "size",
            flags.DEFINE_integer,
            None,
            "Height and width of a frame in pixels. (default: as in training)",
            {"lower_bound": 32},
        ),
        (
            "input",
            define_enum,
            None,
            "Type of the frames; cameras give uint8. (default: the type in "
            "which the network computes)",
            {"enum_values": INPUTS},
        ),
        (
            "softmax",
            flags.DEFINE_bool,
            False,
            "Give probabilities instead of logits.",
        ),
        (
            "logits",
            define_enum,
            None,
            "Type of the logits of an int8 .tflite file. With float32 the last "
            "layer computes in float32, which agrees a little better with the "
            "network before int8. (default: int8)",
            {"enum_values": LOGITS_TYPES},
        ),
    ],
    "calibration": [
        (
            "calibration",
            flags.DEFINE_string,
            None,
            "Prepared data set, or folder of class folders with videos. int8 "
            "measures its ranges on these clips, and the artifact is checked "
            "on them.",
        ),
        (
            "calibration_frames",
            flags.DEFINE_integer,
            400,
            "Number of frames to calibrate on.",
            {"lower_bound": 1},
        ),
        (
            "seed",
            flags.DEFINE_integer,
            0,
            "Seed of the random choice of clips.",
        ),
    ],
}
define_groups(FLAGS, __name__, _GROUPS)
_DECISION = {name: name for name in SECONDS + SCORES}
_LIVE = "gesture"
define_fields(FLAGS, __name__, _LIVE, DecisionConfig(), _DECISION)
_NO_GESTURE: tuple[Any, ...] = (
    "no_gesture",
    flags.DEFINE_multi_string,
    [],
    "Label which means that there is no gesture. May be repeated.",
)
define_groups(FLAGS, __name__, {_LIVE: [_NO_GESTURE]})

_RULE = ("threshold", "top")
_BOXES: list[tuple[Any, ...]] = [
    (
        "threshold",
        flags.DEFINE_float,
        None,
        "Score that the box of an object must have. (default: 0.3)",
        {"lower_bound": 0.0, "upper_bound": 1.0},
    ),
    (
        "top",
        flags.DEFINE_integer,
        None,
        "Largest number of boxes per frame. (default: 100)",
        {"lower_bound": 1},
    ),
]
define_groups(FLAGS, __name__, {"detector": _BOXES})

_NEARER = (
    " Ranges fit better if they are measured on more videos, and on videos "
    "like those that the network will see (--calibration, "
    "--calibration_frames)."
)


def main(arguments: Sequence[str]) -> None:
    """Exports a preset.

    Raises:
        flags.Error: If the number of arguments is not one.
        ValueError, OSError: If the preset, a flag or the calibration data is
            wrong, or the artifact fails a check. Nothing is written then.
    """
    if len(arguments) != 1:
        raise flags.Error("expected one PRESET: tsm export PRESET --to=FILE")
    expect_values(FLAGS, "to")
    if FLAGS.quantize in CALIBRATED and not FLAGS.calibration:
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
    # Raises simple errors before any video is decoded.
    if FLAGS.quantize not in _QUANTIZATIONS[name]:
        raise ValueError(
            f"--quantize of a .{name} file must be one of "
            f"{', '.join(_QUANTIZATIONS[name])}. "
            f"Received: --quantize={FLAGS.quantize}"
        )
    if FLAGS.logits and name == "onnx":
        raise ValueError(
            "--logits is for .tflite files: the logits of an .onnx file are "
            f"always float32. Received: --logits={FLAGS.logits}"
        )
    expect_writable(path)
    model = load_preset(preset)
    if FLAGS.kind == "stream":
        expect_streamable(model.video_config, lookahead=FLAGS.lookahead)
    decision = _decision(model.video_config)
    calibration, trial = _clips(model.video_config)

    def check(artifact):
        print(f"checking it on {len(trial)} clips of {_source()}")
        checks = verify(artifact, model, trial, soak_frames=FLAGS.soak_frames)
        try:
            print_checks(checks)
        except TrialError as error:
            differs = any(name.startswith("equals") for name in error.names)
            is_measured = FLAGS.quantize in CALIBRATED
            advice = _NEARER if differs and is_measured else ""
            raise ValueError(
                f"{error}; {path} is not written.{advice} --noverify writes it "
                "as it is."
            ) from error

    export: Any = _FORMATS[name]
    if name == "tflite":
        export = functools.partial(export, logits=FLAGS.logits)
    export(
        model,
        path,
        kind=FLAGS.kind,
        quantize=FLAGS.quantize,
        streams=FLAGS.streams,
        image_size=FLAGS.size,
        input_dtype=FLAGS.input,
        softmax=FLAGS.softmax,
        lookahead=FLAGS.lookahead,
        calibration_clips=calibration,
        preset_hash=preset_hash(preset),
        no_gesture=FLAGS.no_gesture,
        decision=decision,
        check=check if FLAGS.verify else lambda artifact: None,
    )
    print(f"wrote {path} ({path.stat().st_size / 1e6:.2f} MB)")


def _decision(config):
    """Returns the defaults to store; refuses wrong ones, and unknown classes.

    Flags of the other task are refused too.
    """
    is_detector = isinstance(config, VideoDetectorConfig)
    others = (*_DECISION, "no_gesture") if is_detector else _RULE
    for name in others:
        if FLAGS[name].present:
            task = "a detector" if is_detector else "a classifier"
            raise ValueError(f"--{name} has no effect for {task}.")
    if is_detector:
        given = {name: getattr(FLAGS, name) for name in _RULE}
        return {name: each for name, each in given.items() if each is not None}
    decision = {name: getattr(FLAGS, name) for name in _DECISION}
    labels = {label for head in config.heads for label in head.labels}
    for head in config.heads:
        own = own_classes(FLAGS.no_gesture, head.labels, labels)
        rules = DecisionConfig(**decision, no_gesture=own)
        if head.labels:  # The export refuses a model without labels.
            GestureDecision(head.labels, rules)
    return decision


def _clips(config):
    """Returns the clips for calibration (or None) and those for the check."""
    if FLAGS.size:
        config = config.with_image_size(FLAGS.size)
    is_detector = isinstance(config, VideoDetectorConfig)
    if not FLAGS.calibration:
        drawn = _VERIFY_CLIPS, FLAGS.seed
        return None, generated_clips(config, *drawn, of_objects=is_detector)
    wanted = -(-FLAGS.calibration_frames // config.clip.num_segments)
    if is_detector:
        take, source = boxed_clips, (FLAGS.calibration, "train")
    else:
        take, source = video_clips, (open_clips(FLAGS.calibration, "train"),)
    clips = take(*source, config, wanted + _VERIFY_CLIPS, FLAGS.seed)
    # They overlap if there are few videos.
    return clips[:wanted], clips[-_VERIFY_CLIPS:]


def _source():
    return FLAGS.calibration or "generated videos"
