"""Predictors: presets and artifacts as functions from clips to logits."""

import os
import pathlib
import statistics
from typing import Any

import numpy as np
from tensorflow import keras

from tsm_cli.task import expect_classifier
from tsm_export.verify.trial import stream_clips
from tsm_keras.evaluation.evaluate import KerasPredictor, side_by_side
from tsm_keras.models.clip import build_clip_model
from tsm_keras.models.config import HeadConfig, VideoClassifierConfig
from tsm_keras.models.precision import without_mixed_precision
from tsm_keras.models.presets import load_preset
from tsm_keras.models.streaming_classifier import StreamingClassifier
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
            `full_resolution` is set for an artifact, whose size is fixed, or
            if the model detects objects.
    """
    path = pathlib.Path(path)
    expect_classifier(path)
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
            heads=tuple(
                HeadConfig(
                    len(head.labels),
                    head.labels,
                    head.name.removeprefix("logits").lstrip("_"),
                )
                for head in self.spec.heads
            ),
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
            steps = stream_clips(self._session, group)
            logits.append(np.stack([self._noted(step) for step in steps], 1))
        return np.concatenate(logits)[: len(clips)]

    def median_latency(self) -> float:
        """Returns the median seconds per call of the network."""
        return statistics.median(self.latencies)

    def _noted(self, predictions):
        """Returns the logits; notes the latency, once for all streams."""
        calls = predictions if self.spec.kind == "clip" else predictions[:1]
        self.latencies += [prediction.latency for prediction in calls]
        return np.stack([_logits(prediction) for prediction in predictions])


class KerasStreams:
    """The N streams of a clip model, as a `Streamer`.

    Args:
        model: The clip model. Without lookahead, it must be causal.
        streams: The number of streams, N.
        lookahead: Whether to wait for later frames, if the model needs them.

    Attributes:
        streams: The number of streams, N.
        delay: By how many steps logits are later than their frames.

    Raises:
        ValueError: If the model cannot stream.
    """

    def __init__(
        self, model: keras.Model, *, streams: int, lookahead: bool = False
    ):
        self._classifier = StreamingClassifier(
            model, streams=streams, lookahead=lookahead
        )
        self.delay = self._classifier.delay
        self._outputs = [head.output for head in model.video_config.heads]
        self.streams = streams
        self.reset = self._classifier.reset

    def step(self, frames: np.ndarray) -> np.ndarray:
        """Takes the next frame of every stream; see `Streamer`."""
        return self._joined(self._classifier.step(frames))

    def finish(self, stream: int) -> list[np.ndarray]:
        """Ends a stream; see `Streamer`."""
        return list(map(self._joined, self._classifier.finish(stream)))

    def _joined(self, logits):
        if isinstance(logits, np.ndarray):
            return logits
        return side_by_side(logits, self._outputs)


class ArtifactStreams:
    """The N streams of a streaming artifact on the CPU, as a `Streamer`.

    Args:
        path: Path of the artifact.

    Attributes:
        streams: The number of streams, N.
        delay: By how many steps logits are later than their frames.

    Raises:
        ValueError: If the artifact takes whole clips.
    """

    def __init__(self, path: str | os.PathLike):
        self._session = open_session(path)
        self.streams = self._session.streams
        self.delay = self._session.delay
        self.reset = self._session.reset
        heads = self._session.spec.heads
        self._size = self.streams, sum(len(head.labels) for head in heads)

    def step(self, frames: np.ndarray) -> np.ndarray:
        """Takes the next frame of every stream; see `Streamer`."""
        return self._rows(enumerate(self._session.step_squares(list(frames))))

    def finish(self, stream: int) -> list[np.ndarray]:
        """Ends a stream; see `Streamer`."""
        rest = self._session.finish_streams([stream])[stream]
        return [self._rows([(stream, prediction)]) for prediction in rest]

    def _rows(self, predictions):
        """Returns the logits of some streams, and NaN for the others."""
        logits = np.full(self._size, np.nan, np.float32)
        for stream, prediction in predictions:
            if prediction is not None:
                logits[stream] = _logits(prediction)
        return logits


def _logits(prediction):
    """Returns the logits of all heads of a session's prediction."""
    return np.concatenate([head.logits for head in prediction.heads.values()])


@without_mixed_precision()
def at_full_resolution(model: keras.Model) -> keras.Model:
    """Returns a copy of a clip model that takes frames of its `resize_size`."""
    config = model.video_config
    config = config.changed(image_size=config.input.resize_size)
    return rebuild(model, config, build_clip_model)
