"""make_dataset: video files become batches of clips on tf.data."""

from collections.abc import Callable

import numpy as np
import tensorflow as tf

from tsm_keras.data.folder import VideoFolder
from tsm_keras.data.preprocessing import resize_short_side
from tsm_keras.data.sampling import segment_indices
from tsm_keras.data.video import read_video
from tsm_keras.models.config import VideoClassifierConfig


def make_dataset(
    videos: VideoFolder,
    config: VideoClassifierConfig,
    *,
    batch_size: int,
    training: bool,
    seed: int = 0,
    cache: bool = False,
) -> tf.data.Dataset:
    """Builds the input pipeline for `model.fit` and for evaluation.

    In training the order, the frame of each segment and the crop (one a clip)
    are drawn anew every epoch, from `seed`; in evaluation the order is that of
    `videos`, the frames are the segments' centres and the crop is the centre.

    Args:
        videos: From `scan_folder`.
        config: Says how many frames of which size.
        batch_size: Clips a batch; the last may be smaller.
        training: Whether to draw at random.
        seed: Of all draws. Equal seeds give equal batches.
        cache: Keep all decoded frames in memory and decode each file once:
            for small sets, about `height * width * 3` bytes a frame at
            `config.resize_size`.

    Returns:
        Batches of clips, `[B, T, image_size, image_size, 3]` uint8 RGB, and
        class numbers, `[B]` int64.
    """
    lengths = [info.num_frames for info in videos.infos]
    data = tf.data.Dataset.from_tensor_slices(
        (list(videos.paths), lengths, np.array(videos.labels, np.int64))
    )
    if training:
        # Paths are shuffled, not frames, and never repeated: each epoch sees
        # each video once.
        data = data.shuffle(len(lengths), seed=seed)
    # One seed an element, others in the next epoch.
    seeds = tf.data.Dataset.random(
        seed=seed, rerandomize_each_iteration=True
    ).batch(2)
    decode = _decode(config)
    if cache:
        decode = _remember(decode)

    def load(video, seed):
        path, num_frames, label = video
        indices = _indices(num_frames, seed, config, training)
        frames = tf.numpy_function(
            decode, [path, indices], tf.uint8, stateful=False
        )
        frames = tf.ensure_shape(frames, [None, None, None, 3])
        return _crop(frames, seed, config, training), label

    return (
        tf.data.Dataset.zip((data, seeds))
        .map(load, tf.data.AUTOTUNE)
        .batch(batch_size)
        .prefetch(tf.data.AUTOTUNE)
    )


def _decode(config):
    def decode(path, indices):
        frames = read_video(path.decode(), indices)
        return resize_short_side(frames, config.resize_size)

    return decode


def _remember(decode: Callable) -> Callable:
    """Decodes each file whole, once, and takes the frames from memory."""
    videos: dict[bytes, np.ndarray] = {}

    def take(path, indices):
        if path not in videos:
            videos[path] = decode(path, None)
        return videos[path][indices]

    return take


def _indices(num_frames, seed, config, training):
    return segment_indices(
        num_frames, config.num_segments, seed if training else None
    )


def _crop(clip, seed, config, training):
    size = config.image_size
    free = tf.shape(clip)[1:3] - size
    offset = free // 2
    if training:
        # Another stream of the element's seed than the frames' draw.
        uniform = tf.random.stateless_uniform([2], seed + 1)
        offset = tf.cast(uniform * tf.cast(free + 1, tf.float32), tf.int32)
        offset = tf.minimum(offset, free)
    top, left = offset[0], offset[1]
    clip = clip[:, top : top + size, left : left + size]
    return tf.ensure_shape(clip, [config.num_segments, size, size, 3])
