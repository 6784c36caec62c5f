"""describe: the spec of a converted model, once it keeps what it promises."""

import dataclasses

import tensorflow as tf
from ai_edge_litert.interpreter import Interpreter

from tsm_keras.keras_version import KERAS_VERSION
from tsm_keras.models.config import VideoClassifierConfig
from tsm_keras.version import __version__
from tsm_live.artifact.spec import ArtifactSpec
from tsm_live.runtimes.interpreter_network import tensor_specs

# The name of the image input of each kind of artifact.
IMAGE_INPUTS = {"stream": "frame", "clip": "clip"}


class ExportError(ValueError):
    """A converted model that must not be handed over."""


def describe(
    content: bytes,
    config: VideoClassifierConfig,
    *,
    kind: str,
    quantization: str,
    preset_hash: str = "",
) -> ArtifactSpec:
    """Returns the spec of a `.tflite` file that `convert` gave.

    Args:
        content: Of the file.
        config: Of the network that was converted.
        kind: `"stream"` or `"clip"`.
        quantization: As the spec is to say.
        preset_hash: Of the weights.

    Raises:
        ExportError: If a cache's input and output differ.
    """
    runner = Interpreter(model_content=content).get_signature_runner()
    inputs = tensor_specs(runner.get_input_details())
    outputs = tensor_specs(runner.get_output_details())
    caches = [inputs[name] for name in sorted(inputs) if "cache_" in name]
    for cache in caches:
        fresh = outputs.pop(f"{cache.name}_out")
        if dataclasses.replace(fresh, name=cache.name) != cache:
            raise ExportError(
                f"{cache.name} cannot be fed back: its input and output "
                f"differ. Received: {cache} and {fresh}"
            )
    (logits,) = outputs.values()
    return ArtifactSpec(
        kind=kind,
        labels=config.labels,
        frame=inputs[IMAGE_INPUTS[kind]],
        logits=logits,
        caches=tuple(caches),
        resize_size=config.resize_size,
        frame_interval=config.frame_interval,
        num_segments=config.num_segments,
        quantization=quantization,
        preset_hash=preset_hash,
        versions={
            "tsm_export": __version__,
            "tensorflow": tf.__version__,
            "keras": KERAS_VERSION,
        },
    )
