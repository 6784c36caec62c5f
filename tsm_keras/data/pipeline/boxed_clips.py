"""make_detection_dataset: clips of videos and the boxes of their frames."""

import os
from collections.abc import Sequence

import numpy as np
import tensorflow as tf

from tsm_keras.data.augment.augmentation import (
    AugmentationConfig,
    augmented_box,
    change_colors,
    mirror_at_random,
)
from tsm_keras.data.augment.boxes import crop_boxes, mirror_boxes
from tsm_keras.data.augment.crops import center_box
from tsm_keras.data.labels import only_head
from tsm_keras.data.pipeline.dataset import (
    check_augmentation,
    check_channels,
    check_interval,
    check_mirrored,
    make_square,
)
from tsm_keras.data.pipeline.epochs import (
    clips_of_worker,
    expect_counts,
    with_options,
)
from tsm_keras.data.pipeline.sampling import SamplingConfig, interval_indices
from tsm_keras.data.pipeline.whole_shards import read_whole_shards
from tsm_keras.data.readers.boxed_reader import BoxedReader
from tsm_keras.data.readers.reader import PARALLEL
from tsm_keras.data.storage.prepared_dataset import PreparedDataset
from tsm_keras.models.config import VideoDetectorConfig

_AUGMENTATION = AugmentationConfig()
# A box that keeps less than this share of its area in a crop is ignored.
_LEAST_SEEN = 0.2


def make_detection_dataset(
    source: PreparedDataset | str | os.PathLike[str],
    config: VideoDetectorConfig,
    *,
    split: str | None = None,
    batch_size: int,
    training: bool,
    seed: int = 0,
    augmentation: AugmentationConfig = _AUGMENTATION,
    max_boxes: int | None = None,
    cache: bool = False,
    shuffle_buffer: int | None = None,
    deterministic: bool = True,
    epochs: Sequence[int] | None = None,
    num_workers: int = 1,
    worker: int = 0,
) -> tf.data.Dataset:
    """Builds the input pipeline of a detector, as `make_dataset` does.

    A clip is a window of a video, whose frames are `config.clip.frame_interval`
    seconds apart. From each video come as many clips per epoch as fit into it
    side by side, at least one. In training each of them begins anywhere in its
    video; in evaluation they follow each other from the beginning on.

    Boxes move with the pixels: they are cropped, resized and mirrored as their
    frames are. Of a box at the edge of the crop the part inside remains; if
    this is less than a fifth of its area, it is marked as ignored.

    Args:
        source: A prepared data set with boxes, or its folder.
        config: The number, size and interval of the frames of a clip, and the
            classes, which must be those of the data in any order.
        split: `"train"`, `"val"` or `"test"`.
        batch_size: The number of clips per batch of this worker.
        training: Whether clips are shuffled, drawn at random and augmented.
        seed: Seed of all draws. Equal seeds give bit-identical batches.
        augmentation: How clips are changed in training. RandAugment, MixUp
            and CutMix are refused, because boxes would not fit.
        max_boxes: M, the number of boxes that each frame is padded to; None
            for the largest number in a frame of the split.
        cache: As in `make_dataset`.
        shuffle_buffer: As in `make_dataset`.
        deterministic: As in `make_dataset`.
        epochs: As in `make_dataset`.
        num_workers: As in `make_dataset`.
        worker: As in `make_dataset`.

    Returns:
        Batches of clips, `[B, T, S, S, 3]` uint8, and a dictionary: `boxes`,
        `[B, T, M, 4]` float32, `(x0, y0, x1, y1)` in pixels of the clip;
        `classes`, `[B, T, M]` int32, -1 where there is no box; `ignored`,
        `[B, T, M]` bool; and `annotated`, `[B, T]` bool, whether the objects of
        a frame are known.

    Raises:
        ValueError: If an argument is out of range, `source` has no boxes or
            other classes than `config`, or a frame has more boxes than
            `max_boxes`.
        FileNotFoundError: If `source` is not a prepared data set.
    """
    expect_counts(batch_size, num_workers, worker)
    videos = BoxedReader(
        source, split, label_names=config.detection.labels, cache=cache
    )
    check_channels(videos, config)
    check_interval(SamplingConfig("interval"), config)
    _check_augmentation(augmentation)
    check_augmentation(augmentation, config)
    if training and augmentation.flip:
        check_mirrored(videos)
    most = _most_boxes(videos, max_boxes)
    size, num_segments = config.input.image_size, config.clip.num_segments
    interval = config.clip.frame_interval
    spans = num_segments * interval * videos.frame_rates
    windows = np.maximum(videos.num_frames // np.maximum(spans, 1), 1)
    windows = windows.astype(np.int64)
    # The video of each clip, and its place among the clips of the video.
    video_of = np.repeat(np.arange(len(windows)), windows)
    place_of = np.arange(len(video_of)) - np.repeat(
        windows.cumsum() - windows, windows
    )
    shapes = videos.resized_shapes(config.input.resize_size)
    mirrored = only_head(videos.heads).mirrored_labels

    def sample(clip, seed):
        number = tf.gather(video_of, clip)
        video = videos.describe(number)
        step = interval * video["frame_rate"]
        if training:
            indices = interval_indices(
                video["num_frames"], num_segments, step, seed
            )
        else:
            place = tf.cast(tf.gather(place_of, clip), tf.float32)
            start = place * num_segments * step
            indices = start + step * tf.range(num_segments, dtype=tf.float32)
            last = tf.cast(video["num_frames"], tf.float32) - 1
            indices = tf.cast(tf.minimum(indices, last), tf.int32)
        return {"number": number, "indices": indices, "seed": seed}

    def truth_of(clip):
        found = tf.numpy_function(
            lambda number, frames: videos.padded_boxes(number, frames, most),
            [clip["number"], clip["indices"]],
            [tf.float32, tf.int32, tf.bool, tf.bool],
            stateful=False,
        )
        shapes = ([most, 4], [most], [most], [])
        return [
            tf.ensure_shape(part, [num_segments, *shape])
            for part, shape in zip(found, shapes, strict=True)
        ]

    def load(clip):
        seed, shape = clip["seed"], tf.gather(shapes, clip["number"])
        crop = (
            augmented_box(shape, size, seed, augmentation)
            if training
            else center_box(shape, size)
        )
        frames = videos.decode(clip, config.input.resize_size, lambda _: crop)
        frames = make_square(frames, size)
        frames = tf.ensure_shape(frames, [num_segments, size, size, 3])
        relative, classes, ignored, annotated = truth_of(clip)
        sides = tf.tile(tf.cast(shape[::-1], tf.float32), [2])
        boxes, share = crop_boxes(relative * sides, crop, size)
        classes = tf.where(share > 0, classes, -1)
        ignored = tf.logical_and(
            tf.logical_or(ignored, share < _LEAST_SEEN), classes >= 0
        )
        if training and augmentation.flip:
            frames, flipped = mirror_at_random(frames, seed)
            boxes = tf.where(flipped, mirror_boxes(boxes, size), boxes)
            partners = tf.gather(
                tf.constant(mirrored, tf.int32), tf.maximum(classes, 0)
            )
            partners = tf.where(classes >= 0, partners, -1)
            classes = tf.where(flipped, partners, classes)
        if training:
            frames = change_colors(frames, seed, augmentation)
        return frames, {
            "boxes": tf.where((classes >= 0)[..., None], boxes, 0),
            "classes": classes,
            "ignored": ignored,
            "annotated": annotated,
        }

    whole_shards = None
    if training and shuffle_buffer is not None:
        whole_shards = read_whole_shards(videos, shuffle_buffer, video_of)
    data, batch_size = clips_of_worker(
        len(video_of),
        batch_size,
        training=training,
        seed=seed,
        shares=None,
        epochs=epochs,
        num_workers=num_workers,
        worker=worker,
        whole_shards=whole_shards,
    )
    data = videos.read_ahead(data.map(sample)).map(load, PARALLEL)
    data = data.batch(batch_size, drop_remainder=training)
    return with_options(data, deterministic)


def _most_boxes(videos, max_boxes):
    found = max(videos.most_boxes, 1)
    if max_boxes is not None and max_boxes < found:
        raise ValueError(
            f"`max_boxes` must be at least {found}, the largest number of "
            f"boxes in a frame. Received: max_boxes={max_boxes!r}"
        )
    return max_boxes or found


def _check_augmentation(augmentation):
    if augmentation.rand_augment or augmentation.mixes:
        raise ValueError(
            "`augmentation` must not have RandAugment, MixUp or CutMix for "
            "clips with boxes, which would not fit to the changed frames. "
            f"Received: {augmentation}"
        )
