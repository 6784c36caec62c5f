"""Writes the artifacts and the test vectors of this folder.

    python apps/vectors/generate.py [FOLDER]

All random numbers come from fixed seeds. Two runs with the same versions of
TensorFlow, NumPy and LiteRT write the same bytes.
"""

import pathlib
import sys
import zlib

import numpy as np

# Before the config, which knows the backbones of this table.
from tsm_keras.models.backbones.mobilenet_v2 import mobilenet_v2
from tsm_keras.models.backbones.record import Backbone, stage_name
from tsm_keras.models.backbones.table import BACKBONES

_STAGES = 3  # Of MobileNetV2, after its stem.


def _first_stages(frames, config, mark):
    """Builds the first stages of MobileNetV2, which fit into a small file."""

    def mark_in_stages(x, *, name):
        is_kept = name.startswith(_KEPT)
        return mark(x, name=name) if is_kept else (x, x)

    stages = mobilenet_v2(frames, config, mark_in_stages)
    return {name: stages[name] for name in ("stem", *_KEPT)}


_KEPT = tuple(stage_name(stage + 1) for stage in range(_STAGES))
BACKBONES["first_stages"] = Backbone(
    name="first_stages",
    family="mobilenet_v2",
    build=_first_stages,
    blocks=(1, 2, 3),
    any_width=True,
)

from file_changes import file_cases  # noqa: E402
from rules import rule_cases  # noqa: E402

from tsm_cli.vectors.artifact_cases import steps_case  # noqa: E402
from tsm_cli.vectors.pictures import random_squares  # noqa: E402
from tsm_cli.vectors.session_case import session_case  # noqa: E402
from tsm_cli.vectors.vectors_file import write_vectors  # noqa: E402
from tsm_export import export_tflite  # noqa: E402
from tsm_keras.models.clip import build_clip_model  # noqa: E402
from tsm_keras.models.config import VideoClassifierConfig  # noqa: E402
from tsm_live.artifact.file import load_artifact  # noqa: E402
from tsm_live.runtimes.open_network import open_here  # noqa: E402

_LABELS = ("no_gesture", "swipe_left", "swipe_right", "wave")
_STEPS = 8
# The artifacts, by name: their arguments of `export_tflite`.
_ARTIFACTS = {
    "float32": {},
    "float16": {"quantize": "float16"},
    "int8": {"quantize": "int8"},
    "uint8_frames": {"quantize": "int8", "input_dtype": "uint8"},
    "two_streams": {"streams": 2},
    "two_streams_int8": {"streams": 2, "quantize": "int8"},
}
_SESSIONS = ("float32", "int8")
_DECISION = {
    "average": 0.25,
    "min_duration": 0.25,
    "cooldown": 0.25,
    "start_score": 0.5,
    "end_score": 0.25,
}


def main(folder: pathlib.Path) -> None:
    """Writes `vectors.json` and the artifacts that it names."""
    cases = rule_cases()
    model = _model()
    clips = random_squares(9, 2 * 4, 32).reshape(2, 4, 32, 32, 3)
    for name, options in _ARTIFACTS.items():
        path = folder / f"{name}.tflite"
        export_tflite(
            model,
            path,
            calibration_clips=clips if "quantize" in options else None,
            no_gesture=_LABELS[:1],
            decision=_DECISION,
            **options,
        )
        spec, content = load_artifact(path)
        network = open_here(spec, content)
        cases.append(
            steps_case(f"steps of {name}", path.name, spec, network, _STEPS)
        )
        if name in _SESSIONS:
            cases.append(
                session_case(f"session of {name}", path.name, spec, network)
            )
    path = folder / "float32.tflite"
    spec, _ = load_artifact(path)
    cases += file_cases(path, spec)
    write_vectors(folder / "vectors.json", cases)


def _model():
    """Returns a causal network whose logits differ clearly between images."""
    config = VideoClassifierConfig(
        num_classes=len(_LABELS),
        backbone="first_stages",
        width=0.25,
        num_segments=4,
        shift="causal",
        shift_div=4,
        image_size=32,
        resize_size=36,
        labels=_LABELS,
        frame_interval=0.125,
    )
    model = build_clip_model(config)
    for layer in model.layers:
        weights = layer.get_weights()
        layer.set_weights(
            [
                _draw(f"{layer.name}/{i}", weight.shape, layer.name)
                for i, weight in enumerate(weights)
            ]
        )
    _centre_logits(model)
    return model


def _centre_logits(model):
    """Scales and moves the classifier so that each label leads at times."""
    squares = random_squares(3, 4 * 16, model.video_config.image_size)
    logits = model.predict(
        squares.reshape(16, 4, *squares.shape[1:]).astype(np.float32), verbose=0
    )
    classifier = model.get_layer("classifier")
    kernel, bias = classifier.get_weights()
    # Rounded, so that another processor finds the same numbers.
    gain = np.round(3 / logits.std(axis=0).mean(), 1)
    bias = np.round(gain * (bias - logits.mean(axis=0)), 1)
    classifier.set_weights([gain * kernel, bias])


def _draw(name, shape, layer):
    """Returns a random weight that keeps the activations in a normal range."""
    rng = np.random.Generator(np.random.PCG64(zlib.crc32(name.encode())))
    uniform = rng.random(shape)
    if len(shape) == 1:
        # Gamma, beta, mean and variance of a batch normalization; the second
        # weight of the classifier is a bias.
        is_scale = layer.endswith("bn") and name[-1] in "03"
        return 0.5 + uniform if is_scale else 0.6 * (uniform - 0.5)
    is_depthwise = layer.endswith("depthwise")
    fan_in = np.prod(shape[:2] if is_depthwise else shape[:-1])
    return np.sqrt(6 / fan_in) * (2 * uniform - 1)


if __name__ == "__main__":
    main(pathlib.Path(*(sys.argv[1:] or [pathlib.Path(__file__).parent])))
