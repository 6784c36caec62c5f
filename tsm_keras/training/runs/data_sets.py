"""Opens the data of `tsm train`: clips with classes, or videos with boxes."""

import functools
from collections.abc import Callable
from typing import Any

import tensorflow as tf
from absl import flags
from tensorflow import keras

from tsm_keras.data.labels import Head
from tsm_keras.data.pipeline.boxed_clips import make_detection_dataset
from tsm_keras.data.pipeline.dataset import make_dataset
from tsm_keras.data.readers.boxed_reader import BoxedReader
from tsm_keras.data.readers.clip_reader import (
    ClipReader,
    data_heads,
    open_clips,
)
from tsm_keras.data.storage.prepared_dataset import is_prepared, open_prepared
from tsm_keras.models.config import NetworkConfig, VideoDetectorConfig
from tsm_keras.training.recipes import Recipe
from tsm_keras.training.starting_point import read_source


def holds_boxes(path: str) -> bool:
    """Returns whether a data set has boxes, for a detector."""
    return is_prepared(path) and open_prepared(path).boxes is not None


def open_split(
    flag_values: flags.FlagValues, split: str, **options: Any
) -> ClipReader:
    """Opens a split of the data of `--data`.

    Args:
        flag_values: The flags of `tsm train`.
        split: The name of the split.
        **options: Further arguments of `open_clips`.

    Raises:
        FileNotFoundError, VideoError, ValueError: As in `open_clips`.
    """
    if holds_boxes(flag_values.data):
        return BoxedReader(flag_values.data, split, cache=flag_values.cache)
    return open_clips(
        flag_values.data,
        split,
        max_bad_fraction=flag_values.max_bad_fraction,
        cache=flag_values.cache,
        flip_pairs=flag_values.flip_pairs,
        verbose=True,
        **options,
    )


def open_with_start(
    flag_values: flags.FlagValues, recipe: Recipe
) -> tuple[keras.Model | None, ClipReader]:
    """Returns the model of `--init`, or None, and the training clips.

    A head with the same classes in both takes the order of the model's.

    Args:
        flag_values: The flags of `tsm train`.
        recipe: As in `read_source`.

    Raises:
        FileNotFoundError, VideoError, ValueError, ImportError: As in
            `read_source` and `open_clips`.
    """
    if not flag_values.init or flag_values.init == "scratch":
        return None, open_split(flag_values, "train")
    # This comes before the check of the videos, which may take long.
    source = read_source(flag_values.init, recipe)
    of_model = source.video_config.label_lists
    found = data_heads(flag_values.data, "train")
    heads = [
        Head(of_model[head.name], head.name)
        if {*of_model.get(head.name, ())} == {*head.label_names}
        else head
        for head in found
    ]
    same = heads == [*found]
    clips = open_split(flag_values, "train", heads=None if same else heads)
    return source, clips


def batches(
    flag_values: flags.FlagValues,
    clips: ClipReader,
    split: str,
    config: NetworkConfig,
    recipe: Recipe,
) -> Callable[..., tf.data.Dataset]:
    """Returns a function that makes the batches of a split.

    Args:
        flag_values: The flags of `tsm train`.
        clips: The clips, from `open_split`.
        split: The split that they are, which is shuffled if it is `"train"`.
        config: The config of the network.
        recipe: The recipe of the training.

    Returns:
        `make_dataset` or `make_detection_dataset` without the arguments that
        depend on the devices: `batch_size`, `epochs`, `num_workers`, `worker`.
    """
    options: dict[str, Any] = {
        "training": split == "train",
        "seed": recipe.training.seed,
        "augmentation": recipe.augmentation,
        "shuffle_buffer": flag_values.shuffle_buffer,
    }
    if isinstance(clips, BoxedReader):
        assert isinstance(config, VideoDetectorConfig)  # The data have boxes.
        return functools.partial(
            make_detection_dataset,
            flag_values.data,
            config,
            split=split,
            cache=flag_values.cache,
            **options,
        )
    return functools.partial(
        make_dataset,
        clips,
        config,
        # One clip per video is enough to choose an epoch and to test;
        # `tsm evaluate` averages the views of a video.
        sampling=recipe.sampling.one_view(),
        **options,
    )
