"""Predictors: presets and artifacts as functions from clips to logits."""

import os
import pathlib
import statistics
from typing import Any

import numpy as np
import tensorflow as tf
from tensorflow import keras

from tsm_keras.models.clip import build_clip_model, with_frame_logits
from tsm_keras.models.config import VideoClassifierConfig
from tsm_keras.models.precision import without_mixed_precision
from tsm_keras.models.presets import load_preset
from tsm_keras.models.weights import rebuild
from tsm_live.artifact.file import load_artifact
from tsm_live.runtimes.open_network import open_network
from tsm_live.sessions.base_session import Session
from tsm_live.sessions.clip_session import ClipSession
from tsm_live.sessions.open_session import open_session


def open_predictor(
    path: str | os.PathLike, *, full_resolution: bool = False
) -> "KerasPredictor | ArtifactPredictor":
    """Opens a preset folder or the file of an artifact.

    Args:
        path: Path of the preset or artifact.
        full_resolution: Whether the model takes frames of its `resize_size`
            instead of its `image_size`.

    Raises:
        ValueError, OSError: As in `load_preset` and `load_artifact`, or if
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
        self.spec, model = load_artifact(path)
        self.config = VideoClassifierConfig(
            num_classes=len(self.spec.labels),
            labels=self.spec.labels,
            num_segments=self.spec.num_segments,
            image_size=self.spec.image_size,
            resize_size=self.spec.resize_size,
            frame_interval=self.spec.frame_interval,
        )
        self.latencies: list[float] = []
        kind = ClipSession if self.spec.kind == "clip" else Session
        self._session: Any = kind(
            self.spec, lambda: open_network(path, self.spec, model)
        )

    def __call__(self, clips: np.ndarray) -> np.ndarray:
        if self.spec.kind == "clip":
            found = [self._session.classify_squares(clip) for clip in clips]
            return self._noted(found)[:, None]
        streams = self.spec.streams
        # Copies of the last clip fill streams for which there are no clips.
        idle = np.repeat(clips[-1:], -len(clips) % streams, axis=0)
        groups = np.concatenate([clips, idle]).reshape(
            -1, streams, *clips.shape[1:]
        )
        logits = []
        for group in groups:
            self._session.reset()
            steps = map(self._session.step_squares, group.swapaxes(0, 1))
            logits.append(np.stack([self._noted(step) for step in steps], 1))
        return np.concatenate(logits)[: len(clips)]

    def median_latency(self) -> float:
        """Returns the median seconds per call of the network."""
        return statistics.median(self.latencies)

    def _noted(self, predictions):
        """Returns the logits; notes the latency, once for all streams."""
        calls = predictions if self.spec.kind == "clip" else predictions[:1]
        self.latencies += [prediction.latency for prediction in calls]
        return np.stack([prediction.logits for prediction in predictions])


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
        self._session = open_session(path)
        self.streams = self._session.streams
        self.reset = self._session.reset

    def step(self, frames: np.ndarray) -> np.ndarray:
        """Takes the next frame of every stream; see `Streamer`."""
        predictions = self._session.step_squares(list(frames))
        return np.stack([each.logits for each in predictions if each])


@without_mixed_precision()
def at_full_resolution(model: keras.Model) -> keras.Model:
    """Returns a copy of a clip model that takes frames of its `resize_size`."""
    config = model.video_config
    config = config.changed(image_size=config.input.resize_size)
    return rebuild(model, config, build_clip_model)
