"""What the benchmarks of accuracy share: gestures, training, streaming."""

import dataclasses
import os
import pathlib
from collections.abc import Callable

import numpy as np
import tensorflow as tf
from ai_edge_litert.interpreter import Interpreter

from tsm_keras.data.dataset import make_dataset
from tsm_keras.data.folder import VideoFolder, scan_folder
from tsm_keras.data.gestures import write_gestures
from tsm_keras.models.config import VideoClassifierConfig


@dataclasses.dataclass(frozen=True)
class Gestures:
    """Generated videos to train on and to test on."""

    training: VideoFolder
    test: VideoFolder

    def config(self, **fields) -> VideoClassifierConfig:
        """Returns the config of a causal network for them."""
        return VideoClassifierConfig(
            num_classes=len(self.training.label_names),
            labels=self.training.label_names,
            shift="causal",
            frame_interval=self.training.frame_interval(8),
            **fields,
        )

    def training_data(self, config, *, batch_size, seed) -> tf.data.Dataset:
        """Returns batches; the videos are decoded once and kept in memory."""
        return make_dataset(
            self.training,
            config,
            batch_size=batch_size,
            training=True,
            seed=seed,
            cache=True,
        )

    def test_clips(self, config) -> tuple[np.ndarray, np.ndarray]:
        """Returns `[N, T, S, S, 3]` uint8 clips and their `[N]` labels."""
        dataset = make_dataset(self.test, config, batch_size=64, training=False)
        clips, labels = zip(*dataset.as_numpy_iterator(), strict=True)
        return np.concatenate(clips), np.concatenate(labels)


def gestures(
    folder: str | os.PathLike, *, training_clips: int, test_clips: int
) -> Gestures:
    """Writes so many clips a class, unless an earlier run has, and scans."""
    splits = []
    for seed, (split, count) in enumerate(
        (("train", training_clips), ("test", test_clips))
    ):
        path = pathlib.Path(folder) / f"{split}_{count}"
        if not path.exists():
            partial = path.with_name(f".{path.name}.part")
            write_gestures(partial, clips_per_class=count, seed=seed)
            partial.rename(path)
        splits.append(scan_folder(path))
    return Gestures(*splits)


def stream(content: bytes, clips: np.ndarray) -> np.ndarray:
    """Streams clips through a `.tflite`, each from the zero state.

    Returns:
        `[N, T, num_classes]` float32 logits of every frame.
    """
    step, reset = stepper(content)
    logits = []
    for clip in clips:
        reset()
        logits.append([step(frame) for frame in clip])
    return np.array(logits, np.float32)


def stepper(
    content: bytes,
) -> tuple[Callable[[np.ndarray], np.ndarray], Callable[[], None]]:
    """Returns `step(frame) -> logits` and `reset()`, on one thread."""
    interpreter = Interpreter(model_content=content, num_threads=1)
    interpreter.allocate_tensors()
    runner = interpreter.get_signature_runner()
    inputs, outputs = runner.get_input_details(), runner.get_output_details()
    caches = [
        (detail, outputs[f"{name}_out"])
        for name, detail in inputs.items()
        if name.startswith("cache_")
    ]
    frame_input, logits = inputs["frame"], outputs["logits"]

    def reset():
        for detail, _ in caches:
            interpreter.set_tensor(
                detail["index"], _encode(np.zeros(detail["shape"]), detail)
            )

    def step(frame):
        interpreter.set_tensor(
            frame_input["index"], _encode(frame[None], frame_input)
        )
        interpreter.invoke()
        for detail, fresh in caches:
            interpreter.set_tensor(
                detail["index"], interpreter.get_tensor(fresh["index"])
            )
        return _decode(interpreter.get_tensor(logits["index"])[0], logits)

    reset()
    return step, reset


def top1(logits: np.ndarray, labels: np.ndarray) -> float:
    """Returns the top-1 of clips from their frames' `[N, T, K]` logits."""
    return float((logits.mean(axis=1).argmax(-1) == labels).mean())


def agreement(first: np.ndarray, second: np.ndarray) -> float:
    """Returns how often two `[N, T, K]` logits choose the same class."""
    return float((first.argmax(-1) == second.argmax(-1)).mean())


def _encode(values, detail):
    scale, zero_point = detail["quantization"]
    if not scale:
        return values.astype(detail["dtype"])
    limits = np.iinfo(detail["dtype"])
    codes = np.round(values / scale) + zero_point
    return np.clip(codes, limits.min, limits.max).astype(detail["dtype"])


def _decode(codes, detail):
    scale, zero_point = detail["quantization"]
    if not scale:
        return codes
    return (codes.astype(np.float32) - zero_point) * scale
