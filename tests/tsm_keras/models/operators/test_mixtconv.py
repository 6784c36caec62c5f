"""MixTConv: its start, its groups, and the paper's costs."""

import numpy as np
import pytest
import tensorflow as tf
from tensorflow import keras

from testing.models import count_weights
from tsm_keras.models.clip import build_clip_model
from tsm_keras.models.config import VideoClassifierConfig
from tsm_keras.models.multiply_adds import multiply_adds
from tsm_keras.models.operators.mixtconv import MixTConv, group_channels
from tsm_keras.models.operators.shift_start import ShiftStart
from tsm_keras.models.time import ClipTime


def start(frames, *, causal=False, channels=16):
    """Returns one row per channel, for a fold of two channels."""
    kernel = ShiftStart(8, causal=causal)((frames, 1, 1, channels))
    return np.array(kernel)[:, 0, 0].T


@pytest.mark.parametrize(
    ("frames", "folds"),
    [
        (1, ([1], [1], [1])),
        (3, ([1, 0, 0], [0, 0, 1], [0, 1, 0])),
        (5, ([1, 1, 0, 0, 0], [0, 0, 0, 1, 1], [0, 0, 1, 0, 0])),
        (
            7,
            (
                [1, 1, 1, 0, 0, 0, 0],
                [0, 0, 0, 0, 1, 1, 1],
                [0, 0, 0, 1, 0, 0, 0],
            ),
        ),
    ],
)
def test_kernels_start_as_the_authors_do(frames, folds):
    found = start(frames)
    for channel, fold in ((0, 0), (1, 0), (2, 1), (3, 1), (4, 2), (15, 2)):
        assert (found[channel] == folds[fold]).all()


def test_a_causal_start_takes_the_nearest_earlier_frames():
    """The present frame is the last one of the kernel."""
    found = start(5, causal=True)
    assert (found[:2] == [0, 0, 1, 1, 0]).all()
    assert (found[2:] == [0, 0, 0, 0, 1]).all()


def test_groups_are_contiguous_and_about_equal():
    assert group_channels(64, 4) == [(0, 16), (16, 32), (32, 48), (48, 64)]
    assert group_channels(11, 4) == [(0, 3), (3, 6), (6, 9), (9, 11)]
    with pytest.raises(ValueError, match="at least one channel per kernel"):
        group_channels(3, 4)


def plain_form(clips, kernels, *, dilation, causal):
    """The operator on `[B, T, H, W, C]` as a sum of shifted products."""
    length = clips.shape[1]
    results, first = [], 0
    for kernel in kernels:
        frames, *_, channels = kernel.shape
        group = clips[..., first : first + channels]
        first += channels
        before = (frames - 1 if causal else (frames - 1) // 2) * dilation
        after = (frames - 1) * dilation - before
        padded = tf.pad(group, [[0, 0], [before, after]] + [[0, 0]] * 3)
        parts = [
            padded[:, index * dilation : index * dilation + length]
            * kernel[index, 0, 0]
            for index in range(frames)
        ]
        results.append(tf.add_n(parts))
    return tf.concat(results, axis=-1)


@pytest.mark.parametrize("length", [4, 8])  # The longest kernel covers 7.
@pytest.mark.parametrize(
    ("kernels", "dilation", "causal"),
    [
        ((1, 3, 5, 7), 1, False),
        ((1, 3, 5, 7), 1, True),
        ((2, 4), 1, False),
        ((2, 3), 2, False),
        ((3,), 2, True),
    ],
)
def test_results_and_gradients_are_those_of_the_plain_form(
    kernels, dilation, causal, length
):
    """The gradients of the plain form are left to autodiff."""
    rng = np.random.default_rng(0)
    clips = rng.normal(size=(2, length, 3, 5, 11)).astype(np.float32)
    dilations = (dilation,) * len(kernels)
    operator = MixTConv(kernels, dilations, 8, causal=causal)
    frames = keras.Input((3, 5, 11))
    model = keras.Model(
        frames, operator(frames, ClipTime(length), name="block")
    )
    model.set_weights([rng.normal(size=w.shape) for w in model.get_weights()])
    weights = [tf.constant(weight) for weight in model.get_weights()]
    inputs, upstream = tf.constant(clips), rng.normal(size=clips.shape)
    with tf.GradientTape(persistent=True) as tape:
        tape.watch([inputs, *weights])
        found = tf.reshape(
            model(tf.reshape(inputs, (-1, 3, 5, 11))), clips.shape
        )
        expected = plain_form(inputs, weights, dilation=dilation, causal=causal)
        found_sum = tf.reduce_sum(found * upstream)
        expected_sum = tf.reduce_sum(expected * upstream)
    np.testing.assert_allclose(found, expected, atol=1e-5)
    variables = list(model.trainable_variables)
    for one, other in zip(
        tape.gradient(found_sum, [inputs, *variables]),
        tape.gradient(expected_sum, [inputs, *weights]),
        strict=True,
    ):
        np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-4)


def test_it_says_what_a_stream_must_know():
    causal = MixTConv((1, 3), (1, 4), 8, causal=True)
    assert (causal.ahead, causal.remembers) == (0, 8)
    assert MixTConv((1, 3), (1, 2), 8, causal=False).ahead == 2
    assert MixTConv((1,), (1,), 8, causal=False).ahead == 0


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"kernels": ()}, "kernels.*positive integers"),
        ({"kernels": (0,)}, "kernels.*positive integers"),
        ({"kernels": (3, 3), "dilations": (1,)}, "dilations.*one per kernel"),
        ({"operator": "conv1d"}, "kernels.*a single one"),
        ({"operator": "conv3d"}, "operator.*for X3D"),
        ({"backbone": "x3d", "operator": "shift"}, "operator.*for X3D"),
        ({"context": "clip", "causal": True}, "context.*whole clip"),
    ],
)
def test_a_config_refuses(fields, message):
    with pytest.raises(ValueError, match=message):
        VideoClassifierConfig(**{"num_classes": 2, **fields})


def test_parameters_are_those_of_resnet50_and_its_kernels():
    config = VideoClassifierConfig(
        num_classes=174, backbone="resnet50", operator="mixtconv"
    )
    found, _ = count_weights(build_clip_model(config))
    # torchvision's ResNet-50 with 174 instead of 1000 classes; the channels
    # that enter its 16 blocks, and kernels of 4 frames in the mean.
    network = 25_557_032 - (2048 + 1) * (1000 - 174)
    channels = (64 + 2 * 256) + (256 + 3 * 512)
    channels += (512 + 5 * 1024) + (1024 + 2 * 2048)
    assert found == network + 4 * channels == 23_917_038


# What table 5 of the paper has beyond TSN, in units of 10^9 for 8 frames.
PAPER = {
    (3,): 0.13,
    (5,): 0.23,
    (7,): 0.32,
    (1, 3): 0.09,
    (1, 3, 5): 0.13,
    (1, 3, 5, 7): 0.18,
}


@pytest.mark.slow
def test_costs_are_those_of_the_paper():
    """The totals of the paper are the 33G of TSN plus these differences.

    TSN has 32.70G, so only the differences can be compared. Two of the paper's
    figures are rounded up by 0.0002.
    """
    network = {"num_classes": 174, "backbone": "resnet50"}
    plain = multiply_adds(VideoClassifierConfig(**network, shift="none"))
    assert plain / 1e9 == pytest.approx(32.70, abs=0.005)
    for kernels, expected in PAPER.items():
        config = VideoClassifierConfig(
            **network, operator="mixtconv", kernels=kernels
        )
        extra = (multiply_adds(config) - plain) / 1e9
        assert extra == pytest.approx(expected, abs=0.0055), kernels
    dilated = VideoClassifierConfig(
        **network,
        operator="mixtconv",
        kernels=(3, 3, 3),
        dilations=(1, 2, 3),
    )
    assert (multiply_adds(dilated) - plain) / 1e9 == pytest.approx(
        0.13, abs=0.005
    )
