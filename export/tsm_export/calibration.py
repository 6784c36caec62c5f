"""Calibration feeds: what a network sees while it runs."""

from collections.abc import Iterator

import numpy as np
from tensorflow import keras

from tsm_keras.models.streaming_classifier import StreamingClassifier

Feeds = Iterator[dict[str, np.ndarray]]


def streamed_states(streaming: keras.Model, clips: np.ndarray) -> Feeds:
    """Streams clips through a network and yields its inputs at each frame.

    The caches are those that the frames before left: ranges that were measured
    on zero caches alone are too narrow.

    Args:
        streaming: From `build_streaming_model` with a number of `streams`.
        clips: `[B, T, S, S, 3]` RGB in 0..255. Each is streamed at least once;
            the last streams of a batch that they do not fill repeat some.

    Yields:
        `frame` and `cache_kk` as float32 arrays, by name, as the converter's
        representative data set wants them.
    """
    classifier = StreamingClassifier.of_network(streaming)
    streams = classifier.streams
    for start in range(0, len(clips), streams):
        batch = clips[np.arange(start, start + streams) % len(clips)]
        classifier.reset()
        for frames in batch.swapaxes(0, 1):
            yield {"frame": frames.astype(np.float32), **classifier.caches}
            classifier.step(frames)


def whole_clips(clips: np.ndarray) -> Feeds:
    """Yields clips as the inputs of a `to_single_clip` network.

    Args:
        clips: `[B, T, S, S, 3]` RGB in 0..255.
    """
    for clip in clips:
        yield {"clip": clip.astype(np.float32)}
