"""run_callbacks: the callbacks of a training, in the order that they need."""

import importlib.util
from typing import Any

import numpy as np
import tensorflow as tf
from tensorflow import keras

from tsm_keras.models.config import (
    VideoClassifierConfig,
    VideoDetectorConfig,
)
from tsm_keras.training.config import TrainingConfig
from tsm_keras.training.fit import early_stopping
from tsm_keras.training.objectives import objective_of
from tsm_keras.training.objectives.objective import Monitor
from tsm_keras.training.runs.backup import backup_callback
from tsm_keras.training.runs.callbacks import (
    SavePresets,
    SeedEpochs,
    harmless,
)
from tsm_keras.training.runs.clip_pictures import ClipPictures
from tsm_keras.training.runs.run_folder import RunFolder

_PICTURES = 4  # The number of clips in TensorBoard, each of another class.
_SEARCHED = 400  # The largest number of clips to decode to find them.


def run_callbacks(
    run: RunFolder,
    config: TrainingConfig,
    *,
    epochs_done: int,
    provenance: dict[str, Any],
    network: VideoClassifierConfig | VideoDetectorConfig,
    pictures: tf.data.Dataset | None = None,
    saves_presets: bool = True,
    leads: bool = True,
) -> list[keras.callbacks.Callback]:
    """Returns the callbacks of a training in a run folder.

    Args:
        run: The folder that everything is written into.
        config: Settings of training.
        epochs_done: The number of epochs before the last backup.
        provenance: The provenance of the presets.
        network: The config of the network.
        pictures: Batches of one clip, in the order of the validation data, from
            which TensorBoard shows one clip for each of several classes; None
            shows no clips.
        saves_presets: Whether to write `presets/last` and `presets/best`.
        leads: False for a worker that leaves all writing to another one.
    """
    monitor = objective_of(network).monitor(config.best_by)
    past = past_values(run, monitor, epochs_done)
    if leads:
        run.keep_epochs(epochs_done)
    callbacks: list[keras.callbacks.Callback] = [SeedEpochs(config.seed)]
    if leads:
        callbacks.append(keras.callbacks.CSVLogger(run.metrics, append=True))
    if config.patience:
        callbacks.append(early_stopping(config, past, monitor))
    if saves_presets:
        swap = (
            keras.callbacks.SwapEMAWeights(swap_on_epoch=True)
            if config.ema
            else None
        )
        callbacks.append(
            SavePresets(
                run.path / "presets",
                provenance,
                monitor=monitor,
                past=past,
                swap=swap,
                writes=leads,
            )
        )
    # The backup comes after all that it must include, and before TensorBoard,
    # whose failure must not lose an epoch.
    callbacks.append(backup_callback(run.backup))
    if leads:
        callbacks += _tensorboard(
            run, pictures, [*network.label_lists.values()]
        )
    return callbacks


def past_values(run: RunFolder, monitor: Monitor, epochs: int) -> list[float]:
    """Returns the value of a metric after each of the first epochs of a run.

    Args:
        run: The folder of the run.
        monitor: The metric, from `Objective.monitor`.
        epochs: The number of epochs.
    """
    found = [row.get(monitor.name) for row in run.epochs()]
    return [float(value) for value in found if value][:epochs]


def _tensorboard(run, pictures, label_lists):
    if importlib.util.find_spec("tensorboard") is None:
        print(
            'no logs for TensorBoard: pip install "tsm-keras[tensorboard]"',
            flush=True,
        )
        return []
    callbacks = [
        harmless(
            keras.callbacks.TensorBoard(run.tensorboard, write_graph=False)
        )
    ]
    if pictures is not None and all(label_lists):
        clips, labels = zip(*_one_per_class(pictures), strict=True)
        callbacks.append(
            harmless(
                ClipPictures(
                    run.tensorboard,
                    np.stack(clips),
                    np.stack(labels),
                    label_lists,
                )
            )
        )
    return callbacks


def _one_per_class(pictures):
    """Returns the first clip of each of the first few classes.

    With several heads, a class is a combination of their classes.
    """
    found = {}
    # Clips are stored class by class in folders, so the search is bounded.
    for clip, label in pictures.unbatch().take(_SEARCHED).as_numpy_iterator():
        found.setdefault(label.tobytes(), (clip, label))
        if len(found) == _PICTURES:
            break
    return list(found.values())
