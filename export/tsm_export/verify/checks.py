"""verify, verify_artifact: check an artifact on this machine."""

import dataclasses
import os
import pathlib
from collections.abc import Iterator

import numpy as np
import tensorflow as tf
from tensorflow import keras

from tsm_export.clips import generated_clips, video_clips
from tsm_export.onnx.lint import onnx_lint
from tsm_export.tflite.lint import lint
from tsm_export.verify.gpu import gpu_environment
from tsm_export.verify.trial import run_trial
from tsm_keras.data.readers.clip_reader import open_clips
from tsm_keras.models.clip import build_clip_model, with_frame_logits
from tsm_keras.models.config import ClipConfig, ClipFormat, InputConfig
from tsm_keras.models.precision import without_mixed_precision
from tsm_keras.models.presets import load_preset, preset_hash
from tsm_keras.models.weights import rebuild
from tsm_live.artifact.file import load_artifact, read_spec
from tsm_live.artifact.spec import ArtifactError, ArtifactSpec
from tsm_live.artifact.tensors import LOGITS
from tsm_live.runtimes.isolated_network import SessionError
from tsm_live.runtimes.network import AcceleratorError

# The limits for an artifact compared with the Keras model: the maximum
# difference relative to the largest logit, and the minimum share of frames with
# the same top-1.
_BARS = {
    "none": (1e-4, 0.995),
    "float16": (5e-2, 0.995),
    "dynamic": (np.inf, 0.98),
    "int8": (np.inf, 0.98),
    "int8_tensorrt": (np.inf, 0.98),
    "int8_qat": (np.inf, 0.98),
}
# The limits for a GPU that computes in float16 compared with the CPU. In int8 a
# small difference may become a whole step.
_FLOAT16_BARS = _BARS | {"none": (2e-2, 0.98), "float16": (2e-2, 0.98)}
_GPU_CLIPS = 2  # Few, because Vulkan in software is slow.
_GROWTH = 5 << 20  # The memory may grow by these bytes without a leak.


@dataclasses.dataclass(frozen=True)
class Check:
    """One row of the table.

    Attributes:
        name: The name of the check.
        passed: Whether it passed; None if it could not run here.
        detail: The result in words.
    """

    name: str
    passed: bool | None
    detail: str


def verify_artifact(
    path: str | os.PathLike,
    preset: str | os.PathLike | None = None,
    *,
    data: str | os.PathLike | None = None,
    split: str = "test",
    clips: int = 20,
    soak_frames: int = 2000,
    seed: int = 0,
) -> Iterator[Check]:
    """Checks an artifact on clips of a data set, or on generated gestures.

        for check in tsm_export.verify_artifact("mine.tflite", "presets/mine"):
            print(check.name, check.passed, check.detail)

    Args:
        path: An artifact.
        preset: The preset that it was exported from; None leaves out the
            comparison with it.
        data: A prepared data set, or a folder of class folders with videos;
            None for generated gestures.
        split: The split of a prepared data set.
        clips: The number of clips.
        soak_frames: As in `verify`.
        seed: The seed of the random choice of clips.

    Returns:
        The checks, each as soon as it is done.

    Raises:
        ValueError, OSError: If a file or the data cannot be read, or the
            artifact was exported from another preset.
    """
    spec = read_spec(path)
    model = None
    if preset is not None:
        model = load_preset(preset)
        # An artifact that was exported from Python may have no hash.
        if spec.preset_hash not in ("", preset_hash(preset)):
            raise ValueError(
                f"{path} was not exported from {preset}: the hashes of their "
                f"weights differ. Received: {spec.preset_hash!r}"
            )
    config = ClipFormat(
        InputConfig(spec.image_size, spec.resize_size),
        ClipConfig(spec.num_segments),
    )
    if data is None:
        taken = generated_clips(config, clips, seed)
    else:
        labels = spec.labels if len(spec.heads) == 1 else None
        source = open_clips(data, split, label_names=labels)
        taken = video_clips(source, config, clips, seed)
    return verify(path, model, taken, soak_frames=soak_frames)


def verify(
    path: str | os.PathLike,
    model: keras.Model | None,
    clips: np.ndarray,
    *,
    soak_frames: int = 2000,
) -> Iterator[Check]:
    """Checks the file, the outputs, a long stream and the GPU.

    Args:
        path: An artifact.
        model: The clip model that it was exported from; None leaves out the
            comparison with it.
        clips: `[B, T, S, S, 3]` uint8 RGB of the artifact's size.
        soak_frames: The number of frames to stream without a break; 0 leaves
            that out.

    Yields:
        The `Check`s, each as soon as it is done.

    Raises:
        ArtifactError: If the file is not an artifact.
    """
    path = pathlib.Path(path)
    spec, content = load_artifact(path)
    if spec.quantization not in _BARS:
        raise ValueError(
            f"This version does not know the quantization of {path}. Expected: "
            f"one of {', '.join(_BARS)}. Received: {spec.quantization!r}"
        )
    is_onnx = spec.layout == "NCHW"
    problems = (onnx_lint if is_onnx else lint)(content)
    yield Check("lint", not problems, " ".join(problems) or "nothing found")
    signature = "signature is as the spec says"
    try:
        trial = run_trial(spec, content, clips, soak_frames=soak_frames)
    except ArtifactError as error:
        yield Check(signature, False, str(error))
        return
    except (AcceleratorError, SessionError) as error:
        yield Check("runs on the CPU", False, str(error))
        return
    yield Check(signature, True, f"{len(spec.tensors)} tensors")
    expected = None
    if model is None:
        yield Check("equals Keras", None, "no preset to compare with")
    else:
        expected = reference_logits(model, spec, clips)
        for head in spec.heads:
            yield from _check_parity(
                trial.logits[head.name], expected[head.name], spec, head
            )
    if soak_frames and spec.kind == "stream":
        drift = {True: "no drift", False: "FOUND drift", None: "no reset test"}
        yield Check(
            f"soak of {soak_frames} frames",
            trial.recovered is not False and trial.growth <= _GROWTH,
            f"{drift[trial.recovered]}, memory grew by "
            f"{trial.growth / 1e6:.1f} MB",
        )
    if is_onnx:
        return  # This project runs ONNX files on the CPU only.
    few = slice(_GPU_CLIPS)
    on_cpu = {name: logits[few] for name, logits in trial.logits.items()}
    yield from _check_gpu(spec, content, clips[few], on_cpu)


@without_mixed_precision()
def reference_logits(
    model: keras.Model, spec: ArtifactSpec, clips: np.ndarray
) -> dict[str, np.ndarray]:
    """Returns the logits of the Keras model for clips, by the head's name.

    For a stream they are `[B, T, num_classes]`, one row per frame; for a clip
    `[B, num_classes]`.
    """
    config = model.video_config.with_image_size(spec.image_size)
    model = rebuild(model, config, build_clip_model)
    network = tf.function(with_frame_logits(model), jit_compile=False)
    outputs = [network(clip[None].astype(np.float32)) for clip in clips]
    before = "frame_" if spec.kind == "stream" else ""
    return {
        head.name: np.concatenate(
            [found[before + keras_head.output] for found in outputs]
        )
        for head, keras_head in zip(spec.heads, config.heads, strict=True)
    }


def _check_parity(found, expected, spec, head) -> Iterator[Check]:
    def compare(name, *logits):
        outputs = (_outputs(each, head) for each in logits)
        return _compare(
            name + _of(head, spec), *outputs, _BARS[spec.quantization]
        )

    yield compare("equals Keras", found, expected)
    # The logits of a clip are the mean of its frames' logits. Logits from
    # probabilities have an extra constant, which softmax removes.
    if spec.delay:
        # Every frame depends on later ones, so no shorter clip gives the same.
        yield compare(
            "equals the clip",
            *(each.mean(axis=1, keepdims=True) for each in (found, expected)),
        )
    elif spec.kind == "stream":
        count = np.arange(1, found.shape[1] + 1)[:, None]
        yield compare(
            "equals the clip, every prefix",
            *(np.cumsum(each, axis=1) / count for each in (found, expected)),
        )


def _of(head, spec):
    """Returns what the name of a check ends in: the head of several."""
    return f" ({head.name})" if len(spec.heads) > 1 else ""


def _compare(name, found, expected, bars):
    difference = np.abs(found - expected)
    scale = np.abs(expected).max()
    worst, mean = difference.max() / scale, difference.mean() / scale
    agreement = np.mean(found.argmax(-1) == expected.argmax(-1))
    passed = bool(worst <= bars[0] and agreement >= bars[1])
    wanted = ""
    if not passed:
        most = f"at most {bars[0]:.1e}, " if np.isfinite(bars[0]) else ""
        wanted = f" (wanted: {most}at least {bars[1]:.1%})"
    return Check(
        name,
        passed,
        f"max {worst:.1e}, mean {mean:.1e} of the largest output; top-1 agrees "
        f"on {agreement:.1%} of {found[..., 0].size}{wanted}",
    )


def _outputs(logits, head):
    """Converts logits to the network's own output, logits or probabilities."""
    return logits if head.role == LOGITS else tf.nn.softmax(logits).numpy()


def _check_gpu(spec, content, clips, expected) -> Iterator[Check]:
    environment = gpu_environment()
    for compute, bars in (("float32", _BARS), ("float16", _FLOAT16_BARS)):
        name = f"GPU alone, {compute} compute"
        if environment is None:
            yield Check(name, None, "no GPU and no software Vulkan here")
            continue
        try:
            found = run_trial(
                spec,
                content,
                clips,
                accelerator="gpu",
                enforce_float32=compute == "float32",
                environment=environment,
            )
        except (AcceleratorError, SessionError) as error:
            yield Check(name, False, str(error))
            continue
        for head in spec.heads:
            check = _compare(
                name + _of(head, spec),
                _outputs(found.logits[head.name], head),
                _outputs(expected[head.name], head),
                bars[spec.quantization],
            )
            detail = f"fully accelerated; against the CPU: {check.detail}"
            yield dataclasses.replace(check, detail=detail)
