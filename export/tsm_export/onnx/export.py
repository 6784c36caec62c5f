"""export_onnx: exports a clip model to an `.onnx` artifact."""

import os
import pathlib
from collections.abc import Mapping, Sequence

import numpy as np
from tensorflow import keras

from tsm_export.artifact_file import CheckFile, write_artifact
from tsm_export.description import describe
from tsm_export.networks import network_for_export
from tsm_export.onnx.conversion import OPSET, convert_onnx
from tsm_export.onnx.packages import require_onnx
from tsm_export.onnx.precision import ONNX_QUANTIZATIONS, to_float16, to_int8
from tsm_export.parity import check_parity
from tsm_live.artifact.file import ONNX_SUFFIX
from tsm_live.artifact.spec import ArtifactSpec, TensorSpec


def export_onnx(
    model: keras.Model,
    path: str | os.PathLike,
    *,
    kind: str = "stream",
    quantize: str = "none",
    streams: int = 1,
    image_size: int | None = None,
    input_dtype: str | None = None,
    softmax: bool = False,
    lookahead: bool = False,
    calibration_clips: np.ndarray | None = None,
    preset_hash: str = "",
    no_gesture: Sequence[str] = (),
    decision: Mapping[str, float] | None = None,
    check: CheckFile | None = None,
) -> ArtifactSpec:
    """Writes an ONNX artifact; the file appears when it is complete.

    A stream artifact has the inputs `frame` (`[N, 3, S, S]`) and `cache_kk`
    and the outputs `logits` and `cache_kk_out`; a clip artifact has the input
    `clip` (`[T, 3, S, S]`) and the output `logits`. Each of several heads has
    an output with its name instead of `logits`. Images and caches are NCHW.
    Caches are never integers. Before the file is written, it runs in
    ONNX Runtime on some clips and is compared with the Keras network.

    Args:
        model: A model from `build_clip_model` or `load_preset`. Without
            `lookahead`, a model to stream must be causal.
        path: The `.onnx` file to write.
        kind: `"stream"` for one frame per stream and call, or `"clip"`.
        quantize: One of `ONNX_QUANTIZATIONS`.
        streams: N, the number of streams in one batch.
        image_size: S, in pixels; None for the size of the training.
        input_dtype: The type of the images: `"float32"` (also for None), or
            `"uint8"`, which cameras give.
        softmax: Give probabilities instead of logits.
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
            it raises an error, nothing is written to `path`.

    Returns:
        The spec that is embedded in the file.

    Raises:
        ImportError: If the packages of the extra `onnx` are missing.
        ValueError: If an argument is not valid, the model cannot stream or has
            no labels, or int8 has no calibration clips.
        ExportError: If the outputs differ from those of the Keras model.
    """
    require_onnx()
    path = pathlib.Path(path)
    if path.suffix != ONNX_SUFFIX:
        raise ValueError(
            f"The name of an ONNX artifact must end in {ONNX_SUFFIX}. "
            f"Received: path={path}"
        )
    network, feeds = network_for_export(
        model,
        kind=kind,
        quantize=quantize,
        quantizations=ONNX_QUANTIZATIONS,
        streams=streams,
        image_size=image_size,
        input_dtype=input_dtype,
        calibration_clips=calibration_clips,
        lookahead=lookahead,
        softmax=softmax,
    )
    converted = convert_onnx(
        network, input_dtype=input_dtype or "float32", softmax=softmax
    )
    if feeds is not None:
        converted = to_int8(converted, quantize, feeds)
    elif quantize == "float16":
        converted = to_float16(converted)
    spec = describe(
        _tensor_specs(converted.graph.input),
        _tensor_specs(converted.graph.output),
        network.video_config,
        kind=kind,
        quantization=quantize,
        preset_hash=preset_hash,
        layout="NCHW",
        versions=_versions(),
        cache_frames=getattr(network, "cache_frames", None),
        stream_time=getattr(network, "stream_time", None),
        softmax=softmax,
        no_gesture=no_gesture,
        decision=decision,
    )

    def run(temporary: pathlib.Path) -> None:
        check_parity(temporary, network, calibration_clips)
        if check:
            check(temporary)

    return write_artifact(path, converted.SerializeToString(), spec, run)


def _versions():
    import onnx
    import onnxruntime
    import tf2onnx

    return {
        "tf2onnx": tf2onnx.__version__,
        "onnx": onnx.__version__,
        "onnx_opset": str(OPSET),
        "onnxruntime": onnxruntime.__version__,
    }


def _tensor_specs(ends):
    from onnx import helper

    specs = {}
    for end in ends:
        tensor = end.type.tensor_type
        dtype = helper.tensor_dtype_to_np_dtype(tensor.elem_type).name
        specs[end.name] = TensorSpec(
            name=end.name,
            shape=tuple(size.dim_value for size in tensor.shape.dim),
            dtype=dtype,
            scale=1.0 if dtype == "uint8" else 0.0,  # Pixels have the scale 1.
        )
    return specs
