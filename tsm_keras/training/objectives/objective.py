"""Objective: what the training of a network depends on by its task."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, Protocol

import numpy as np
from tensorflow import keras

from tsm_keras.models.time import full_precision
from tsm_keras.training.config import TrainingConfig


class Monitor(NamedTuple):
    """The validation metric that tells the best epoch.

    Attributes:
        name: Its name in the logs of Keras.
        sign: 1 if its highest value is the best, -1 if its lowest is.
    """

    name: str = "val_top1"
    sign: int = 1

    def best(self, values: Sequence[float]) -> float:
        """Returns the best value; the worst possible one if there is none."""
        return self.sign * max(
            (self.sign * value for value in values), default=-np.inf
        )


TOP1 = Monitor()


class Objective(Protocol):
    """What a network learns: its labels, its loss and its metrics.

    Keras computes losses and metrics per output, and none of several outputs
    together. So a network with several outputs is trained through
    `with_one_output`, and its labels are joined in the same way.
    """

    def check(self, config: TrainingConfig) -> None:
        """Checks that the task supports the settings of a training.

        Raises:
            ValueError: If it does not support one of them.
        """

    def joined(self, data: Any) -> Any:
        """Returns batches whose labels fit `with_one_output`.

        Args:
            data: Batches of clips and labels. Other objects, and data whose
                labels are joined already, are returned unchanged.
        """

    def loss(
        self,
        config: TrainingConfig,
        clips_per_label: Sequence[Sequence[int]] | None = None,
    ) -> Callable[[Any, Any], Any]:
        """Returns the loss, a function of joined labels and the one output.

        Args:
            config: The settings of the training.
            clips_per_label: As in `fit`.

        Raises:
            ValueError: If `config` needs other `clips_per_label`, or `check`
                refuses it.
        """

    def metrics(self, config: TrainingConfig) -> list[keras.metrics.Metric]:
        """Returns the metrics of training."""

    def monitor(self, best_by: str) -> Monitor:
        """Returns the metric that tells the best epoch.

        Args:
            best_by: As in `TrainingConfig`.
        """


def with_one_output(model: keras.Model) -> keras.Model:
    """Returns a model with all outputs side by side, along their channels.

    It shares its layers with `model`, and is `model` if there is one output.
    """
    if len(model.outputs) == 1:
        return model
    with model.distribute_strategy.scope():
        outputs = keras.layers.Concatenate(
            dtype=full_precision(), name="all_outputs"
        )([model.output[name] for name in model.video_config.outputs])
        joined = keras.Model(model.inputs[0], outputs, name=model.name)
    joined.video_config = model.video_config
    return joined
