"""verify, verify_artifact: check an artifact on this machine."""

import dataclasses
import os
import pathlib
from collections.abc import Iterator

import numpy as np
from tensorflow import keras

from tsm_export.clips import boxed_clips, generated_clips, video_clips
from tsm_export.onnx.lint import onnx_lint
from tsm_export.tflite.lint import lint
from tsm_export.verify import compare_boxes, compare_scores
from tsm_export.verify.compare_scores import BARS
from tsm_export.verify.gpu import gpu_environment
from tsm_export.verify.table import Check
from tsm_export.verify.trial import run_trial
from tsm_keras.data.readers.clip_reader import held_out_split, open_clips
from tsm_keras.models.config import (
    ClipConfig,
    ClipFormat,
    InputConfig,
    VideoDetectorConfig,
)
from tsm_keras.models.presets import load_preset, preset_hash
from tsm_live.artifact.file import load_artifact, read_spec
from tsm_live.artifact.spec import ArtifactError
from tsm_live.runtimes.isolated_network import SessionError
from tsm_live.runtimes.network import AcceleratorError

_GPU_CLIPS = 2  # Few, because Vulkan in software is slow.
_GROWTH = 5 << 20  # The memory may grow by these bytes without a leak.


def verify_artifact(
    path: str | os.PathLike,
    preset: str | os.PathLike | None = None,
    *,
    data: str | os.PathLike | None = None,
    split: str | None = None,
    clips: int = 20,
    soak_frames: int = 2000,
    seed: int = 0,
) -> Iterator[Check]:
    """Checks an artifact on clips of a data set, or on generated videos.

        for check in tsm_export.verify_artifact("mine.tflite", "presets/mine"):
            print(check.name, check.passed, check.detail)

    Args:
        path: An artifact.
        preset: The preset that it was exported from; None leaves out the
            comparison with it.
        data: A prepared data set, or a folder of class folders with videos;
            None for generated gestures, or moving objects for a detector.
        split: The split of the data set; None for `test`, or `val` if there is
            no `test`.
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
        is_detector = spec.detection is not None
        taken = generated_clips(config, clips, seed, of_objects=is_detector)
        return verify(path, model, taken, soak_frames=soak_frames)
    split = split or held_out_split(data)
    if spec.detection:
        detector = VideoDetectorConfig(
            labels=spec.labels,
            image_size=spec.image_size,
            resize_size=spec.resize_size,
            num_segments=spec.num_segments,
            frame_interval=spec.frame_interval,
        )
        taken = boxed_clips(data, split, detector, clips, seed)
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
    if spec.quantization not in BARS:
        raise ValueError(
            f"This version does not know the quantization of {path}. Expected: "
            f"one of {', '.join(BARS)}. Received: {spec.quantization!r}"
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
    if model is None:
        yield Check("equals Keras", None, "no preset to compare with")
    else:
        comparison = _comparison(spec)
        expected = comparison.reference(model, spec, clips)
        yield from comparison.against_keras(spec, trial.logits, expected)
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


def _comparison(spec):
    """Returns the module that compares the outputs of an artifact's task."""
    return compare_boxes if spec.detection else compare_scores


def _check_gpu(spec, content, clips, expected) -> Iterator[Check]:
    environment = gpu_environment()
    for compute in ("float32", "float16"):
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
        for check in _comparison(spec).against_cpu(
            spec,
            name,
            found.logits,
            expected,
            is_float16=compute == "float16",
        ):
            detail = f"fully accelerated; against the CPU: {check.detail}"
            yield dataclasses.replace(check, detail=detail)
