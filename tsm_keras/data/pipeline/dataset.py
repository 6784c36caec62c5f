"""make_dataset: the tf.data pipeline from videos or shards to batches."""

from collections.abc import Sequence

import tensorflow as tf

from tsm_keras.data.augment.augmentation import (
    AugmentationConfig,
    augment_clip,
    augmented_box,
    mix_batch,
)
from tsm_keras.data.augment.crops import center_box
from tsm_keras.data.pipeline.epochs import (
    balanced_shares,
    clips_of_worker,
    expect_counts,
    with_options,
)
from tsm_keras.data.pipeline.sampling import SamplingConfig, clip_indices
from tsm_keras.data.pipeline.whole_shards import read_whole_shards
from tsm_keras.data.readers.clip_reader import ClipReader, DataSource, as_reader
from tsm_keras.data.readers.reader import PARALLEL
from tsm_keras.data.video.resizing import resize
from tsm_keras.models.config import TakesClips

_SAMPLING = SamplingConfig()
_AUGMENTATION = AugmentationConfig()


def make_dataset(
    source: DataSource,
    config: TakesClips,
    *,
    split: str | None = None,
    batch_size: int,
    training: bool,
    seed: int = 0,
    sampling: SamplingConfig = _SAMPLING,
    augmentation: AugmentationConfig = _AUGMENTATION,
    cache: bool = False,
    shuffle_buffer: int | None = None,
    deterministic: bool = True,
    epochs: Sequence[int] | None = None,
    num_workers: int = 1,
    worker: int = 0,
) -> tf.data.Dataset:
    """Builds the input pipeline for `model.fit` and for evaluation.

    Only the frames of the sampled clips are decoded. Frames are resized so that
    their short side is `config.input.resize_size`, unless it is already, and
    then cropped.

    In training, the order of the clips, their frames and their augmentation are
    drawn anew in every epoch. Epoch k depends only on `seed` and k, not on
    earlier epochs. Unless `sampling` is balanced, each clip occurs at most
    once per epoch: clips that do not fill a batch of all workers are left out,
    different ones in each epoch. (If there are fewer clips than a batch has,
    the batch is smaller.)

    In evaluation, all clips come in the order in which they are stored, cropped
    at the centre. If `sampling` takes several clips per video, they follow each
    other.

    Args:
        source: A prepared data set, videos or optical flow: a folder, or the
            result of `open_prepared`, `scan_folder` or `open_clips`.
        config: The number, size and interval of the frames of a clip.
        split: `"train"`, `"val"` or `"test"`; see `open_clips`.
        batch_size: The number of clips per batch of this worker.
        training: Whether clips are shuffled, sampled at random and augmented.
        seed: Seed of all draws. Equal seeds give bit-identical batches.
        sampling: How the frames of a clip are chosen.
        augmentation: How clips are changed in training.
        cache: Whether to keep the data in memory: the decoded frames of
            videos (about `height * width * 3` bytes per frame after resizing,
            so this is for small data sets), or the JPEG frames of a prepared
            data set. Every epoch still draws anew.
        shuffle_buffer: None shuffles all clips in training, and reads their
            frames at the places where they are. A number is for disks on which
            this is slow: each shard of a prepared data set is read whole, and
            clips are shuffled among about this number of clips, whose shards
            are kept in memory. Each of several workers reads all shards.
        deterministic: False lets fast clips overtake slow ones. An epoch still
            has the same clips, but their order may differ from run to run, and
            a clip may move from one of several `epochs` to the next.
        epochs: Numbers of the epochs that one iteration in training goes
            through. For None it is one epoch, a new one in each iteration.
        num_workers: The number of processes that share the data, each with a
            data set of its own; see `tf.distribute.InputContext`. In training,
            the n-th batches of all workers together are the n-th batch of one
            process with `num_workers * batch_size` clips per batch.
        worker: Number of this worker, from 0.

    Returns:
        Batches of clips, `[B, T, image_size, image_size, C]` uint8, RGB or
        optical flow, and of class numbers, `[B]` int64, or labels,
        `[B, num_classes]` float32, if the augmentation mixes clips. With
        several heads, the labels are a dictionary with such a tensor for each
        head, by its name.

    Raises:
        ValueError: If an argument is out of range, if the network takes
            another number of channels than `source` has, or if the data set
            lacks information that `sampling` or `augmentation` needs.
        FileNotFoundError, VideoError: As in `open_clips`.
    """
    expect_counts(batch_size, num_workers, worker)
    clips = as_reader(source, split, cache=cache)
    check_channels(clips, config)
    check_augmentation(augmentation, config)
    # For each head, the class of a mirrored clip of each of its classes.
    mirrored = [head.mirrored_labels for head in clips.heads]
    if training and augmentation.flip:
        check_mirrored(clips)
    check_interval(sampling, config)
    clips_per_video = sampling.clips_per_video(training)
    size, num_segments = config.input.image_size, config.clip.num_segments

    def sample(number, seed):
        clip = clips.describe(number)
        indices = clip_indices(
            clip["num_frames"],
            num_segments,
            sampling,
            interval=config.clip.frame_interval * clip["frame_rate"],
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

        frames = clips.decode(clip, config.input.resize_size, box)
        if training and augmentation.crop != "random":
            frames = make_square(frames, size)
        frames = tf.ensure_shape(
            frames,
            [clips_per_video * num_segments, size, size, clips.channels],
        )
        if training:
            frames, label = augment_clip(
                frames, label, seed, augmentation, mirrored
            )
        return frames, label, seed

    def separate(frames, label, seed):
        shape = [clips_per_video, num_segments, size, size, clips.channels]
        return tf.data.Dataset.from_tensor_slices(
            (
                tf.reshape(frames, shape),
                tf.repeat(label[None], clips_per_video, axis=0),
                tf.repeat(seed[None], clips_per_video, axis=0),
            )
        )

    mixes = training and augmentation.mixes

    def finish(frames, labels, seeds):
        parts = (
            [labels] if len(clips.heads) == 1 else tf.unstack(labels, axis=1)
        )
        if mixes:
            sizes = [len(head.label_names) for head in clips.heads]
            frames, labels = mix_batch(
                frames,
                tf.concat([*map(tf.one_hot, parts, sizes)], axis=1),
                seeds[0],
                augmentation,
            )
            parts = tf.split(labels, sizes, axis=1)
        if len(parts) == 1:
            return frames, parts[0]
        names = [head.name for head in clips.heads]
        return frames, dict(zip(names, parts, strict=True))

    whole_shards = None
    if training and shuffle_buffer is not None:
        if sampling.balanced:
            raise ValueError(
                "`shuffle_buffer` must be None for balanced sampling, which "
                "takes clips from all shards at any time. "
                f"Received: shuffle_buffer={shuffle_buffer!r}"
            )
        whole_shards = read_whole_shards(clips, shuffle_buffer)
    data, batch_size = clips_of_worker(
        clips.num_clips,
        batch_size,
        training=training,
        seed=seed,
        shares=balanced_shares(_labels(clips))
        if training and sampling.balanced
        else None,
        epochs=epochs,
        num_workers=num_workers,
        worker=worker,
        whole_shards=whole_shards,
    )
    count = clips_per_video * int(data.cardinality())
    data = clips.read_ahead(data.map(sample)).map(load, PARALLEL)
    if clips_per_video > 1:
        data = data.flat_map(separate)
        data = data.apply(tf.data.experimental.assert_cardinality(count))
    data = data.batch(batch_size, drop_remainder=training)
    data = data.map(finish, PARALLEL if mixes else None)
    return with_options(data, deterministic)


def _labels(clips):
    return clips.describe(tf.range(clips.num_clips))["label"].numpy()


def check_channels(clips: ClipReader, config: TakesClips) -> None:
    """Raises a ValueError if the network takes another number of channels."""
    if clips.channels == config.input.channels:
        return
    if config.input.is_rgb:
        expected = "RGB videos"
    else:
        expected = (
            f"optical flow with {config.input.channels // 2} pairs per frame "
            "(folders of flow_x_00001.jpg, flow_y_00001.jpg and so on, which "
            "`tsm flow` writes)"
        )
    raise ValueError(
        f"`source` must be {expected}, as `config` has "
        f"input_channels={config.input.channels}. "
        f"Received: {clips.name!r} with {clips.channels} channels per frame"
    )


def check_interval(sampling: SamplingConfig, config: TakesClips) -> None:
    """Raises a ValueError if `"interval"` sampling lacks an interval."""
    if sampling.method == "interval" and not config.clip.frame_interval:
        raise ValueError(
            "`config` must have a `frame_interval` for method='interval'. "
            f"Received: frame_interval={config.clip.frame_interval!r}"
        )


def check_mirrored(clips: ClipReader) -> None:
    """Raises a ValueError if clips must not be mirrored."""
    if None in [head.mirrored_labels for head in clips.heads]:
        raise ValueError(
            "`augmentation` must not flip clips of a data set without "
            "`flip_pairs`, which name the class of a mirrored clip (for a "
            "folder of videos: --flip_pairs). "
            f"Received: flip=True for {clips.name!r}"
        )


def make_square(frames: tf.Tensor, size: int) -> tf.Tensor:
    """Resizes frames to squares of `size`, unless they are already."""
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


def check_augmentation(
    augmentation: AugmentationConfig, config: TakesClips
) -> None:
    """Raises a ValueError if colours of optical flow would be changed."""
    if augmentation.changes_colors and not config.input.is_rgb:
        raise ValueError(
            "`augmentation` must not change the colours of optical flow. Leave "
            "colour jitter and RandAugment at 0. "
            f"Received: {augmentation}"
        )
