"""Optimizers agree with NumPy on a small sum of squares."""

import numpy as np
import pytest
import tensorflow as tf
from tensorflow import keras

from testing.models import small_config
from tsm_keras.models.clip import build_clip_model
from tsm_keras.training.config import TrainingConfig
from tsm_keras.training.optimization.freezing import freeze
from tsm_keras.training.optimization.optimizer import (
    PerVariable,
    PerVariableAdamW,
    PerVariableSGD,
    build_optimizer,
    per_variable,
)

REFERENCE = TrainingConfig(
    optimizer="sgd",
    learning_rate=0.1,
    schedule="step",
    step_epochs=(1,),
    warmup=0.0,
    weight_decay=1e-2,
    bias_rate=2.0,
    classifier_rate=5.0,
    clip_norm=20.0,
    epochs=2,
)


def _steps(variables, gradients, rules, rates, clip, momentum=0.9):
    """Computes the steps of the authors' code in NumPy."""
    velocities = [np.zeros_like(v) for v in variables]
    for step, rate in enumerate(rates):
        norm = np.sqrt(sum((g[step] ** 2).sum() for g in gradients))
        scale = min(1.0, clip / norm)
        for n, rule in enumerate(rules):
            change = gradients[n][step] * scale + rule.decay * variables[n]
            if step < rule.first_step:
                change = 0.0 * change
            velocities[n] = momentum * velocities[n] - rate * rule.rate * change
            variables[n] = variables[n] + velocities[n]
    return variables


@pytest.mark.parametrize("large", [False, True], ids=["small", "clipped"])
def test_steps_are_those_of_the_authors_code(large):
    rng = np.random.default_rng(0)
    rules = [
        PerVariable(1.0, 1e-2),  # A kernel,
        PerVariable(1.0, 0.0),  # a normalization's scale,
        PerVariable(2.0, 0.0),  # a bias,
        PerVariable(5.0, 1e-2),  # a new classifier,
        PerVariable(10.0, 0.0),  # its bias,
        PerVariable(1.0, 1e-2, first_step=1),  # a stage frozen at first.
    ]
    shapes = [(3, 4), (4,), (4,), (4, 2), (2,), (3, 3)]
    starts = [rng.normal(size=shape).astype(np.float32) for shape in shapes]
    scale = 50.0 if large else 0.1
    gradients = [
        scale * rng.normal(size=(2, *shape)).astype(np.float32)
        for shape in shapes
    ]
    variables = [tf.Variable(start) for start in starts]
    optimizer = PerVariableSGD(
        keras.optimizers.schedules.PiecewiseConstantDecay([0], [0.1, 0.01]),
        variables=variables,
        rules=rules,
        momentum=0.9,
        global_clipnorm=20.0,
    )
    for step in range(2):
        optimizer.apply_gradients(
            zip([g[step] for g in gradients], variables, strict=True)
        )
    expected = _steps(list(starts), gradients, rules, (0.1, 0.01), clip=20.0)
    for found, wanted in zip(variables, expected, strict=True):
        np.testing.assert_allclose(found.numpy(), wanted, rtol=2e-6, atol=1e-6)


def test_rules_of_a_network_are_those_of_the_authors_code():
    model = build_clip_model(small_config("resnet50", non_local=True))
    rules = per_variable(model, REFERENCE, steps_per_epoch=3)
    # In tf_keras the parts of a non-local block share their names.
    named = [
        (getattr(weight, "path", weight.name).split(":")[0], rule)
        for weight, rule in zip(model.trainable_weights, rules, strict=True)
    ]
    found = dict(named)
    plain = PerVariable(1.0, 1e-2)
    assert found["stem_conv/kernel"] == plain
    assert found["stem_bn/gamma"] == found["stem_bn/beta"] == PerVariable()
    assert found["classifier/kernel"] == PerVariable(5.0, 1e-2)
    assert found["classifier/bias"] == PerVariable(10.0, 0.0)
    non_local = [(name, rule) for name, rule in named if "non_local" in name]
    assert len(non_local) == 5 * 10
    for name, rule in non_local:
        if name.endswith("kernel"):
            assert rule == plain
        elif name.endswith("bias"):
            assert rule == PerVariable(2.0, 0.0)
        else:
            assert rule == PerVariable()


@pytest.mark.keras3_only  # tf_keras has neither; see below.
@pytest.mark.parametrize("optimizer", ["sgd", "adamw"])
def test_accumulated_batches_are_one_step(optimizer):
    """Two halves of a batch move the weights as the whole does."""
    config = TrainingConfig(
        optimizer=optimizer,
        learning_rate=0.1,
        schedule="constant",
        warmup=0.0,
        clip_norm=0.5,
        weight_decay=0.01,
    )
    halves = [np.float32([3.0, -1.0]), np.float32([1.0, 2.0])]
    ends = []
    for accumulate in (1, 2):
        model = keras.Sequential(
            [keras.Input((2,)), keras.layers.Dense(1, name="classifier")]
        )
        model.set_weights([np.float32([[1.0], [2.0]]), np.float32([0.5])])
        built = build_optimizer(
            model,
            TrainingConfig(**{**config.to_dict(), "accumulate": accumulate}),
            steps_per_epoch=4,
        )
        kernel = model.trainable_variables[0]
        batches = halves if accumulate == 2 else [np.mean(halves, axis=0)]
        for batch in batches:
            gradients = [batch.reshape(2, 1), np.zeros(1, np.float32)]
            built.apply_gradients(
                zip(gradients, model.trainable_variables, strict=True)
            )
        ends.append(kernel.numpy())
    np.testing.assert_allclose(ends[0], ends[1], rtol=1e-6)
    assert not np.allclose(ends[0], [[1.0], [2.0]])


@pytest.mark.keras3_only
@pytest.mark.parametrize("optimizer", ["sgd", "adamw"])
@pytest.mark.parametrize("steps_per_epoch", [4, 3], ids=["even", "odd"])
def test_stages_thaw_in_their_epoch_where_batches_are_accumulated(
    steps_per_epoch, optimizer
):
    config = TrainingConfig(
        epochs=5,
        optimizer=optimizer,
        frozen_stages=1,
        frozen_epochs=2,
        accumulate=2,
        schedule="constant",
        warmup=0.0,
    )
    model = keras.Sequential(
        [
            keras.Input((2,)),
            keras.layers.Dense(2, name="stem_dense"),
            keras.layers.Dense(1, name="classifier"),
        ]
    )
    model.video_config = small_config()  # Says where the stem is.
    built = build_optimizer(model, config, steps_per_epoch)
    variables = model.trainable_variables
    changed = []
    for _ in range(config.epochs * steps_per_epoch):
        before = variables[0].numpy()
        built.apply_gradients(
            [(np.ones(v.shape, np.float32), v) for v in variables]
        )
        changed.append(not np.array_equal(variables[0].numpy(), before))
    # Every second batch makes a step; those of the first two epochs do not
    # reach the stem.
    assert changed == [
        batch >= 2 * steps_per_epoch and batch % 2 == 1
        for batch in range(len(changed))
    ]


def _adamw(starts, gradients, rate, rules, betas=(0.9, 0.999)):
    """Loshchilov and Hutter, 2019, algorithm 2, as Keras rounds it."""
    ends = []
    for start, steps, rule in zip(starts, gradients, rules, strict=True):
        value = np.float64(start)
        first = second = np.zeros_like(value)
        for step, gradient in enumerate(steps, start=1):
            own = rate * rule.rate * (step > rule.first_step)
            value = value * (1 - own * rule.decay)
            first = betas[0] * first + (1 - betas[0]) * gradient
            second = betas[1] * second + (1 - betas[1]) * gradient**2
            correction = np.sqrt(1 - betas[1] ** step) / (1 - betas[0] ** step)
            value = value - own * correction * first / (np.sqrt(second) + 1e-7)
        ends.append(value)
    return ends


def test_adamw_multiplies_whole_steps_by_the_rates_of_variables():
    rng = np.random.default_rng(0)
    rules = [
        PerVariable(1.0, 0.5),  # A kernel,
        PerVariable(2.0, 0.0),  # a bias,
        PerVariable(5.0, 0.5),  # a new classifier,
        PerVariable(1.0, 0.5, first_step=2),  # a stage frozen at first,
        PerVariable(0.3, 0.5, first_step=1),  # and another one.
    ]
    shapes = [(3, 4), (4,), (4, 2), (3, 3), (2, 3)]
    starts = [rng.normal(size=shape).astype(np.float32) for shape in shapes]
    gradients = [
        rng.normal(size=(4, *shape)).astype(np.float32) for shape in shapes
    ]
    variables = [tf.Variable(start) for start in starts]
    optimizer = PerVariableAdamW(0.1, variables=variables, rules=rules)
    for step in range(4):
        optimizer.apply_gradients(
            zip([g[step] for g in gradients], variables, strict=True)
        )
        # Nothing moves a frozen stage, not even its decay.
        frozen = np.array_equal(variables[3].numpy(), starts[3])
        assert frozen == (step < 2)
    expected = _adamw(starts, gradients, 0.1, rules)
    for found, wanted in zip(variables, expected, strict=True):
        np.testing.assert_allclose(found.numpy(), wanted, rtol=1e-5, atol=1e-5)


def test_adamw_decays_kernels_and_neither_biases_nor_normalization():
    model = keras.Sequential(
        [
            keras.Input((3,)),
            keras.layers.Dense(4, name="hidden"),
            keras.layers.BatchNormalization(name="bn"),
            keras.layers.Dense(2, name="classifier"),
        ]
    )
    config = TrainingConfig(
        learning_rate=0.1, schedule="constant", warmup=0.0, weight_decay=0.5
    )
    optimizer = build_optimizer(model, config, steps_per_epoch=2)
    variables = model.trainable_variables
    rng = np.random.default_rng(0)
    starts = [rng.normal(size=v.shape).astype(np.float32) for v in variables]
    for variable, start in zip(variables, starts, strict=True):
        variable.assign(start)
    gradients = [
        rng.normal(size=(2, *v.shape)).astype(np.float32) for v in variables
    ]
    for step in range(2):
        optimizer.apply_gradients(
            zip([g[step] for g in gradients], variables, strict=True)
        )
    # Kernel and bias, scale and shift, kernel and bias.
    rules = [PerVariable(decay=decay) for decay in (0.5, 0, 0, 0, 0.5, 0)]
    expected = _adamw(starts, gradients, 0.1, rules)
    for found, wanted in zip(variables, expected, strict=True):
        # 1 - 0.999 has four digits in float32; the decay is a change of 5e-2.
        np.testing.assert_allclose(found.numpy(), wanted, rtol=1e-5, atol=1e-5)


@pytest.mark.tf_keras_only
@pytest.mark.parametrize("field", [{"ema": 0.9}, {"accumulate": 2}])
def test_tf_keras_refuses_what_it_cannot_do(field):
    model = build_clip_model(small_config(image_size=32))
    with pytest.raises(ValueError, match="Keras 3 can"):
        build_optimizer(model, TrainingConfig(**field), 1)


def test_frozen_parts_do_not_learn_and_normalize_as_in_inference():
    model = build_clip_model(small_config("resnet18"))
    config = TrainingConfig(batch_norm="partial", frozen_stages=3)
    freeze(model, config)
    names = {
        getattr(weight, "path", weight.name).split("/")[0]
        for weight in model.trainable_weights
    }
    assert names == {
        *(f"stage_{s:02d}_block_{b:02d}_conv_{c}" for s in (3, 4)
          for b in (0, 1) for c in (1, 2)),
        *(f"stage_{s:02d}_block_00_downsample_conv" for s in (3, 4)),
        "classifier",
    }  # fmt: skip
    freeze(model, TrainingConfig(batch_norm="partial"))
    learning = [
        layer.name
        for layer in model.layers
        if layer.name.endswith("bn") or "_bn_" in layer.name
        if layer.trainable and layer.trainable_weights
    ]
    assert learning == ["stem_bn"]
    normalization = model.get_layer("stage_01_block_00_bn_1")
    x = tf.random.stateless_normal([2, 4, 4, 64], [0, 1]) * 5 + 3
    before = normalization.get_weights()
    np.testing.assert_array_equal(
        normalization(x, training=True), normalization(x, training=False)
    )
    for one, other in zip(before, normalization.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)
    # Frozen at first: the optimizer holds its kernels until they may learn.
    thawing = TrainingConfig(
        optimizer="sgd", frozen_stages=1, frozen_epochs=3, epochs=5
    )
    freeze(model, thawing)
    rules = dict(
        zip(
            (w.shape for w in model.trainable_weights),
            per_variable(model, thawing, steps_per_epoch=7),
            strict=True,
        )
    )
    assert rules[(7, 7, 3, 64)].first_step == 21
    with pytest.raises(ValueError, match="at most 5"):
        freeze(model, TrainingConfig(frozen_stages=6))
