"""Writes the artifacts and the test vectors of this folder.

    python apps/vectors/generate.py [FOLDER]

All random numbers come from fixed seeds. Two runs on one machine, with the same
versions of TensorFlow and LiteRT, write the same bytes.
"""

import functools
import pathlib
import sys
import zlib

import numpy as np
from box_rules import box_rule_cases
from file_changes import detector_file_cases, file_cases
from rules import rule_cases
from tensorflow import keras

from tsm_cli.vectors.artifact_cases import steps_case
from tsm_cli.vectors.pictures import random_squares
from tsm_cli.vectors.session_case import session_case
from tsm_cli.vectors.vectors_file import write_vectors
from tsm_export import export_tflite
from tsm_keras.models.backbones.mobilenet_v2 import mobilenet_v2
from tsm_keras.models.backbones.record import Backbone, stage_name
from tsm_keras.models.backbones.table import BACKBONES
from tsm_keras.models.clip import build_clip_model
from tsm_keras.models.config import (
    HeadConfig,
    VideoClassifierConfig,
    VideoDetectorConfig,
)
from tsm_live.artifact.file import load_artifact
from tsm_live.runtimes.open_network import open_here

_BLOCKS = (1, 2, 3)  # Of the first stages of MobileNetV2.
_STAGES = tuple(stage_name(stage + 1) for stage in range(len(_BLOCKS)))
_GESTURES = ("no_gesture", "swipe_left", "swipe_right", "wave")
_OBJECTS = ("no_object", "door", "drawer")
_ONE_HEAD = (HeadConfig(len(_GESTURES), _GESTURES),)
_TWO_HEADS = (
    HeadConfig(len(_GESTURES), _GESTURES, "verb"),
    HeadConfig(len(_OBJECTS), _OBJECTS, "noun"),
)
# The networks, by name: the fields of their configs that differ.
_NETWORKS = {
    "shift": {"heads": _ONE_HEAD, "shift": "causal", "shift_div": 4},
    "heads": {"heads": _TWO_HEADS, "shift": "causal", "shift_div": 4},
    "mixtconv": {
        "heads": _ONE_HEAD,
        "operator": "mixtconv",
        "causal": True,
        "kernels": (1, 3),
    },
    "both_ways": {"heads": _ONE_HEAD, "shift": "bidirectional", "shift_div": 8},
    "detector": {
        "labels": ("ball", "cup", "hand"),
        "stride": 4,
        "pyramid_channels": 8,
        "shift": "causal",
        "shift_div": 4,
    },
}
# The mean and the standard deviation of the outputs of a detector: few cells
# have a score above 0.5, and boxes have about 2 x 2 of the 8 x 8 cells.
_MAPS = {
    "heatmap": (-3.0, 2.5),
    "box_size": (2.0, 0.75),
    "box_offset": (0.5, 0.25),
}
_SIZE = 32  # Pixels.
_FRAMES = 4  # Per clip.
_STEPS = 8
# The artifacts, by name: their networks and arguments of `export_tflite`.
_ARTIFACTS = {
    "float32": ("shift", {}),
    "float16": ("shift", {"quantize": "float16"}),
    "int8": ("shift", {"quantize": "int8"}),
    "uint8_frames": ("shift", {"quantize": "int8", "input_dtype": "uint8"}),
    "two_streams": ("shift", {"streams": 2}),
    "two_streams_int8": ("shift", {"streams": 2, "quantize": "int8"}),
    "two_heads": ("heads", {"quantize": "int8"}),
    "mixtconv": ("mixtconv", {"quantize": "int8"}),
    "lookahead": ("both_ways", {"quantize": "int8", "lookahead": True}),
    "detector": ("detector", {}),
}
# The artifacts with a session, and how many sets of images are tried for it.
_SESSIONS = {
    "float32": 200,
    "int8": 200,
    "two_heads": 200,
    "lookahead": 200,
    "detector": 20,
}
_DECISION = {
    "average": 0.25,
    "min_duration": 0.25,
    "cooldown": 0.25,
    "start_score": 0.5,
    "end_score": 0.25,
}


def main(folder: pathlib.Path) -> None:
    """Writes `vectors.json` and the artifacts that it names."""
    cases = [*rule_cases(), *box_rule_cases()]
    for name, (network_name, options) in _ARTIFACTS.items():
        path = folder / f"{name}.tflite"
        model = _small_model(network_name)
        config = model.video_config
        decision = {}
        if isinstance(config, VideoClassifierConfig):
            decision = {
                "no_gesture": [head.labels[0] for head in config.heads],
                "decision": _DECISION,
            }
        export_tflite(
            model,
            path,
            calibration_clips=_clips(2, seed=9),
            **decision,
            **options,
        )
        spec, content = load_artifact(path)
        network = open_here(spec, content)
        cases.append(
            steps_case(f"steps of {name}", path.name, spec, network, _STEPS)
        )
        if name in _SESSIONS:
            case, tries = f"session of {name}", _SESSIONS[name]
            cases.append(
                session_case(case, path.name, spec, network, tries=tries)
            )
    for name, changes in (
        ("float32", file_cases),
        ("detector", detector_file_cases),
    ):
        path = folder / f"{name}.tflite"
        spec, _ = load_artifact(path)
        cases += changes(path, spec)
    write_vectors(folder / "vectors.json", cases)


@functools.cache
def _small_model(name):
    """Returns a network of a few thousand weights.

    No whole backbone fits into a small file, so it has the first stages of
    MobileNetV2.
    """
    BACKBONES["first_stages"] = Backbone(
        name="first_stages",
        family="mobilenet_v2",
        build=_first_stages,
        blocks=_BLOCKS,
        any_width=True,
    )
    fields = _NETWORKS[name]
    is_detector = "stride" in fields
    config_of = VideoDetectorConfig if is_detector else VideoClassifierConfig
    config = config_of(
        backbone="first_stages",
        width=0.25,
        num_segments=_FRAMES,
        frame_interval=0.125,
        image_size=_SIZE,
        resize_size=36,
        **fields,
    )
    model = build_clip_model(config, return_frame_logits=True)
    for layer in model.layers:
        layer.set_weights(
            [
                _draw(f"{layer.name}/{i}", weight.shape, layer.name)
                for i, weight in enumerate(layer.get_weights())
            ]
        )
    (_centre_maps if is_detector else _centre_logits)(model)
    return model


def _first_stages(frames, config, mark):
    def mark_in_stages(x, *, name):
        return mark(x, name=name) if name.startswith(_STAGES) else (x, x)

    features = mobilenet_v2(frames, config, mark_in_stages)
    found = {name: features[name] for name in ("stem", *_STAGES)}
    if isinstance(config, VideoDetectorConfig):
        # The pyramid needs features of the strides 16 and 32 too.
        for stage in range(len(_STAGES), len(_STAGES) + 2):
            name, last = stage_name(stage + 1), found[stage_name(stage)]
            pool = keras.layers.AveragePooling2D(2, name=f"{name}_pool")
            found[name] = pool(last)
    return found


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


def _centre_logits(model):
    """Scales and moves the logits so that each label leads at times."""
    clips = _clips(16, seed=3).astype(np.float32)
    outputs = model.predict(clips, verbose=0)
    for head in model.video_config.heads:
        logits = outputs[head.output]
        classifier = model.get_layer(head.classifier)
        kernel, bias = classifier.get_weights()
        # Rounded, so that another processor finds the same numbers.
        gain = np.round(3 / logits.std(axis=0).mean(), 1)
        bias = np.round(gain * (bias - logits.mean(axis=0)), 1)
        classifier.set_weights([gain * kernel, bias])


def _centre_maps(model):
    """Scales and moves the outputs of a detector to those of `_MAPS`."""
    clips = _clips(16, seed=3).astype(np.float32)
    layers = {name: model.get_layer(f"detector_{name}") for name in _MAPS}
    for layer in layers.values():
        kernel, bias = layer.get_weights()
        layer.set_weights([kernel, 0 * bias + 100])  # The ReLU has no effect.
    outputs = model.predict(clips, verbose=0)
    for name, (mean, deviation) in _MAPS.items():
        values = outputs[name].reshape(-1, outputs[name].shape[-1]) - 100
        kernel, bias = layers[name].get_weights()
        gain = np.round(deviation / values.std(axis=0), 1)
        bias = np.round(mean - gain * values.mean(axis=0), 1)
        layers[name].set_weights([gain * kernel, bias])


def _clips(count, seed):
    squares = random_squares(seed, count * _FRAMES, _SIZE)
    return squares.reshape(count, _FRAMES, *squares.shape[1:])


if __name__ == "__main__":
    main(pathlib.Path(*(sys.argv[1:] or [pathlib.Path(__file__).parent])))
