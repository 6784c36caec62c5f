"""train_in_folder: fit, with a folder that holds and recovers what it does."""

import dataclasses
import functools
import hashlib
import importlib.util
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import tensorflow as tf
from tensorflow import keras

from tsm_keras.models.clip import build_clip_model
from tsm_keras.models.presets import (
    load_preset,
    read_description,
    save_preset,
)
from tsm_keras.models.weights import copy_weights
from tsm_keras.training.backup import backup_callback, epochs_done
from tsm_keras.training.callbacks import (
    SavePresets,
    SeedEpochs,
    StopAfterEpoch,
)
from tsm_keras.training.clip_pictures import ClipPictures
from tsm_keras.training.config import TrainingConfig
from tsm_keras.training.distribute import (
    check_batch_size,
    distributed,
    distributed_test,
)
from tsm_keras.training.fit import MONITOR, early_stopping, fit
from tsm_keras.training.freezing import check_stages
from tsm_keras.training.optimizer import check_keras
from tsm_keras.training.quantization_aware import (
    check_nothing_frozen,
    fit_quantization_aware,
)
from tsm_keras.training.run_folder import RunFolder

_PICTURES = 4


@dataclasses.dataclass(frozen=True)
class Finished:
    """How a training ended.

    Attributes:
        complete: Whether there is nothing left to do.
        epochs: How many are done.
        signal: Number of the one that ended it early, 0 for none.
        model: What came out, None if it is not complete.
        provenance: For its preset.
        digest: Of the last weights, by which workers can be compared.
    """

    complete: bool
    epochs: int
    signal: int = 0
    model: keras.Model | None = None
    provenance: dict[str, Any] = dataclasses.field(default_factory=dict)
    digest: str = ""


def check_training(
    model: keras.Model,
    config: TrainingConfig,
    strategy: tf.distribute.Strategy,
    *,
    quantization_aware: bool = False,
) -> None:
    """Refuses what training would refuse, before anything is written.

    Args:
        model: What will be trained.
        config: How.
        strategy: From `make_strategy`.
        quantization_aware: Whether int8's roundings are trained.

    Raises:
        ValueError: If the model, this Keras or the devices cannot do it.
    """
    check_stages(model, config)
    check_keras(config, strategy.num_replicas_in_sync)
    check_batch_size(strategy, config.batch_size)
    if quantization_aware:
        check_nothing_frozen(config)


def train_in_folder(
    run: RunFolder,
    start: keras.Model,
    config: TrainingConfig,
    make_training: Callable[..., tf.data.Dataset],
    make_test: Callable[..., tf.data.Dataset],
    *,
    provenance: dict[str, Any],
    strategy: tf.distribute.Strategy | None = None,
    leads: bool = True,
    quantization_aware: bool = False,
    max_steps: int | None = None,
) -> Finished:
    """Trains, from the last backup on if the folder has one.

    Args:
        run: Where everything is written.
        start: The clip model with the weights to start from, built outside of
            the strategy's scope. It is not changed by distributed training.
        config: How.
        make_training: `make_dataset` without `batch_size`, `epochs`,
            `num_workers` and `worker`.
        make_test: The same.
        provenance: For the presets.
        strategy: From `make_strategy`.
        leads: False for a worker that leaves writing to another one.
        quantization_aware: Train with int8's roundings; writes no presets
            until the last epoch is done.
        max_steps: At most so many steps of each epoch and test.
    """
    strategy = strategy or tf.distribute.get_strategy()
    done = epochs_done(run.backup)
    if done:
        print(f"going on after epoch {done} of {config.epochs}", flush=True)
    steps = int(make_training(batch_size=config.batch_size).cardinality())
    steps = min(steps, max_steps or steps)
    if config.sync_batch_norm and strategy.num_replicas_in_sync == 1:
        config = dataclasses.replace(config, sync_batch_norm=False)
    test, test_steps = distributed_test(strategy, config.batch_size, make_test)
    past = test_top1(run, done)
    saves_presets = not quantization_aware
    signals = StopAfterEpoch()
    model = start
    if (done < config.epochs and not has_stopped(past, config.patience)) or (
        quantization_aware
    ):
        several = isinstance(
            strategy, tf.distribute.MultiWorkerMirroredStrategy
        )
        callbacks = run_callbacks(
            run,
            config,
            epochs_done=done,
            provenance=provenance,
            pictures=None if several else make_test(batch_size=1),
            label_names=start.video_config.labels,
            saves_presets=saves_presets,
            leads=leads,
        )
        if strategy is not tf.distribute.get_strategy():
            with strategy.scope():
                model = build_clip_model(start.video_config)
                copy_weights(start, model)
        train = fit_quantization_aware if quantization_aware else fit
        # One iterator for all epochs: each is what it is, whichever is first.
        epochs = range(done, max(config.epochs, done + 1))
        with signals:
            history = train(
                model,
                distributed(
                    strategy,
                    config.batch_size,
                    functools.partial(make_training, epochs=epochs),
                ),
                config,
                validation_data=test,
                steps_per_epoch=steps,
                validation_steps=min(test_steps, max_steps or test_steps),
                initial_epoch=done,
                callbacks=[*callbacks, signals],
            )
        done += len(history.epoch)
    if signals.received and done < config.epochs:
        return Finished(False, done, signals.received)
    # All workers take part in reading weights.
    digest = _digest(model)
    if not leads:
        return Finished(True, done, 0, None, {}, digest)
    if quantization_aware:
        provenance = {**provenance, "test_top1": test_top1(run, done)[-1]}
        last = run.preset("last")
        save_preset(model, last, provenance=provenance, overwrite=True)
    path = run.preset("best" if config.patience and saves_presets else "last")
    provenance = read_description(path)["provenance"]
    return Finished(True, done, 0, load_preset(path), provenance, digest)


def test_top1(run: RunFolder, epochs: int) -> list[float]:
    """Returns the test's top-1 after the first epochs of a run."""
    values = [float(row[MONITOR]) for row in run.epochs() if row.get(MONITOR)]
    return values[:epochs]


def run_callbacks(
    run: RunFolder,
    config: TrainingConfig,
    *,
    epochs_done: int,
    provenance: dict[str, Any],
    label_names: Sequence[str] = (),
    pictures: tf.data.Dataset | None = None,
    saves_presets: bool = True,
    leads: bool = True,
) -> list[keras.callbacks.Callback]:
    """Returns the callbacks of a training that has a run folder.

    Args:
        run: Where everything goes.
        config: How it is trained.
        epochs_done: Those that the last backup is after.
        provenance: For the presets.
        label_names: In the order of the logits.
        pictures: Whose first clips TensorBoard shows; None for none.
        saves_presets: Whether to write `presets/last` and `presets/best`.
        leads: False for a worker that leaves writing to another one.
    """
    past = test_top1(run, epochs_done)
    if leads:
        run.keep_epochs(epochs_done)
    callbacks: list[keras.callbacks.Callback] = [SeedEpochs(config.seed)]
    if leads:
        callbacks.append(keras.callbacks.CSVLogger(run.metrics, append=True))
        callbacks += _tensorboard(run, pictures, label_names)
    if config.patience:
        callbacks.append(early_stopping(config, past))
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
                best=max(past, default=float("-inf")),
                swap=swap,
                writes=leads,
            )
        )
    # What is above is as it was, if this is reached.
    callbacks.append(backup_callback(run.backup))
    return callbacks


def _digest(model):
    digest = hashlib.sha256()
    for weight in model.get_weights():
        digest.update(weight.tobytes())
    return digest.hexdigest()[:16]


def has_stopped(values: Sequence[float], patience: int) -> bool:
    """Whether early stopping ended training after these values."""
    if not patience or not values:
        return False
    return len(values) - 1 - int(np.argmax(values)) >= patience


def _tensorboard(run, pictures, label_names):
    if importlib.util.find_spec("tensorboard") is None:
        print(
            'no logs for TensorBoard: pip install "tsm-keras[tensorboard]"',
            flush=True,
        )
        return []
    callbacks = [
        keras.callbacks.TensorBoard(run.tensorboard, write_graph=False)
    ]
    if pictures is not None and label_names:
        shown = pictures.unbatch().take(_PICTURES).as_numpy_iterator()
        clips, labels = zip(*shown, strict=True)
        callbacks.append(
            ClipPictures(
                run.tensorboard, np.stack(clips), np.stack(labels), label_names
            )
        )
    return callbacks
