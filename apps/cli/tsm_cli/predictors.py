"""Predictors: presets and artifacts as functions from clips to logits."""

import dataclasses
import os
import pathlib
import statistics
import time

import numpy as np
import tensorflow as tf
from tensorflow import keras

from tsm_keras.models.clip import build_clip_model, with_frame_logits
from tsm_keras.models.config import VideoClassifierConfig
from tsm_keras.models.precision import without_mixed_precision
from tsm_keras.models.presets import load_preset
from tsm_keras.models.weights import rebuild
from tsm_live.artifact.file import read_spec
from tsm_live.artifact.quantization import as_logits, quantize, zero_state
from tsm_live.artifact.spec import ArtifactSpec
from tsm_live.runtimes.replay import classify_clip, replay
from tsm_live.runtimes.runner import open_runner


def open_predictor(
    path: str | os.PathLike, *, full_resolution: bool = False
) -> "KerasPredictor | ArtifactPredictor":
    """Opens a preset folder or the file of an artifact.

    Args:
        path: Path of the preset or artifact.
        full_resolution: Whether the model takes frames of its `resize_size`
            instead of its `image_size`.

    Raises:
        ValueError, OSError: As in `load_preset` and `read_spec`, or if
            `full_resolution` is set for an artifact, whose size is fixed.
    """
    path = pathlib.Path(path)
    if not path.is_file():
        model = load_preset(path)
        if full_resolution:
            model = at_full_resolution(model)
        return KerasPredictor(model)
    if full_resolution:
        raise ValueError(
            "An artifact takes frames of one size. For full resolution, "
            "evaluate its preset, or export it with --size. "
            f"Received: {path}"
        )
    return ArtifactPredictor(path)


class KerasPredictor:
    """A clip model as a function.

    It takes clips, `[B, T, S, S, C]` uint8, and returns the logits of every
    frame, `[B, T, K]` float32.

    Attributes:
        model: The clip model.
        config: The `VideoClassifierConfig` of the model.
    """

    def __init__(self, model: keras.Model):
        self.model = model
        self.config: VideoClassifierConfig = model.video_config
        # One trace serves batches of any size.
        shape = [None, *model.inputs[0].shape[1:]]
        self._run = tf.function(
            with_frame_logits(model),
            input_signature=[tf.TensorSpec(shape)],
            jit_compile=False,
        )

    def __call__(self, clips: np.ndarray) -> np.ndarray:
        outputs = self._run(tf.cast(clips, tf.float32))
        return outputs["frame_logits"].numpy()


class ArtifactPredictor:
    """An artifact as a function, on one thread of the CPU.

    It takes clips, `[B, T, S, S, 3]` uint8, and returns `[B, T, K]` logits of
    every frame, or `[B, 1, K]` if the artifact takes whole clips. A stream is
    reset before each clip.

    Attributes:
        spec: The `ArtifactSpec` of the artifact.
        config: The clips that it takes, as a `VideoClassifierConfig`.
        latencies: The seconds of each call of the network so far.
    """

    def __init__(self, path: str | os.PathLike):
        self.spec: ArtifactSpec = read_spec(path)
        self.config = VideoClassifierConfig(
            num_classes=len(self.spec.labels),
            labels=self.spec.labels,
            num_segments=self.spec.num_segments,
            image_size=self.spec.image_size,
            resize_size=self.spec.resize_size,
            frame_interval=self.spec.frame_interval,
        )
        self.latencies: list[float] = []
        runner = open_runner(path)

        def timed(inputs):
            start = time.perf_counter()
            outputs = runner(inputs)
            self.latencies.append(time.perf_counter() - start)
            return outputs

        self._runner = timed

    def __call__(self, clips: np.ndarray) -> np.ndarray:
        if self.spec.kind == "clip":
            rows = [classify_clip(self._runner, self.spec, x) for x in clips]
            return np.stack(rows)[:, None]
        streams = self.spec.streams
        # Copies of the last clip fill streams for which there are no clips.
        idle = np.repeat(clips[-1:], -len(clips) % streams, axis=0)
        groups = np.concatenate([clips, idle]).reshape(
            -1, streams, *clips.shape[1:]
        )
        logits = [
            np.stack(
                list(replay(self._runner, self.spec, group.swapaxes(0, 1)))
            )
            for group in groups
        ]
        return np.concatenate(logits, axis=1).swapaxes(0, 1)[: len(clips)]

    def median_latency(self) -> float:
        """Returns the median seconds per call of the network."""
        return statistics.median(self.latencies)


class ArtifactStreams:
    """The N streams of a streaming artifact on the CPU, as a `Streamer`.

    Args:
        path: Path of the artifact.

    Attributes:
        streams: The number of streams, N.

    Raises:
        ValueError: If the artifact takes whole clips.
    """

    def __init__(self, path: str | os.PathLike):
        self._spec = read_spec(path)
        if self._spec.kind != "stream":
            raise ValueError(
                "A stream needs an artifact of kind 'stream'. "
                f"Received: {path}, of kind {self._spec.kind!r}"
            )
        self.streams = self._spec.streams
        self._runner = open_runner(path)
        self._zeros = {x.name: zero_state(x) for x in self._spec.caches}
        self._state = dict(self._zeros)

    def step(self, frames: np.ndarray) -> np.ndarray:
        """Takes one frame per stream; see `Streamer.step`."""
        frame = self._spec.frame
        outputs = self._runner(
            {frame.name: quantize(frames, frame), **self._state}
        )
        self._state = {name: outputs[f"{name}_out"] for name in self._state}
        return as_logits(outputs[self._spec.logits.name], self._spec.logits)

    def reset(self, stream: int | None = None) -> None:
        """Clears the state of one stream, or of all streams for None."""
        places = slice(None) if stream is None else stream
        for name, zero in self._zeros.items():
            self._state[name] = self._state[name].copy()
            self._state[name][places] = zero[places]


@without_mixed_precision()
def at_full_resolution(model: keras.Model) -> keras.Model:
    """Returns a copy of a clip model that takes frames of its `resize_size`."""
    config = dataclasses.replace(
        model.video_config, image_size=model.video_config.resize_size
    )
    return rebuild(model, config, build_clip_model)
