"""Calibration feeds: what a streaming network sees while it runs."""

from collections.abc import Iterator

import numpy as np
import tensorflow as tf
from tensorflow import keras

from tsm_keras.models.streaming import cache_shapes


def streamed_states(
    streaming: keras.Model, clips: np.ndarray
) -> Iterator[dict[str, np.ndarray]]:
    """Streams clips through a network and yields its inputs at each frame.

    The caches are those that the frames before left: ranges that were measured
    on zero caches alone are too narrow.

    Args:
        streaming: From `build_streaming_model` with `streams=1`.
        clips: `[B, T, S, S, 3]` RGB in 0..255.

    Yields:
        `frame` and `cache_kk` as float32 arrays, by name, as the converter's
        representative data set wants them.
    """
    run = tf.function(streaming, jit_compile=False)
    shapes = cache_shapes(streaming)
    for clip in clips:
        state = {
            name: np.zeros((1, *shape), np.float32)
            for name, shape in shapes.items()
        }
        for frame in clip:
            inputs = {"frame": frame[None].astype(np.float32), **state}
            yield inputs
            outputs = run(inputs)
            state = {name: outputs[f"{name}_out"].numpy() for name in shapes}


def calibration_clips(dataset: tf.data.Dataset, num_frames: int) -> np.ndarray:
    """Takes about `num_frames` frames, in whole clips, from a data set.

    Args:
        dataset: Batches of clips from `make_dataset`.
        num_frames: At least 1.

    Returns:
        `[B, T, S, S, 3]` uint8 RGB.
    """
    clips = dataset.unbatch().map(lambda clip, label: clip)
    num_segments = clips.element_spec.shape[0]
    taken = clips.take(-(-num_frames // num_segments))
    return np.stack(list(taken.as_numpy_iterator()))
