"""BatchNormalization: the stock layer's results from the fused kernel."""

import numpy as np
import pytest
import tensorflow as tf
from tensorflow import keras

from testing.layers import run_layer_test
from testing.numerics import relative_error
from tsm_keras.keras_version import KERAS_3
from tsm_keras.layers import BatchNormalization

Stock = keras.layers.BatchNormalization
CHANNELS = 5
MOMENTUM, EPSILON = 0.9, 1e-3


def features(*shape, dtype=np.float32):
    """Batches whose channels have means and deviations far from 0 and 1."""
    rng = np.random.default_rng(0)
    channels = shape[-1]
    scale, mean = rng.uniform(0.5, 3, channels), rng.normal(0, 2, channels)
    return (rng.normal(size=shape) * scale + mean).astype(dtype)


def random_weights():
    rng = np.random.default_rng(1)
    return [
        rng.uniform(0.5, 1.5, CHANNELS),
        rng.normal(0, 1, CHANNELS),
        rng.normal(0, 1, CHANNELS),
        rng.uniform(0.5, 1.5, CHANNELS),
    ]


def build(layer_class, shape, **arguments):
    layer = layer_class(momentum=MOMENTUM, epsilon=EPSILON, **arguments)
    layer.build(shape)
    weights = random_weights()
    if not layer.center:
        del weights[1]
    if not layer.scale:
        del weights[0]
    layer.set_weights(weights)
    return layer


def test_is_a_complete_keras_layer():
    run_layer_test(
        BatchNormalization,
        {"momentum": 0.8, "epsilon": 1e-4},
        features(4, 3, 3, CHANNELS),
        expected_shape=(4, 3, 3, CHANNELS),
        expected_weights=4,
        expected_trainable_weights=2,
    )


def test_is_the_stock_class_where_that_is_fused():
    """Quantization-aware training looks for the stock class of tf_keras."""
    if KERAS_3:
        assert issubclass(BatchNormalization, Stock)
        assert BatchNormalization is not Stock
        assert BatchNormalization.__name__ == Stock.__name__
    else:
        assert BatchNormalization is Stock


def graph_operations(layer, inputs, training):
    run = tf.function(lambda x: layer(x, training=training))
    graph = run.get_concrete_function(inputs).graph
    return {operation.type for operation in graph.get_operations()}


def test_training_graph_has_the_fused_kernel():
    inputs = tf.constant(features(4, 3, 3, CHANNELS))
    layer = build(BatchNormalization, inputs.shape)
    assert "FusedBatchNormV3" in graph_operations(layer, inputs, True)
    if KERAS_3:  # The test can fail: the stock layer is not fused.
        stock = build(Stock, inputs.shape)
        assert "FusedBatchNormV3" not in graph_operations(stock, inputs, True)


def test_training_output_equals_the_stock_layer():
    inputs = features(6, 4, 3, CHANNELS)
    ours, stock = (
        build(c, inputs.shape)(tf.constant(inputs), training=True).numpy()
        for c in (BatchNormalization, Stock)
    )
    assert relative_error(ours, stock) <= 1e-5


def test_training_output_equals_numpy():
    inputs = features(6, 4, 3, CHANNELS)
    gamma, beta, *_ = random_weights()
    axes = (0, 1, 2)
    deviation = np.sqrt(inputs.var(axes) + EPSILON)
    expected = (inputs - inputs.mean(axes)) / deviation * gamma + beta
    layer = build(BatchNormalization, inputs.shape)
    outputs = layer(tf.constant(inputs), training=True)
    assert relative_error(outputs, expected) <= 1e-5


def test_moving_statistics_take_mean_and_unbiased_variance():
    inputs = features(3, 2, 2, CHANNELS)  # n = 12: n / (n - 1) is 1.09.
    layer = build(BatchNormalization, inputs.shape)
    layer(tf.constant(inputs), training=True)
    *_, old_mean, old_variance = random_weights()
    axes = (0, 1, 2)
    mean = MOMENTUM * old_mean + (1 - MOMENTUM) * inputs.mean(axes)
    kept = MOMENTUM * old_variance
    unbiased = kept + (1 - MOMENTUM) * inputs.var(axes, ddof=1)
    biased = kept + (1 - MOMENTUM) * inputs.var(axes)
    *_, moving_mean, moving_variance = layer.get_weights()
    assert relative_error(moving_mean, mean) <= 1e-5
    assert relative_error(moving_variance, unbiased) <= 1e-5
    assert relative_error(moving_variance, biased) > 1e-3


def test_moving_mean_equals_the_stock_layer():
    inputs = features(3, 2, 2, CHANNELS)
    means = []
    for layer_class in (BatchNormalization, Stock):
        layer = build(layer_class, inputs.shape)
        layer(tf.constant(inputs), training=True)
        means.append(layer.get_weights()[2])
    assert relative_error(*means) <= 1e-5


def test_gradients_equal_the_stock_layer():
    inputs = tf.constant(features(6, 4, 3, CHANNELS))
    upstream = np.random.default_rng(2).normal(size=inputs.shape)
    upstream = tf.constant(upstream, tf.float32)
    gradients = []
    for layer_class in (BatchNormalization, Stock):
        layer = build(layer_class, inputs.shape)
        with tf.GradientTape() as tape:
            tape.watch(inputs)
            outputs = layer(inputs, training=True)
        weights = [layer.gamma, layer.beta]
        if KERAS_3:
            weights = [weight.value for weight in weights]
        gradients.append(tape.gradient(outputs, [inputs, *weights], upstream))
    for ours, stock in zip(*gradients, strict=True):
        assert relative_error(ours, stock) <= 1e-4


def test_inference_equals_the_stock_layer():
    inputs = tf.constant(features(6, 4, 3, CHANNELS))
    layer = build(BatchNormalization, inputs.shape)
    stock = build(Stock, inputs.shape)
    np.testing.assert_array_equal(
        layer(inputs, training=False), stock(inputs, training=False)
    )
    np.testing.assert_array_equal(layer(inputs), stock(inputs))
    for kept, given in zip(layer.get_weights(), random_weights(), strict=True):
        np.testing.assert_allclose(kept, given, rtol=1e-6)


@pytest.mark.parametrize(
    ("shape", "arguments"),
    [
        ((6, CHANNELS, 4, 3), {"axis": 1}),
        ((8, CHANNELS), {}),
        ((4, 6, CHANNELS), {}),
        ((2, 3, 4, 3, CHANNELS), {}),
        ((6, 4, 3, CHANNELS), {"scale": False}),
        ((6, 4, 3, CHANNELS), {"center": False}),
        ((6, 4, 3, CHANNELS), {"trainable": False}),
        ((6, 4, 3, CHANNELS), {"dtype": "float64"}),
    ],
    ids=lambda value: str(value).replace(" ", ""),
)
def test_other_cases_equal_the_stock_layer(shape, arguments):
    """Where the fused kernel does not fit, in outputs and statistics."""
    dtype = arguments.get("dtype", "float32")
    inputs = tf.constant(features(*shape), dtype)
    ours = build(BatchNormalization, shape, **arguments)
    stock = build(Stock, shape, **arguments)
    outputs = ours(inputs, training=True)
    expected = stock(inputs, training=True)
    assert outputs.dtype == expected.dtype
    assert relative_error(outputs, expected) <= 1e-5
    for mine, theirs in zip(
        ours.get_weights(), stock.get_weights(), strict=True
    ):
        assert relative_error(mine, theirs) <= 1e-5


def test_mask_is_respected():
    shape = (4, 3, 2, CHANNELS)
    inputs = tf.constant(features(*shape))
    mask = tf.constant(np.random.default_rng(3).random(shape[:-1]) < 0.5)
    ours, stock = build(BatchNormalization, shape), build(Stock, shape)
    outputs = ours(inputs, training=True, mask=mask)
    expected = stock(inputs, training=True, mask=mask)
    assert relative_error(outputs, expected) <= 1e-5
    if KERAS_3:  # tf_keras ignores the mask of an image.
        unmasked = stock(inputs, training=True)
        assert relative_error(outputs, unmasked) > 1e-3


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_mixed_precision_trains_close_to_float32(dtype):
    inputs = features(6, 4, 3, CHANNELS)
    policy = keras.mixed_precision.Policy(f"mixed_{dtype}")
    mixed = build(BatchNormalization, inputs.shape, dtype=policy)
    full = build(BatchNormalization, inputs.shape)
    outputs = mixed(tf.constant(inputs), training=True)
    expected = full(tf.constant(inputs), training=True)
    assert outputs.dtype == dtype
    outputs = tf.cast(outputs, tf.float32)
    tolerance = {"float16": 4e-3, "bfloat16": 3e-2}[dtype]
    assert relative_error(outputs, expected) <= tolerance
    for mine, theirs in zip(
        mixed.get_weights(), full.get_weights(), strict=True
    ):
        assert mine.dtype == np.float32
        assert relative_error(mine, theirs) <= tolerance


def test_many_steps_move_the_statistics_to_those_of_the_data():
    inputs = features(64, 2, 2, CHANNELS)
    layer = build(BatchNormalization, inputs.shape)
    step = tf.function(lambda x: layer(x, training=True))
    for _ in range(150):
        step(tf.constant(inputs))
    *_, mean, variance = layer.get_weights()
    axes = (0, 1, 2)
    assert relative_error(mean, inputs.mean(axes)) <= 1e-4
    assert relative_error(variance, inputs.var(axes, ddof=1)) <= 1e-4
