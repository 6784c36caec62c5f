"""Detectors: presets and artifacts as functions from frames to boxes."""

import collections
import dataclasses
import itertools
import os
import pathlib
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import numpy as np
import tensorflow as tf
from tensorflow import keras

from tsm_cli.task import is_detector
from tsm_keras.evaluation.detection.windows import windows
from tsm_keras.models.presets import load_preset
from tsm_keras.models.streaming_classifier import StreamingClassifier
from tsm_live.artifact.file import load_artifact
from tsm_live.artifact.preprocessing import boxes_in_frame, fit_frame
from tsm_live.detection.boxes import Boxes, decode_boxes
from tsm_live.runtimes.open_network import open_network
from tsm_live.sessions.base_session import Session
from tsm_live.sessions.clip_session import ClipSession

# Average precision needs boxes with low scores too.
LOWEST_SCORE = 0.01

# Functions from the squares of a video to the boxes in each, in its pixels.
_Run = Callable[[Iterator[np.ndarray]], Iterator[Boxes]]


@dataclasses.dataclass(frozen=True)
class Detector:
    """A detector as a function from the frames of a video to boxes.

    It sees the central square of each frame.

    Attributes:
        labels: The names of the classes.
        streams: Whether it takes frame by frame; if not, it takes windows of
            frames.
        num_segments: The number of frames per window, or per clip of training.
        frame_interval: The seconds between two frames in training; 0 if
            unknown.
        image_size: The side of the square in pixels.
        resize_size: The short side of the frame from which it is cut.
        run: The function from squares to boxes in their pixels.
    """

    labels: tuple[str, ...]
    streams: bool
    num_segments: int
    frame_interval: float
    image_size: int
    resize_size: int
    run: _Run

    def detect(self, frames: Iterable[np.ndarray]) -> Iterator[Boxes]:
        """Yields the boxes in each frame of a video, in its pixels.

        Args:
            frames: The frames, each `[H, W, 3]` uint8 RGB.
        """
        sizes: collections.deque[tuple[int, int]] = collections.deque()

        def squares():
            for frame in frames:
                sizes.append(frame.shape[:2])
                yield fit_frame(frame, self.resize_size, self.image_size)

        for found in self.run(squares()):
            height, width = sizes.popleft()
            boxes = self._in_frame(found.boxes, height, width)
            view = self.view(height, width)
            low, high = np.tile(view[:2], 2), np.tile(view[2:], 2)
            yield dataclasses.replace(found, boxes=np.clip(boxes, low, high))

    def step(self, fps: float) -> int:
        """Returns n if it takes every n-th frame of a video.

        This is the interval of training, rounded to whole frames.
        """
        return max(1, round(self.frame_interval * fps))

    def view(self, height: int, width: int) -> np.ndarray:
        """Returns the part of a frame that the network sees, as a box."""
        size = self.image_size
        square = np.array([[0, 0, size, size]], np.float32)
        return self._in_frame(square, height, width)[0]

    def _in_frame(self, boxes, height, width):
        crop = self.resize_size, self.image_size
        return boxes_in_frame(boxes, height, width, *crop)


def open_detector(
    path: str | os.PathLike, *, stream: bool, batch_size: int
) -> Detector:
    """Opens a preset folder or the file of an artifact.

    Args:
        path: Path of the preset or artifact.
        stream: Whether it takes frame by frame. A streaming artifact always
            does.
        batch_size: The number of windows per batch, for presets.

    Raises:
        ValueError, OSError: As in `load_preset` and `load_artifact`, or if it
            does not detect objects or cannot stream.
    """
    path = pathlib.Path(path)
    if path.is_file():
        return _open_artifact(path, stream)
    model = load_preset(path)
    config = model.video_config
    _expect_detector(path)
    return Detector(
        labels=config.detection.labels,
        streams=stream,
        num_segments=config.clip.num_segments,
        frame_interval=config.clip.frame_interval,
        image_size=config.input.image_size,
        resize_size=config.input.resize_size,
        run=_keras_stream(model) if stream else _keras_clips(model, batch_size),
    )


def _expect_detector(path):
    if not is_detector(path):
        raise ValueError(
            "A detector of objects is needed here. "
            f"Received: {path}, which classifies clips"
        )


def _open_artifact(path, stream):
    spec, content = load_artifact(path)
    _expect_detector(path)
    if stream and spec.kind != "stream":
        raise ValueError(
            "--stream needs an artifact that takes frame by frame: export it "
            f"without --kind=clip. Received: {path}"
        )
    kind = ClipSession if spec.kind == "clip" else Session
    session = kind(spec, lambda: open_network(path, spec, content))
    run = _session_clips if spec.kind == "clip" else _session_stream
    return Detector(
        labels=spec.labels,
        streams=spec.kind == "stream",
        num_segments=spec.num_segments,
        frame_interval=spec.frame_interval,
        image_size=spec.image_size,
        resize_size=spec.resize_size,
        run=run(session),
    )


def _keras_clips(model: keras.Model, batch_size: int) -> _Run:
    config = model.video_config
    predict = tf.function(
        model,
        # One trace serves batches of any size.
        input_signature=[tf.TensorSpec([None, *model.inputs[0].shape[1:]])],
        jit_compile=False,
    )

    def run(squares):
        laid = windows(
            squares, config.clip.num_segments, causal=config.can_stream
        )
        while batch := list(itertools.islice(laid, batch_size)):
            clips = np.stack([clip for clip, _ in batch])
            outputs = predict(tf.cast(clips, tf.float32))
            arrays = {name: x.numpy() for name, x in outputs.items()}
            for row, (_, places) in enumerate(batch):
                for place in range(len(clips[row]))[places]:
                    yield _decoded(arrays, (row, place), config)

    return run


def _keras_stream(model: keras.Model) -> _Run:
    network = StreamingClassifier(model)

    def run(squares):
        network.reset()
        for square in squares:
            yield _decoded(network.step(square[None]), 0, network.config)

    return run


def _decoded(outputs, place, config):
    return decode_boxes(
        **{name: values[place] for name, values in outputs.items()},
        stride=config.detection.stride,
        threshold=LOWEST_SCORE,
    )


def _session_stream(session: Session) -> _Run:
    others = [None] * (session.streams - 1)

    def run(squares):
        session.reset()
        for square in squares:
            prediction, *_ = session.step_squares([square, *others])
            yield prediction.decode(threshold=LOWEST_SCORE)

    return run


def _session_clips(session: Any) -> _Run:
    length = session.spec.num_segments

    def run(squares):
        # The file does not say whether its network is causal. Frames in the
        # middle of a window have earlier and later frames in both cases.
        for clip, places in windows(squares, length, causal=False):
            for prediction in session.detect_squares(list(clip))[places]:
                yield prediction.decode(threshold=LOWEST_SCORE)

    return run
