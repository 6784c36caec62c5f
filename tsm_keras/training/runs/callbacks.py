"""Callbacks: write presets, seed epochs, stop on signals, contain errors."""

import concurrent.futures
import functools
import pathlib
import signal
from collections.abc import Sequence
from typing import Any

import numpy as np
from tensorflow import keras

from tsm_keras.models.clip import build_clip_model
from tsm_keras.models.presets import save_preset
from tsm_keras.training.objectives.objective import (
    TOP1,
    Monitor,
    with_one_output,
)

_STOPPING = (signal.SIGINT, signal.SIGTERM)


def harmless(callback: keras.callbacks.Callback) -> keras.callbacks.Callback:
    """Keeps the errors of an optional callback from ending a run.

    Args:
        callback: The callback, which is changed: its first error is printed as
            a warning, and from then on the callback does nothing.

    Returns:
        The same callback.
    """
    broken = False

    def guarded(method):
        @functools.wraps(method)
        def call(*arguments, **options):
            nonlocal broken
            if broken:
                return
            try:
                method(*arguments, **options)
            except Exception as error:
                broken = True
                print(
                    f"\nwarning: {type(callback).__name__} failed and writes "
                    f"no more for TensorBoard; training continues: {error!r}",
                    flush=True,
                )

        return call

    for name in dir(callback):
        if name.startswith("on_"):
            setattr(callback, name, guarded(getattr(callback, name)))
    return callback


class SavePresets(keras.callbacks.Callback):
    """Writes the preset `last` after each epoch, and `best` after the best one.

    Args:
        folder: The folder of the two presets.
        provenance: The provenance to store, as in `save_preset`.
        monitor: The metric that tells the best epoch.
        past: The values of this metric so far, in a run that is continued.
        swap: The callback that puts the averaged weights in place while they
            are saved; None if weights are not averaged.
        writes: False for a worker that takes part but writes nothing.
    """

    def __init__(
        self,
        folder: pathlib.Path,
        provenance: dict[str, Any],
        *,
        monitor: Monitor = TOP1,
        past: Sequence[float] = (),
        swap: Any = None,
        writes: bool = True,
    ):
        super().__init__()
        self._folder, self._provenance = folder, provenance
        self._monitor, self._best = monitor, monitor.best(past)
        self._swap, self._writes = swap, writes
        self._plain: keras.Model | None = None

    def on_epoch_end(self, epoch, logs=None):
        names = ["last"]
        # With several heads there is one top-1 per head, and that of all heads.
        name, sign = self._monitor
        found = {
            key: float(value)
            for key, value in (logs or {}).items()
            if key == name or (key[:4] == "val_" and key.endswith("top1"))
        }
        value = found.get(name)
        if value is not None and sign * value > sign * self._best:
            self._best = value
            names.append("best")
        if self._swap:
            self._swap.set_model(self.model)
            self._swap.set_params(self.params)
            self._swap.on_epoch_end(epoch, logs)
        # Reading the weights needs all workers.
        weights = self.model.get_weights()
        if self._swap:
            self._swap.on_epoch_begin(epoch + 1, logs)
        if not self._writes:
            return
        provenance = {**self._provenance, "epoch": epoch + 1, **found}
        # A new thread has no distribution strategy, which would spread the
        # model to be saved over all devices and workers.
        with concurrent.futures.ThreadPoolExecutor(1) as pool:
            pool.submit(self._save, names, weights, provenance).result()

    def _save(self, names, weights, provenance):
        if self._plain is None:
            self._plain = build_clip_model(self.model.video_config)
        # The model in training has its weights in the order of this view.
        with_one_output(self._plain).set_weights(weights)
        for name in names:
            save_preset(
                self._plain,
                self._folder / name,
                provenance=provenance,
                overwrite=True,
            )


class SeedEpochs(keras.callbacks.Callback):
    """Seeds dropout in each epoch, because Keras 3 does not back up its state.

    Args:
        seed: The seed of the run.
    """

    def __init__(self, seed: int):
        super().__init__()
        self._seed = seed

    def on_epoch_begin(self, epoch, logs=None):
        for number, layer in enumerate(self.model.layers):
            if generator := getattr(layer, "seed_generator", None):
                sequence = np.random.SeedSequence([self._seed, epoch, number])
                state = sequence.generate_state(2, np.uint32)
                generator.state.assign(state)


class StopAfterEpoch(keras.callbacks.Callback):
    """Ends training after the epoch in which SIGTERM or Ctrl-C arrives.

    A second signal ends training at once. In both cases the last whole epoch is
    backed up. Signals are handled so inside the `with` block only; the old
    handlers return even if it ends by an error, when Keras calls no callback.

    Attributes:
        received: The first signal; None if there was none.
    """

    def __init__(self):
        super().__init__()
        self.received: signal.Signals | None = None
        self._handlers = {}

    def __enter__(self) -> "StopAfterEpoch":
        for number in _STOPPING:
            self._handlers[number] = signal.signal(number, self._receive)
        return self

    def __exit__(self, *_: Any) -> None:
        self.restore_handlers()

    def on_epoch_end(self, epoch, logs=None):
        if self.received:
            self.model.stop_training = True

    def restore_handlers(self):
        """Restores the old handlers of the signals."""
        for number, handler in self._handlers.items():
            signal.signal(number, handler)
        self._handlers = {}

    def _receive(self, number, frame):
        if self.received:
            self.restore_handlers()
            raise KeyboardInterrupt
        self.received = signal.Signals(number)
        print(
            f"\n{self.received.name}: training ends after this epoch and can "
            "be resumed. A second signal ends it at once and loses the epoch.",
            flush=True,
        )
