"""Predictions of Keras models and of artifacts on the same videos."""

import statistics
from collections.abc import Callable

import numpy as np
import tensorflow as tf
from tensorflow import keras

from tsm_keras.data.clip_reader import DataSource, as_reader
from tsm_keras.data.dataset import make_dataset, raw_clips
from tsm_keras.evaluation.predictions import Predictions, predict
from tsm_keras.models.clip import with_frame_logits
from tsm_live import Session

Progress = Callable[[int, int], None]
_BATCH_SIZE = 32


def model_predictions(
    model: keras.Model, source: DataSource, progress: Progress
) -> Predictions:
    """Runs a clip model over the centre view of each clip."""
    clips = as_reader(source)
    network = tf.function(with_frame_logits(model), jit_compile=False)

    def predictor(batch):
        return network(tf.cast(batch, tf.float32))["frame_logits"].numpy()

    dataset = make_dataset(
        clips, model.video_config, batch_size=_BATCH_SIZE, training=False
    )
    return predict(
        predictor,
        dataset,
        clips.label_names,
        progress=lambda done: progress(done, clips.num_clips),
    )


def artifact_predictions(
    session: Session, source: DataSource, progress: Progress
) -> tuple[Predictions, float]:
    """Streams the frames that a clip model sees through an artifact.

    The session gets them as they come from the file; it resizes and crops.

    Returns:
        The predictions, and the median seconds that the network took a frame.
    """
    clips, latencies = as_reader(source), []

    def predictor(frames):
        session.reset()
        steps = [session.step(frame) for frame in frames[0]]
        latencies.extend(step.latency for step in steps)
        return np.stack([step.logits for step in steps])[None]

    predictions = predict(
        predictor,
        raw_clips(clips, session.spec.num_segments).batch(1),
        clips.label_names,
        progress=lambda done: progress(done, clips.num_clips),
    )
    return predictions, statistics.median(latencies)
