"""conv_batch_norm: convolutions that pad as PyTorch pads."""

import numpy as np
import pytest
from tensorflow import keras

from testing.models import randomize
from testing.numerics import relative_error
from tsm_keras.models.backbones.convolution import conv_batch_norm


def convolve(images, kernel, stride, pad):
    """Cross-correlation with `pad` zeros on every side, as PyTorch has it."""
    size = kernel.shape[0]
    images = np.pad(images, [(0, 0), (pad, pad), (pad, pad), (0, 0)])
    height, width = images.shape[1:3]
    rows = []
    for top in range(0, height - size + 1, stride):
        row = []
        for left in range(0, width - size + 1, stride):
            patch = images[:, top : top + size, left : left + size]
            row.append(np.tensordot(patch, kernel, 3))
        rows.append(np.stack(row, axis=1))
    return np.stack(rows, axis=1)


def build(size, kernel_size, **arguments):
    images = keras.Input((size, size, 3))
    outputs = conv_batch_norm(
        images,
        4,
        kernel_size,
        name="conv",
        batch_norm_name="bn",
        **arguments,
    )
    model = keras.Model(images, outputs)
    randomize(model, seed=0)
    return model


@pytest.mark.parametrize("size", [8, 9])
@pytest.mark.parametrize("kernel_size", [1, 3, 7])
@pytest.mark.parametrize("stride", [1, 2])
def test_symmetric_padding_equals_pytorch(size, kernel_size, stride):
    model = build(size, kernel_size, stride=stride)
    images = np.random.default_rng(1).normal(size=(2, size, size, 3))
    kernel = model.get_layer("conv").get_weights()[0]
    gamma, beta, mean, variance = model.get_layer("bn").get_weights()
    expected = convolve(images, kernel, stride, pad=kernel_size // 2)
    expected = (expected - mean) / np.sqrt(variance + 1e-5) * gamma + beta
    assert relative_error(model(images.astype(np.float32)), expected) <= 1e-5


def test_same_padding_at_stride_2_is_another():
    """On even sizes TensorFlow pads at the bottom and right only."""
    symmetric = build(8, 3, stride=2)
    same = build(8, 3, stride=2, stride_padding="same")
    images = np.random.default_rng(1).normal(size=(1, 8, 8, 3))
    outputs = [model(images.astype(np.float32)) for model in (symmetric, same)]
    assert outputs[0].shape == outputs[1].shape
    assert relative_error(*outputs) > 1e-2


@pytest.mark.parametrize(
    ("activation", "least", "most"),
    [(None, -np.inf, np.inf), ("relu", 0.0, np.inf), ("relu6", 0.0, 6.0)],
)
def test_activation(activation, least, most):
    model = build(8, 3, activation=activation)
    images = 20 * np.random.default_rng(1).normal(size=(1, 8, 8, 3))
    plain = build(8, 3)(images.astype(np.float32))
    np.testing.assert_allclose(
        model(images.astype(np.float32)), np.clip(plain, least, most)
    )
    assert np.min(plain) < -1 and np.max(plain) > 7


def test_moving_averages_take_a_tenth_a_step():
    """Momentum 0.1 in PyTorch's sense, 0.9 in that of Keras."""
    assert build(8, 3).get_layer("bn").momentum == 0.9
