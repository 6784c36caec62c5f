"""describe: builds the spec of a converted model and checks its caches."""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

import tensorflow as tf

from tsm_export.heads import result_specs
from tsm_keras.keras_version import KERAS_VERSION
from tsm_keras.models.config import VideoClassifierConfig, VideoDetectorConfig
from tsm_keras.models.stream_time import StreamTime
from tsm_keras.version import __version__
from tsm_live.artifact.detection import DetectionRule
from tsm_live.artifact.spec import SCORES, SECONDS, ArtifactSpec
from tsm_live.artifact.tensors import CACHE, CACHE_OUT, VALID, TensorSpec
from tsm_live.decision.gestures import DecisionConfig

# The name and the role of the image input for each kind of artifact.
IMAGE_INPUTS = {"stream": "frame", "clip": "clip"}


class ExportError(ValueError):
    """A converted model is wrong and must not be used."""


def describe(
    inputs: Mapping[str, TensorSpec],
    outputs: Mapping[str, TensorSpec],
    config: VideoClassifierConfig | VideoDetectorConfig,
    *,
    kind: str,
    quantization: str,
    preset_hash: str = "",
    layout: str = "NHWC",
    versions: Mapping[str, str] | None = None,
    cache_frames: Mapping[str, int] | None = None,
    stream_time: StreamTime | None = None,
    softmax: bool = False,
    no_gesture: Sequence[str] = (),
    decision: Mapping[str, float] | None = None,
) -> ArtifactSpec:
    """Returns the spec of a converted model.

    Args:
        inputs: The inputs of its signature by name, without roles.
        outputs: The outputs of its signature by name, without roles.
        config: The config of the network that was converted.
        kind: `"stream"` or `"clip"`.
        quantization: One of the quantizations of the export.
        preset_hash: The hash of the weights.
        layout: `"NHWC"` or `"NCHW"`.
        versions: The versions of further tools that were used.
        cache_frames: The number of frames that each cache remembers, by name;
            0 for all since the start of the stream. Other caches have 1.
        stream_time: How late the caches and the results of a stream are; None
            if nothing is late.
        softmax: Whether the heads give probabilities.
        no_gesture: The labels of any head which mean that there is no gesture.
        decision: Fields of `DecisionConfig`, or of the `DetectionRule` of a
            detector, to store as defaults for this artifact.

    Raises:
        ExportError: If a cache cannot be fed back, because its input and its
            output differ.
        ArtifactError: If the labels or the decision are not valid.
    """
    states = []
    caches = [inputs[name] for name in sorted(inputs) if "cache_" in name]
    remembered = cache_frames or {}
    time = stream_time or StreamTime()
    for number, cache in enumerate(caches):
        fresh = outputs.get(f"{cache.name}_out")
        if not fresh or dataclasses.replace(fresh, name=cache.name) != cache:
            raise ExportError(
                f"{cache.name} cannot be fed back: its input and output "
                f"differ. Received: {cache} and {fresh}"
            )
        states.append(dataclasses.replace(fresh, role=CACHE_OUT))
        caches[number] = dataclasses.replace(
            cache,
            role=CACHE,
            frames=remembered.get(cache.name, 1),
            fed_by=fresh.name,
            late=time.cache_late.get(cache.name, 0),
        )
    results = [
        dataclasses.replace(result, late=time.late)
        for result in result_specs(
            outputs, config, softmax=softmax, no_gesture=no_gesture
        )
    ]
    entries = tuple(time.entries)
    valid = [
        dataclasses.replace(inputs[name], role=VALID, entries=entries)
        for name in time.inputs
        if name == VALID
    ]
    image = IMAGE_INPUTS[kind]
    return ArtifactSpec(
        kind=kind,
        inputs=(
            dataclasses.replace(inputs[image], role=image),
            *valid,
            *caches,
        ),
        outputs=(*results, *states),
        resize_size=config.input.resize_size,
        frame_interval=config.clip.frame_interval,
        num_segments=config.clip.num_segments,
        quantization=quantization,
        preset_hash=preset_hash,
        versions={
            "tsm_export": __version__,
            "tensorflow": tf.__version__,
            "keras": KERAS_VERSION,
            **(versions or {}),
        },
        layout=layout,
        **_task(config, dict(decision or {})),
    )


def _task(config, decision) -> dict[str, Any]:
    """Returns the fields of the spec that depend on the task."""
    if isinstance(config, VideoDetectorConfig):
        stride = config.detection.stride
        rule = DetectionRule(**{"stride": stride, **decision})
        return {"task": "detection", "detection": rule}
    defaults = DecisionConfig()
    numbers = {name: getattr(defaults, name) for name in SECONDS + SCORES}
    return {"decision": numbers | decision}
