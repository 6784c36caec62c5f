"""make_dataset: videos or shards become batches of clips on tf.data."""

from collections.abc import Sequence

import numpy as np
import tensorflow as tf

from tsm_keras.data.augment.augmentation import (
    AugmentationConfig,
    augment_clip,
    augmented_box,
    mix_batch,
)
from tsm_keras.data.augment.crops import center_box
from tsm_keras.data.pipeline.epochs import training_clips
from tsm_keras.data.pipeline.sampling import SamplingConfig, clip_indices
from tsm_keras.data.readers.clip_reader import ClipReader, DataSource, as_reader
from tsm_keras.data.video.resizing import resize
from tsm_keras.models.config import VideoClassifierConfig

_SAMPLING = SamplingConfig()
_AUGMENTATION = AugmentationConfig()


def make_dataset(
    source: DataSource,
    config: VideoClassifierConfig,
    *,
    split: str | None = None,
    batch_size: int,
    training: bool,
    seed: int = 0,
    sampling: SamplingConfig = _SAMPLING,
    augmentation: AugmentationConfig = _AUGMENTATION,
    cache: bool = False,
    deterministic: bool = True,
    epochs: Sequence[int] | None = None,
    num_workers: int = 1,
    worker: int = 0,
) -> tf.data.Dataset:
    """Builds the input pipeline for `model.fit` and for evaluation.

    Only the frames of the sampled clips are decoded. In training the order,
    the frames and the augmentation (one draw a clip) are drawn anew every
    epoch. A clip comes at most once an epoch: what fills no batch of all
    workers is left out, others in each epoch (clips that are fewer than a
    batch make a smaller one). Epoch k is a function of `seed` and k
    alone, whichever epochs went before. In evaluation clips come
    in the order in which they are stored, all of them, cropped at the centre;
    the V clips of a video, if `sampling` takes several, follow each other.

    Frames are first resized so that their short side is `config.resize_size`
    (which those of a prepared data set often are already), then cropped.

    Args:
        source: A prepared data set or videos: its folder, or what
            `open_prepared`, `scan_folder` or `open_clips` returned.
        config: Says how many frames of which size.
        split: Of a prepared data set; see `open_clips` for folders.
        batch_size: Clips a batch, of this worker.
        training: Whether to draw at random.
        seed: Of all draws. Equal seeds give equal batches, bit for bit.
        sampling: Which frames make a clip.
        augmentation: How clips are changed in training.
        cache: Keep the data in memory, from before anything is drawn: all
            decoded frames of videos (for small sets; about `height * width *
            3` bytes a frame at `config.resize_size`), the JPEG frames of a
            prepared data set.
        deterministic: False lets clips overtake each other where one is slow:
            those of an epoch are the same, but their order may differ from run
            to run, and of several `epochs` one may slip into the next.
        epochs: Those that an iteration in training goes through, one after
            the other; None for one epoch, another in each iteration.
        num_workers: How many processes share the data, each with a data set
            of its own; see `tf.distribute.InputContext`. In training their
            n-th batches together are the n-th batch of one process with
            `num_workers * batch_size` clips a batch.
        worker: Which of them this is, from 0.

    Returns:
        Batches of clips, `[B, T, image_size, image_size, 3]` uint8 RGB (or
        `input_channels` of optical flow, from a `FlowReader`), and class
        numbers, `[B]` int64, or `[B, num_classes]` float32 if the
        augmentation mixes clips.

    Raises:
        ValueError: If an argument is out of range, the network takes something
            else than `source` has, or the data set says nothing that
            `sampling` or `augmentation` needs.
        FileNotFoundError, VideoError: As `open_clips`.
    """
    _check(batch_size, num_workers, worker)
    clips = as_reader(source, split, cache=cache)
    check_channels(clips, config)
    _check_augmentation(augmentation, config)
    if training and augmentation.flip and clips.mirrored_labels is None:
        raise ValueError(
            "`augmentation` must not flip clips of a data set without "
            "`flip_pairs`, which say what a mirrored clip shows. "
            f"Received: flip=True for {clips.name!r}"
        )
    check_interval(sampling, config)
    clips_per_video = sampling.clips_per_video(training)
    size, num_segments = config.image_size, config.num_segments

    def sample(number, seed):
        clip = clips.describe(number)
        indices = clip_indices(
            clip["num_frames"],
            num_segments,
            sampling,
            interval=config.frame_interval * clip["frame_rate"],
            seed=seed if training else None,
        )
        indices = tf.reshape(indices, [clips_per_video * num_segments])
        return {
            "number": number,
            "indices": indices,
            "label": clip["label"],
            "seed": seed,
        }

    def load(clip):
        label, seed = clip["label"], clip["seed"]

        def box(shape):
            if training:
                return augmented_box(shape, size, seed, augmentation)
            return center_box(shape, size)

        frames = clips.decode(clip, config.resize_size, box)
        if training and augmentation.crop != "random":
            frames = _make_square(frames, size)
        frames = tf.ensure_shape(
            frames,
            [clips_per_video * num_segments, size, size, clips.channels],
        )
        if training:
            frames, label = augment_clip(
                frames, label, seed, augmentation, clips.mirrored_labels
            )
        return frames, label, seed

    def separate(frames, label, seed):
        shape = [clips_per_video, num_segments, size, size, clips.channels]
        return tf.data.Dataset.from_tensor_slices(
            (
                tf.reshape(frames, shape),
                tf.repeat(label, clips_per_video),
                tf.repeat(seed[None], clips_per_video, axis=0),
            )
        )

    def mix(frames, labels, seeds):
        num_classes = len(clips.label_names)
        return mix_batch(frames, labels, seeds[0], augmentation, num_classes)

    numbers = np.arange(worker, clips.num_clips, num_workers)
    if not len(numbers):
        raise ValueError(
            f"`num_workers` must be at most the {clips.num_clips} clips. "
            f"Received: num_workers={num_workers}"
        )
    if training:
        batch_size = min(batch_size, clips.num_clips // num_workers)
        data = training_clips(
            clips.num_clips,
            batch_size,
            seed=seed,
            epochs=epochs,
            num_workers=num_workers,
            worker=worker,
        )
    else:
        unseeded = np.zeros([len(numbers), 2], np.int64)
        data = tf.data.Dataset.from_tensor_slices((numbers, unseeded))
    data = clips.read_ahead(data.map(sample)).map(load, tf.data.AUTOTUNE)
    if clips_per_video > 1:
        data = data.flat_map(separate)
        count = clips_per_video * len(numbers)
        data = data.apply(tf.data.experimental.assert_cardinality(count))
    data = data.batch(batch_size, drop_remainder=training)
    if training and augmentation.mixes:
        data = data.map(mix, tf.data.AUTOTUNE)
    else:
        data = data.map(lambda frames, labels, _: (frames, labels))
    options = tf.data.Options()
    options.deterministic = deterministic
    # The data is shared out here already.
    options.experimental_distribute.auto_shard_policy = (
        tf.data.experimental.AutoShardPolicy.OFF
    )
    return data.prefetch(tf.data.AUTOTUNE).with_options(options)


def check_channels(clips: ClipReader, config: VideoClassifierConfig) -> None:
    """Raises a ValueError if the network takes no such frames."""
    if clips.channels == config.input_channels:
        return
    if config.is_rgb:
        expected = "pictures"
    else:
        expected = (
            f"optical flow, {config.input_channels // 2} pairs a frame (a "
            "folder of flow_x_00001.jpg, flow_y_00001.jpg..., from `tsm flow`)"
        )
    raise ValueError(
        f"`source` must be {expected}, as `config` has "
        f"input_channels={config.input_channels}. "
        f"Received: {clips.name!r} with {clips.channels} channels a frame"
    )


def check_interval(
    sampling: SamplingConfig, config: VideoClassifierConfig
) -> None:
    """Raises a ValueError if sampling at the model's interval is impossible."""
    if sampling.method == "interval" and not config.frame_interval:
        raise ValueError(
            "`config` must have a `frame_interval` for method='interval'. "
            f"Received: frame_interval={config.frame_interval!r}"
        )


def _make_square(frames, size):
    """Resizes frames to `size`, where they are not as large already."""
    return tf.cond(
        tf.reduce_all(tf.shape(frames)[1:3] == size),
        lambda: frames,
        lambda: tf.numpy_function(
            lambda frames: resize(frames, size, size),
            [frames],
            tf.uint8,
            stateful=False,
        ),
    )


def _check_augmentation(augmentation, config):
    if augmentation.changes_colors and not config.is_rgb:
        raise ValueError(
            "`augmentation` must not change the colours of optical flow, which "
            "has none: leave jitter and RandAugment at 0. "
            f"Received: {augmentation}"
        )


def _check(batch_size, num_workers, worker):
    for name, value, least, most in (
        ("batch_size", batch_size, 1, None),
        ("num_workers", num_workers, 1, None),
        ("worker", worker, 0, num_workers - 1),
    ):
        if value < least or (most is not None and value > most):
            expected = (
                f"at least {least}" if most is None else f"{least}..{most}"
            )
            raise ValueError(
                f"`{name}` must be {expected}. Received: {name}={value!r}"
            )
