"""export_tflite: exports a clip model to a `.tflite` artifact."""

import os
import pathlib
from collections.abc import Mapping, Sequence

import numpy as np
from ai_edge_litert.interpreter import Interpreter
from tensorflow import keras

from tsm_export.artifact_file import CheckFile, write_artifact
from tsm_export.description import IMAGE_INPUTS, describe
from tsm_export.networks import network_for_export
from tsm_export.parity import check_parity
from tsm_export.tflite.conversion import QUANTIZATIONS, convert
from tsm_export.tflite.float_results import with_float_results
from tsm_export.tflite.input_type import with_input_type
from tsm_export.tflite.int8_qat import quantization_aware_tflite
from tsm_keras.models.config import VideoDetectorConfig
from tsm_live.artifact.file import ONNX_SUFFIX
from tsm_live.artifact.spec import ArtifactSpec, TensorSpec
from tsm_live.runtimes.interpreter_network import tensor_specs

# The types that the logits of an int8 network can have.
LOGITS_TYPES = ("int8", "float32")
_INT8 = ("int8", "int8_qat")


def export_tflite(
    model: keras.Model,
    path: str | os.PathLike,
    *,
    kind: str = "stream",
    quantize: str = "none",
    streams: int = 1,
    image_size: int | None = None,
    input_dtype: str | None = None,
    softmax: bool = False,
    logits: str | None = None,
    lookahead: bool = False,
    calibration_clips: np.ndarray | None = None,
    preset_hash: str = "",
    no_gesture: Sequence[str] = (),
    decision: Mapping[str, float] | None = None,
    check: CheckFile | None = None,
) -> ArtifactSpec:
    """Writes an artifact; the file appears when it is complete.

    A stream artifact has the inputs `frame` (`[N, S, S, 3]`) and `cache_kk`
    and the outputs `logits` and `cache_kk_out`; a clip artifact has the input
    `clip` (`[T, S, S, 3]`) and the output `logits`. Each of several heads has
    an output with its name instead of `logits`. Images are RGB in 0..255.
    Unless there is a `check`, the artifact runs in LiteRT on some clips and is
    compared with the Keras network before it is written to `path`.

    Args:
        model: A model from `build_clip_model` or `load_preset`. Without
            `lookahead`, a model to stream must be causal.
        path: The file to write. Any suffix except `.onnx` is allowed.
        kind: `"stream"` for one frame per stream and call, or `"clip"`.
        quantize: `"none"` (float32); `"float16"` (weights only); `"dynamic"`
            (weights in int8); `"int8"` (weights per channel, activations,
            inputs, outputs and caches); `"int8_qat"` (int8 in the ranges that
            `tsm train --qat` found).
        streams: N, the number of streams in one batch.
        image_size: S, in pixels; None for the size of the training.
        input_dtype: The type of the images: `"float32"`, `"uint8"` (which
            cameras give), or None for the type that the network computes in.
        softmax: Give probabilities instead of logits.
        logits: The type of the logits (or probabilities) of an int8 artifact:
            `"int8"` or `"float32"`, for which the last layer computes in
            float32; None for the type that the network computes in.
        lookahead: Whether a stream waits for later frames, so that a model
            which is not causal can stream, some steps late.
        calibration_clips: `[B, T, S, S, 3]` uint8 RGB clips on which int8
            measures its ranges.
        preset_hash: The hash of the weights, to be stored in the spec.
        no_gesture: The labels of any head which mean that there is no
            gesture.
        decision: Fields of `DecisionConfig`, or `threshold` and `top` of a
            detector, to store as defaults for this artifact.
        check: A function that gets the path of the complete temporary file. If
            it raises an error, nothing is written to `path`. None compares the
            outputs with those of the Keras network.

    Returns:
        The spec that is embedded in the file.

    Raises:
        ValueError: If an argument is not valid, the model cannot stream, takes
            optical flow or has no labels, or int8 has no calibration clips.
        ExportError: If the input and the output of a cache differ in scale or
            zero point, or if the outputs differ from those of the Keras
            network.
    """
    path = pathlib.Path(path)
    if path.suffix == ONNX_SUFFIX:  # Runtimes recognise ONNX by it.
        raise ValueError(
            "`export_tflite` writes .tflite files; `export_onnx` writes .onnx "
            f"files. Received: path={path}"
        )
    _expect_logits(model.video_config, logits, quantize)
    network, calibration = network_for_export(
        model,
        kind=kind,
        quantize=quantize,
        quantizations=QUANTIZATIONS,
        streams=streams,
        image_size=image_size,
        input_dtype=input_dtype,
        calibration_clips=calibration_clips,
        lookahead=lookahead,
        softmax=softmax,
    )
    if quantize == "int8_qat":
        content = quantization_aware_tflite(
            model,
            kind=kind,
            streams=streams,
            image_size=image_size,
            softmax=softmax,
        )
    else:
        content = convert(
            network, quantize=quantize, calibration=calibration, softmax=softmax
        )
    if logits == "float32" and quantize in _INT8:
        content = with_float_results(content)
    if input_dtype is not None:
        content = with_input_type(content, IMAGE_INPUTS[kind], input_dtype)
    spec = describe(
        *signature_tensors(content),
        network.video_config,
        kind=kind,
        quantization=quantize,
        preset_hash=preset_hash,
        cache_frames=getattr(network, "cache_frames", None),
        stream_time=getattr(network, "stream_time", None),
        softmax=softmax,
        no_gesture=no_gesture,
        decision=decision,
    )

    def compare(temporary: pathlib.Path) -> None:
        check_parity(temporary, network, calibration_clips)

    return write_artifact(path, content, spec, check or compare)


def _expect_logits(config, logits, quantize):
    if logits not in (None, *LOGITS_TYPES):
        raise ValueError(
            f"`logits` must be None or one of {LOGITS_TYPES}. "
            f"Received: logits={logits!r}"
        )
    if logits == "int8" and quantize not in _INT8:
        raise ValueError(
            f"Only a network in int8 has int8 logits, one of {_INT8}. "
            f"Received: logits='int8', quantize={quantize!r}"
        )
    if logits and isinstance(config, VideoDetectorConfig):
        raise ValueError(
            f"A detector has no logits of classes. Received: logits={logits!r}"
        )


def signature_tensors(
    content: bytes,
) -> tuple[dict[str, TensorSpec], dict[str, TensorSpec]]:
    """Returns the inputs and the outputs of a `.tflite` file, by name."""
    runner = Interpreter(model_content=content).get_signature_runner()
    return (
        tensor_specs(runner.get_input_details()),
        tensor_specs(runner.get_output_details()),
    )
