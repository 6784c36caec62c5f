"""Clips for calibration and tests: from videos, or generated."""

import os

import numpy as np

from tsm_keras.data.gestures.generate import LABELS, draw_clip, render
from tsm_keras.data.moving_objects import generate as objects
from tsm_keras.data.pipeline.boxed_clips import make_detection_dataset
from tsm_keras.data.pipeline.dataset import make_dataset
from tsm_keras.data.pipeline.sampling import segment_indices
from tsm_keras.data.readers.clip_reader import DataSource
from tsm_keras.data.video.resizing import center_crop, resize_short_side
from tsm_keras.models.config import TakesClips, VideoDetectorConfig


def video_clips(
    source: DataSource,
    config: TakesClips,
    count: int,
    seed: int,
) -> np.ndarray:
    """Takes random clips from a data set.

    Args:
        source: The data source; see `make_dataset`.
        config: The config with the number and the size of frames.
        count: The number of clips. A small data set gives fewer.
        seed: The seed of the random choice.

    Returns:
        `[count, T, S, S, 3]` uint8 RGB.
    """
    dataset = make_dataset(
        source, config, batch_size=1, training=True, seed=seed
    )
    taken = dataset.take(count).as_numpy_iterator()
    return np.concatenate([clip for clip, _ in taken])


def boxed_clips(
    data: str | os.PathLike,
    split: str,
    config: VideoDetectorConfig,
    count: int,
    seed: int,
) -> np.ndarray:
    """Takes random clips from a data set with boxes; see `video_clips`.

    Args:
        data: The folder of a prepared data set with boxes.
        split: The split of the data set.
        config: The config with the number and the size of frames.
        count: The number of clips. A small data set gives fewer.
        seed: The seed of the random choice.
    """
    dataset = make_detection_dataset(
        data, config, split=split, batch_size=1, training=True, seed=seed
    )
    taken = dataset.take(count).as_numpy_iterator()
    return np.concatenate([clip for clip, _ in taken])


def generated_clips(
    config: TakesClips, count: int, seed: int, *, of_objects: bool = False
) -> np.ndarray:
    """Renders clips for use without videos; see `video_clips`.

    Args:
        config: The config with the number and the size of frames.
        count: The number of clips.
        seed: The seed of the random choice.
        of_objects: Show moving objects, for a detector, and not gestures.
    """
    clips = []
    length = config.clip.num_segments
    for number in range(count):
        if of_objects:
            video = objects.draw_video(
                seed + number, num_frames=length, size=96
            )
            frames, _ = objects.render(video)
        else:
            gesture = draw_clip(LABELS[number % len(LABELS)], seed + number)
            frames = render(gesture)
        indices = segment_indices(len(frames), length).numpy()
        resized = resize_short_side(frames[indices], config.input.resize_size)
        clips.append(center_crop(resized, config.input.image_size))
    return np.stack(clips)
