"""evaluate: the predictions of a model for a data set."""

import dataclasses
import os
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import tensorflow as tf
from tensorflow import keras

from tsm_keras.data.labels import Head, only_head
from tsm_keras.data.pipeline.views import ViewConfig
from tsm_keras.data.readers.clip_reader import (
    ClipReader,
    data_heads,
    held_out_split,
    open_clips,
)
from tsm_keras.evaluation.predictions import Predictions
from tsm_keras.evaluation.views import predict_heads
from tsm_keras.models.clip import with_frame_logits
from tsm_keras.models.config import HeadConfig, VideoClassifierConfig
from tsm_keras.models.presets import load_preset


class KerasPredictor:
    """A clip model as a function.

    It takes clips, `[B, T, S, S, C]` uint8, and returns the logits of every
    frame, `[B, T, K]` float32; with several heads, their logits side by side.

    Attributes:
        model: The clip model.
        config: The `VideoClassifierConfig` of the model.
    """

    def __init__(self, model: keras.Model):
        self.model = model
        self.config: VideoClassifierConfig = model.video_config
        # One trace serves batches of any size.
        shape = [None, *model.inputs[0].shape[1:]]
        self._run = tf.function(
            with_frame_logits(model),
            input_signature=[tf.TensorSpec(shape)],
            jit_compile=False,
        )

    def __call__(self, clips: np.ndarray) -> np.ndarray:
        outputs = self._run(tf.cast(clips, tf.float32))
        names = [f"frame_{head.output}" for head in self.config.heads]
        return side_by_side(outputs, names)


def side_by_side(
    outputs: Mapping[str, Any], names: Sequence[str]
) -> np.ndarray:
    """Returns the logits of all heads as one array.

    Args:
        outputs: The outputs of a network, by name.
        names: The names of the logits of each head.
    """
    return np.concatenate([outputs[name] for name in names], axis=-1)


def evaluate(
    model: keras.Model | str | os.PathLike,
    data: ClipReader | str | os.PathLike,
    views: ViewConfig | None = None,
    *,
    split: str | None = None,
    average: str = "logits",
    batch_size: int = 8,
    progress: Callable[[int, int], None] | None = None,
) -> Predictions | dict[str, Predictions]:
    """Returns the predictions of a clip model for a data set.

        predictions = tsm_keras.evaluate("presets/mine", "datasets/mine")
        print(tsm_keras.compute_metrics(predictions).top1)

    `tsm evaluate` also runs artifacts, averages several models and writes a
    report.

    Args:
        model: A clip model, or the folder of a preset.
        data: A data set of `prepare`, a folder of class folders with videos,
            or a reader from `open_clips`.
        views: The clips and crops that are taken from each video; None for one
            central clip.
        split: The split of `data`; by default the test split, or the
            validation split if there is no test split. A reader ignores it.
        average: What is averaged over the views of a video: `"logits"` or
            `"softmax"`, the probabilities.
        batch_size: The number of views per batch.
        progress: A function that is called with the number of videos done and
            of all videos.

    Returns:
        The predictions, with the names of the clips; with several heads, a
        dictionary of them by the names of the heads.

    Raises:
        ValueError, OSError: If the preset or the data cannot be read, or they
            do not fit each other.
    """
    if isinstance(model, (str, os.PathLike)):
        model = load_preset(model)
    predictor = KerasPredictor(model)
    config = predictor.config
    if isinstance(data, (str, os.PathLike)):
        split = split or held_out_split(data)
        data = open_clips(
            data,
            split,
            heads=heads_of_model(config.heads, data, split),
            may_lack=True,
            flow_pairs=max(config.input.channels // 2, 1),
        )
    predictions = predict_heads(
        predictor,
        data,
        config,
        views or ViewConfig(),
        average=average,
        batch_size=batch_size,
        progress=progress,
    )
    named = {
        name: dataclasses.replace(found, clip_names=data.clip_names)
        for name, found in predictions.items()
    }
    return named if len(named) > 1 else only_head([*named.values()])


def heads_of_model(
    heads: Sequence[HeadConfig], data: str | os.PathLike, split: str | None
) -> list[Head] | None:
    """Returns the heads of a model, as `open_clips` takes them.

    A head without class names gets those of the data. If that is the only head,
    the result is None, which means all classes of the data.
    """
    if len(heads) == 1:
        labels = heads[0].labels
        return [Head(labels)] if labels else None
    stored = {head.name: head for head in data_heads(data, split)}
    return [
        Head(head.labels, head.name)
        if head.labels
        else stored.get(head.name, Head((), head.name))
        for head in heads
    ]
