"""build_optimizer: AdamW or SGD, with a learning rate per variable."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import tensorflow as tf
from tensorflow import keras

from tsm_keras.keras_version import KERAS_3
from tsm_keras.models.config.head import belongs_to_head
from tsm_keras.models.weights import leaf_layers, unwrapped
from tsm_keras.training.config import TrainingConfig
from tsm_keras.training.optimization.freezing import is_frozen
from tsm_keras.training.optimization.schedules import learning_rate_schedule


class PerVariable(NamedTuple):
    """The rule by which an optimizer changes one variable.

    Attributes:
        rate: Multiplier of the learning rate.
        decay: Weight decay. SGD adds this multiple of the variable to its
            gradient; AdamW subtracts it, times the learning rate, from the
            variable.
        first_step: The first step that changes the variable. Accumulated
            batches count as one step.
    """

    rate: float = 1.0
    decay: float = 0.0
    first_step: int = 0


def build_optimizer(
    model: keras.Model, config: TrainingConfig, steps_per_epoch: int
) -> keras.optimizers.Optimizer:
    """Returns the optimizer for the trainable weights of a clip model.

    Args:
        model: The model to train, after `freeze`.
        config: The optimizer and its settings.
        steps_per_epoch: The number of batches per epoch.

    Raises:
        ValueError: If `check_keras` refuses the config.
    """
    check_keras(config, tf.distribute.get_strategy().num_replicas_in_sync)
    options: dict[str, Any] = {
        "global_clipnorm": config.clip_norm or None,
        **({"use_ema": True, "ema_momentum": config.ema} if config.ema else {}),
    }
    if config.accumulate > 1:
        options["gradient_accumulation_steps"] = config.accumulate
    rate = learning_rate_schedule(config, steps_per_epoch)
    options["variables"] = model.trainable_variables
    options["rules"] = per_variable(model, config, steps_per_epoch)
    if config.optimizer == "adamw":
        return PerVariableAdamW(rate, **options)
    return PerVariableSGD(rate, momentum=config.momentum, **options)


def per_variable(
    model: keras.Model, config: TrainingConfig, steps_per_epoch: int
) -> list[PerVariable]:
    """Returns the rule of each trainable variable of a model, in order."""
    # `iterations` counts steps, of which one has `accumulate` batches. A step
    # with batches of two epochs happens in the later one.
    thaws = config.frozen_epochs * steps_per_epoch // config.accumulate
    rules = {}
    for name, layer in leaf_layers(model):
        frozen = is_frozen(model, name, config)
        for weight in layer.trainable_weights:
            rate = config.classifier_rate if belongs_to_head(name) else 1.0
            if weight is getattr(unwrapped(layer), "bias", None):
                rate *= config.bias_rate
            is_kernel = len(weight.shape) > 1
            rules[id(weight)] = PerVariable(
                rate,
                config.weight_decay if is_kernel else 0.0,
                thaws if frozen else 0,
            )
    return [rules[id(weight)] for weight in model.trainable_weights]


class _GlobalGradients:
    """Clips and changes gradients after their sum over all devices."""

    # Both versions of Keras call this method with accumulated gradients, just
    # before they are applied. Keras 3 calls it before the sum over devices.
    def _clip_gradients(self, grads: Sequence[Any]) -> list[Any]:
        context = tf.distribute.get_replica_context()
        devices = context.num_replicas_in_sync if context and KERAS_3 else 1
        if devices > 1:
            grads = context.all_reduce(tf.distribute.ReduceOp.SUM, list(grads))
        changed = self._change(super()._clip_gradients(list(grads)))  # type: ignore[misc]
        # Keras sums over devices once more, which gives the same gradients.
        return [x / devices for x in changed] if devices > 1 else changed

    def _change(self, grads: Sequence[Any]) -> list[Any]:
        return list(grads)


class PerVariableSGD(_GlobalGradients, keras.optimizers.SGD):
    """SGD with a learning rate and a weight decay per variable.

    SGD receives `rate * (clipped gradient + decay * variable)` as the gradient.
    The momentum of Keras includes the learning rate
    (`m <- momentum * m - lr * g`), so `rate` multiplies the learning rate.
    PyTorch applies the learning rate after the momentum; the two differ only in
    the steps after the learning rate changes.

    Args:
        learning_rate: Learning rate of a variable whose rule has `rate=1`.
        variables: All variables that will be trained, in order.
        rules: The rule of each variable.
        **options: Arguments of `keras.optimizers.SGD` except `weight_decay`.
    """

    def __init__(
        self,
        learning_rate: Any,
        *,
        variables: Sequence[Any],
        rules: Sequence[PerVariable],
        **options: Any,
    ):
        super().__init__(learning_rate, **options)
        # Inside a function, Keras does not track the variables as its own.
        self._ruled = lambda: list(zip(variables, rules, strict=True))

    def _change(self, grads: Sequence[Any]) -> list[Any]:
        changed = []
        for gradient, (variable, rule) in zip(
            grads, self._ruled(), strict=True
        ):
            if rule.decay:
                decay = rule.decay * tf.convert_to_tensor(variable)
                gradient = gradient + decay
            factor = _rate_now(rule, self.iterations)
            changed.append(gradient if factor is None else gradient * factor)
        return changed


class PerVariableAdamW(_GlobalGradients, keras.optimizers.AdamW):
    """AdamW with a learning rate and a weight decay per variable.

    The size of a step of Adam does not depend on the size of the gradient. So
    the whole step of a variable, with its decay, is multiplied by its rate, as
    in PyTorch's groups of parameters. While a variable does not learn yet, its
    moments follow its gradients, so that its first step has the usual size.

    Args:
        learning_rate: Learning rate of a variable whose rule has `rate=1`.
        variables: All variables that will be trained, in order.
        rules: The rule of each variable.
        **options: Arguments of `keras.optimizers.AdamW` except `weight_decay`.
    """

    def __init__(
        self,
        learning_rate: Any,
        *,
        variables: Sequence[Any],
        rules: Sequence[PerVariable],
        **options: Any,
    ):
        super().__init__(learning_rate, weight_decay=0.0, **options)
        # Keras then decays nothing; `update_step` does, at the variable's rate.
        self.weight_decay = None
        keys = [self._var_key(variable) for variable in variables]
        # Inside a function, Keras does not track the rules as its state.
        self._ruled = lambda: dict(zip(keys, rules, strict=True))

    # Both versions of Keras call this method with the part of a variable on one
    # device; only Keras 3 passes the learning rate.
    def update_step(self, gradient: Any, variable: Any, *rest: Any) -> None:
        rule = self._ruled()[self._var_key(variable)]
        before = tf.convert_to_tensor(variable)
        if rule.decay:
            # The attribute of Keras 3 computes the schedule anew.
            rate = rest[0] if rest else self.learning_rate
            rate = tf.cast(rate, variable.dtype)
            variable.assign_sub(before * rule.decay * rate)
        super().update_step(gradient, variable, *rest)
        factor = _rate_now(rule, self.iterations)
        if factor is not None:
            step = tf.convert_to_tensor(variable) - before
            variable.assign(before + factor * step)


def _rate_now(rule, iterations):
    """Returns the multiplier of a rule at a step; None if it is always 1."""
    if rule.first_step:
        step = tf.convert_to_tensor(iterations)
        return tf.where(step < rule.first_step, 0.0, rule.rate)
    return None if rule.rate == 1 else rule.rate


def check_keras(config: TrainingConfig, devices: int) -> None:
    """Raises a ValueError if this version of Keras cannot train as configured.

    Args:
        config: The settings to check.
        devices: The number of devices that share a batch.
    """
    if config.accumulate > 1 and devices > 1:
        raise ValueError(
            "`accumulate` must be 1 if several devices share a batch. "
            f"Received: accumulate={config.accumulate}"
        )
    for field, neutral in (("ema", 0.0), ("accumulate", 1)):
        if not KERAS_3 and getattr(config, field) != neutral:
            raise ValueError(
                f"`{field}` must be {neutral} in tf_keras, which lacks this "
                f"option; Keras 3 can. Received: "
                f"{field}={getattr(config, field)}"
            )
