"""Inputs on which quantization measures ranges, from real clips."""

from collections.abc import Iterator

import numpy as np
from tensorflow import keras

from tsm_keras.models.streaming_classifier import StreamingClassifier

Feeds = Iterator[dict[str, np.ndarray]]


def streamed_states(streaming: keras.Model, clips: np.ndarray) -> Feeds:
    """Streams clips through a network and yields its inputs at each frame.

    The caches come from the earlier frames. Ranges that are measured only on
    zero caches would be too narrow. So if a cache remembers as many frames as a
    clip has, each clip also runs backwards and forwards again, until that cache
    has been full for the length of a clip. With a delay they do so too, and the
    inputs of the first steps, which belong to no frame, are left out. All
    frames of the others exist, so that each tensor has the same range before
    and after it is multiplied with `valid`.

    Args:
        streaming: A network from `build_streaming_model`, with `streams`.
        clips: `[B, T, S, S, 3]` RGB in 0..255. Each is streamed at least once;
            some are repeated to fill the last batch of streams.

    Yields:
        The float32 arrays `frame` and `cache_kk`, and `valid` if the network
        has it, by name.
    """
    classifier = StreamingClassifier.of_network(streaming)
    streams, delay = classifier.streams, classifier.delay
    valid = {}
    if entries := streaming.stream_time.entries:
        valid = {"valid": np.ones((streams, 1, 1, len(entries)), np.float32)}
    length = clips.shape[1]
    remembered = max(streaming.cache_frames.values(), default=0)
    if delay or remembered >= length:
        there_and_back = np.concatenate(
            [np.arange(length), np.arange(length)[::-1]]
        )
        order = np.resize(there_and_back, max(remembered, delay) + length)
        clips = clips[:, order]
    for start in range(0, len(clips), streams):
        batch = clips[np.arange(start, start + streams) % len(clips)]
        classifier.reset()
        for number, frames in enumerate(batch.swapaxes(0, 1)):
            if number >= delay:
                frame = {"frame": frames.astype(np.float32)}
                yield frame | valid | classifier.caches
            classifier.step(frames)


def whole_clips(clips: np.ndarray) -> Feeds:
    """Yields each clip as the input of a `to_single_clip` network.

    Args:
        clips: `[B, T, S, S, 3]` RGB in 0..255.
    """
    for clip in clips:
        yield {"clip": clip.astype(np.float32)}
