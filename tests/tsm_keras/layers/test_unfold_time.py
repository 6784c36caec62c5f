"""UnfoldTime: frames to clips."""

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from testing.layers import run_layer_test
from tsm_keras.layers import FoldTime, UnfoldTime


def numbered(*shape):
    return np.arange(np.prod(shape), dtype=np.float32).reshape(shape)


def test_is_a_complete_keras_layer():
    inputs = numbered(6, 4, 5) / 120
    outputs = run_layer_test(
        UnfoldTime, {"num_segments": 3}, inputs, expected_shape=(2, 3, 4, 5)
    )
    for clip in range(2):
        for frame in range(3):
            np.testing.assert_array_equal(
                outputs[clip, frame], inputs[3 * clip + frame]
            )


@given(
    batch=st.integers(1, 4),
    frames=st.integers(1, 5),
    rest=st.lists(st.integers(1, 3), max_size=3),
)
@settings(deadline=None, max_examples=30)
def test_fold_time_undoes_it(batch, frames, rest):
    inputs = numbered(batch * frames, *rest)
    np.testing.assert_array_equal(
        FoldTime()(UnfoldTime(frames)(tf.constant(inputs))), inputs
    )


def test_unknown_sizes():
    run = tf.function(
        UnfoldTime(3), input_signature=[tf.TensorSpec([None, None, 5])]
    )
    frames = numbered(6, 4, 5)
    np.testing.assert_array_equal(run(frames), frames.reshape(2, 3, 4, 5))


def test_refuses_a_batch_that_is_no_multiple():
    with pytest.raises((tf.errors.InvalidArgumentError, ValueError)):
        UnfoldTime(3)(tf.zeros([4, 5]))


@pytest.mark.parametrize("num_segments", [0, -1, 2.0, "8", None, True])
def test_refuses_num_segments(num_segments):
    with pytest.raises(ValueError, match="`num_segments`.*Received: num_seg"):
        UnfoldTime(num_segments)
