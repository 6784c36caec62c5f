"""Makes a network of each kind, with what LiteRT computes for it in Python."""

import json
from typing import NamedTuple

import numpy as np

from testing.artifacts import random_clips
from testing.models import SMALL, random_clip_model, random_detector
from tsm_export import export_tflite
from tsm_live.artifact.tensors import DETECTION_ROLES
from tsm_live.sessions.detection_prediction import DetectionPrediction
from tsm_live.sessions.open_session import open_session

_LABELS = tuple("abcdefg")
_CLIPS = 5  # Of 4 frames each.
_FLOAT, _BOTH = ("none",), ("none", "int8")


class _Network(NamedTuple):
    name: str
    backbone: str
    config: dict  # What differs from a small network of this backbone.
    full_size: dict  # What differs from it in use.
    # What the tests of each day run, which have little time.
    daily: tuple[str, ...] = ("int8",)
    quantize: tuple[str, ...] = _BOTH
    is_detector: bool = False


_224 = {"image_size": 224}
_X3D_XS = {"image_size": 160, "depth": 2.2}
_NETWORKS = (
    _Network("mobilenet_v2_224", "mobilenet_v2", _224, {}, _BOTH),
    _Network("resnet18", "resnet18", {}, _224, _BOTH),
    _Network("mixtconv", "mobilenet_v2", {"operator": "mixtconv"}, _224, _BOTH),
    _Network(
        "conv1d",
        "mobilenet_v2",
        {"operator": "conv1d", "kernels": (3,)},
        _224,
    ),
    _Network("x3d_frame", "x3d", {"context": "frame"}, _X3D_XS),
    # int8 cannot hold the sum over all frames.
    _Network("x3d_past", "x3d", {"context": "past"}, _X3D_XS, _FLOAT, _FLOAT),
    _Network("efficientnet_lite0", "efficientnet_lite0", {}, _224),
    _Network("mobilenet_v3_small", "mobilenet_v3_small", {}, _224),
    _Network("mobilenet_v4", "mobilenet_v4_conv_small", {}, _224),
    _Network("detector", "mobilenet_v2", {}, _224, is_detector=True),
)


def write_networks(folder, in_full_size):
    """Writes artifacts with frames and results, and `networks.json`."""
    names = [
        _write(folder, network, quantize, in_full_size)
        for network in _NETWORKS
        for quantize in (network.quantize if in_full_size else network.daily)
    ]
    (folder / "networks.json").write_text(json.dumps(names), encoding="utf-8")


def _write(folder, network, quantize, in_full_size):
    name = f"{network.name}_{quantize}"
    config = {**SMALL[network.backbone], **network.config}
    if in_full_size:
        config |= network.full_size
    if network.is_detector:
        model = random_detector(network.backbone, **config)
    else:
        model = random_clip_model(network.backbone, labels=_LABELS, **config)
    artifact = folder / f"{name}.tflite"
    export_tflite(
        model,
        artifact,
        quantize=quantize,
        calibration_clips=random_clips(2, model, seed=9),
        check=lambda path: None,  # Other tests compare it with Keras.
    )
    session = open_session(artifact)
    frames = random_clips(_CLIPS, model, seed=3)
    frames = frames.reshape(-1, *frames.shape[2:])
    results = [_results(session.step_squares([frame])[0]) for frame in frames]
    (folder / f"{name}.frames").write_bytes(frames.tobytes())
    (folder / f"{name}.results").write_bytes(
        np.asarray(results, np.float32).tobytes()
    )
    return name


def _results(prediction):
    """Returns the logits of a frame, or all values of a detector."""
    if isinstance(prediction, DetectionPrediction):
        outputs = [prediction.outputs[role] for role in DETECTION_ROLES]
        return np.concatenate([values.ravel() for values in outputs])
    return prediction.logits
