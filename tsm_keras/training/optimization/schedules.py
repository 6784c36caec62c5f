"""learning_rate_schedule: a warm-up and then a cosine, steps or a constant."""

from typing import Any

import tensorflow as tf
from tensorflow import keras

from tsm_keras.training.config import TrainingConfig

_STEP_FACTOR = 0.1
_WARMUP_FROM = 0.1  # The share of the peak that the warm-up starts at.


def learning_rate_schedule(
    config: TrainingConfig, steps_per_epoch: int
) -> keras.optimizers.schedules.LearningRateSchedule:
    """Returns the learning rate as a function of the number of batches.

    Batches are counted even if gradients of several batches are accumulated.

    Args:
        config: The peak, schedule, warm-up and number of epochs.
        steps_per_epoch: The number of batches per epoch.
    """
    peak, steps = config.peak_rate, steps_per_epoch * config.epochs
    warmup = max(1, int(steps * config.warmup)) if config.warmup else 0
    if config.schedule != "step":
        return keras.optimizers.schedules.CosineDecay(
            initial_learning_rate=peak * _WARMUP_FROM if warmup else peak,
            decay_steps=max(1, steps - warmup),
            alpha=1.0 if config.schedule == "constant" else 0.0,
            warmup_target=peak if warmup else None,
            warmup_steps=warmup,
        )
    # The boundary itself still has the old value, so it is one batch earlier.
    after = keras.optimizers.schedules.PiecewiseConstantDecay(
        [epoch * steps_per_epoch - 1 for epoch in config.step_epochs],
        [
            peak * _STEP_FACTOR**falls
            for falls in range(len(config.step_epochs) + 1)
        ],
    )
    return WarmUp(after, peak, warmup) if warmup else after


@keras.utils.register_keras_serializable(package="tsm_keras")
class WarmUp(keras.optimizers.schedules.LearningRateSchedule):
    """A linear warm-up that replaces the first steps of another schedule.

    Args:
        after: The schedule from step `steps` on.
        peak: The learning rate at the end of the warm-up, which starts at a
            tenth of it.
        steps: The number of steps of the warm-up.
    """

    def __init__(self, after: Any, peak: float, steps: int):
        self.after, self.peak, self.steps = after, peak, steps

    def __call__(self, step: Any) -> tf.Tensor:
        done = tf.cast(step, tf.float32) / self.steps
        rising = self.peak * (_WARMUP_FROM + (1 - _WARMUP_FROM) * done)
        return tf.where(done < 1, rising, self.after(step))

    def get_config(self) -> dict[str, Any]:
        return {
            "after": keras.utils.serialize_keras_object(self.after),
            "peak": self.peak,
            "steps": self.steps,
        }

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> "WarmUp":
        after = keras.utils.deserialize_keras_object(config.pop("after"))
        return cls(after, **config)
