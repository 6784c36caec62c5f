import numpy as np
import pytest
import tensorflow as tf

from testing.layers import run_layer_test
from tsm_keras.layers.channelwise_convolution import (
    ChannelwiseConvolution,
    frame_offsets,
)

CASES = [
    {"kernel_size": (3, 3, 3)},
    {"kernel_size": (3, 3, 3), "strides": 2, "causal": True},
    {"kernel_size": (5, 1, 1), "causal": True},
    {"kernel_size": (3, 1, 1), "dilation": 2},
    {"kernel_size": (4, 1, 3), "dilation": 1, "strides": 1},
]


def random_features(*shape):
    return np.random.default_rng(0).normal(size=shape).astype(np.float32)


def definition(clips, kernel, *, strides=1, dilation=1, causal=False):
    """The convolution, number by number; `[B, T, H, W, C]` in and out."""
    frames, height, width, _ = kernel.shape
    batch, length, rows, columns, channels = clips.shape
    ahead = 0 if causal else frames // 2
    found = np.zeros(
        (batch, length, -(-rows // strides), -(-columns // strides), channels)
    )
    for t, y, x in np.ndindex(found.shape[1:4]):
        for k, a, b in np.ndindex(frames, height, width):
            time = t + (k - (frames - 1 - ahead)) * dilation
            row = y * strides + a - height // 2
            column = x * strides + b - width // 2
            inside = 0 <= time < length and 0 <= row < rows
            if inside and 0 <= column < columns:
                pixel = clips[:, time, row, column]
                found[:, t, y, x] += pixel * kernel[k, a, b]
    return found


@pytest.mark.parametrize("arguments", CASES, ids=str)
def test_both_forms_are_the_convolution(arguments):
    """Of batches, of a clip alone, and of a list of frames."""
    clips = random_features(2, 6, 5, 4, 3)
    layer = ChannelwiseConvolution(**arguments, num_segments=6)
    found = layer(tf.reshape(clips, (12, 5, 4, 3)))
    kernel = layer.get_weights()[0]
    options = {k: v for k, v in arguments.items() if k != "kernel_size"}
    expected = definition(clips, kernel, **options)
    found = found.numpy().reshape(expected.shape)
    np.testing.assert_allclose(found, expected, atol=1e-5)
    alone = layer(tf.constant(clips[0]))
    np.testing.assert_allclose(alone, expected[0], atol=1e-5)

    plain = ChannelwiseConvolution(**arguments)
    offsets = frame_offsets(
        kernel.shape[0],
        options.get("dilation", 1),
        causal=options.get("causal", False),
    )
    empty = np.zeros_like(clips[:, 0])
    frames = [
        clips[:, 3 - offset] if 0 <= 3 - offset < 6 else empty
        for offset in offsets
    ]
    plain([tf.constant(frame) for frame in frames])
    plain.set_weights([kernel])
    np.testing.assert_allclose(plain(frames), expected[:, 3], atol=1e-5)


@pytest.mark.parametrize(
    "arguments",
    [
        {"kernel_size": (3, 3, 3), "strides": 2},
        {"kernel_size": (2, 1, 3), "dilation": 2},
        {"kernel_size": (4, 1, 1)},
        {"kernel_size": (3, 1, 1), "dilation": 2},
    ],
    ids=str,
)
def test_a_cache_replaces_the_earlier_frames(arguments):
    clips = random_features(2, 6, 5, 4, 3)
    layer = ChannelwiseConvolution(**arguments, causal=True, has_cache=True)
    cache = tf.zeros(layer.cache_shape((2, 5, 4, 3)))
    results = []
    for frame in clips.swapaxes(0, 1):
        result, cache = layer((tf.constant(frame), cache))
        results.append(result)
    options = {k: v for k, v in arguments.items() if k != "kernel_size"}
    (kernel,) = layer.get_weights()
    expected = definition(clips, kernel, **options, causal=True)
    np.testing.assert_allclose(tf.stack(results, 1), expected, atol=1e-5)


def test_is_a_complete_keras_layer():
    run_layer_test(
        ChannelwiseConvolution,
        {"kernel_size": (3, 3, 3), "strides": 2, "num_segments": 2},
        random_features(4, 6, 5, 3),
        expected_shape=(4, 3, 3, 3),
        expected_weights=1,
        expected_trainable_weights=1,
    )


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"kernel_size": (0, 3, 3)}, "kernel_size"),
        ({"kernel_size": (3, 2, 3)}, "must be odd.*Received: kernel_size"),
        ({"kernel_size": (3, 3, 3), "dilation": 0}, "dilation"),
        ({"kernel_size": (3, 3, 3), "num_segments": 0}, "num_segments"),
        ({"kernel_size": (3, 3, 3), "has_cache": True}, "must be causal"),
    ],
)
def test_refuses_sizes(arguments, message):
    with pytest.raises(ValueError, match=message):
        ChannelwiseConvolution(**arguments)


def test_refuses_another_number_of_frames():
    layer = ChannelwiseConvolution((3, 1, 1))
    with pytest.raises(ValueError, match="one tensor per frame.*2 tensors"):
        layer([tf.zeros([1, 2, 2, 4])] * 2)
