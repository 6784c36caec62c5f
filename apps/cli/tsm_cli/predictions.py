"""Predictions of Keras models and of artifacts on the same videos."""

import statistics
from collections.abc import Callable, Iterator

import numpy as np
import tensorflow as tf
from tensorflow import keras

from tsm_keras.data.dataset import make_dataset
from tsm_keras.data.folder import VideoFolder
from tsm_keras.data.sampling import segment_indices
from tsm_keras.data.video import read_video
from tsm_keras.evaluation.predictions import Predictions, predict
from tsm_keras.models.clip import with_frame_logits
from tsm_live import Session

Progress = Callable[[int, int], None]
_BATCH_SIZE = 32


def model_predictions(
    model: keras.Model, videos: VideoFolder, progress: Progress
) -> Predictions:
    """Runs a clip model over the centre view of each video."""
    network = tf.function(with_frame_logits(model), jit_compile=False)

    def predictor(clips):
        return network(tf.cast(clips, tf.float32))["frame_logits"].numpy()

    dataset = make_dataset(
        videos, model.video_config, batch_size=_BATCH_SIZE, training=False
    )
    return predict(
        predictor,
        dataset,
        videos.label_names,
        progress=lambda done: progress(done, len(videos.paths)),
    )


def artifact_predictions(
    session: Session, videos: VideoFolder, progress: Progress
) -> tuple[Predictions, float]:
    """Streams the frames that a clip model sees through an artifact.

    The session gets them as they come from the file; it resizes and crops.

    Returns:
        The predictions, and the median seconds that the network took a frame.
    """
    latencies = []

    def predictor(clips):
        session.reset()
        steps = [session.step(frame) for frame in clips[0]]
        latencies.extend(step.latency for step in steps)
        return np.stack([step.logits for step in steps])[None]

    predictions = predict(
        predictor,
        _raw_clips(videos, session.spec.num_segments),
        videos.label_names,
        progress=lambda done: progress(done, len(videos.paths)),
    )
    return predictions, statistics.median(latencies)


def _raw_clips(
    videos: VideoFolder, num_segments: int
) -> Iterator[tuple[np.ndarray, list[int]]]:
    for path, label, info in zip(
        videos.paths, videos.labels, videos.infos, strict=True
    ):
        indices = segment_indices(info.num_frames, num_segments).numpy()
        yield read_video(path, indices)[None], [label]
