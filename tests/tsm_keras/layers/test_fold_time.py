"""FoldTime: clips to frames."""

import numpy as np
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from testing.layers import run_layer_test
from tsm_keras.layers import FoldTime, UnfoldTime


def numbered(*shape):
    return np.arange(np.prod(shape), dtype=np.float32).reshape(shape)


def test_is_a_complete_keras_layer():
    inputs = numbered(2, 3, 4, 4, 5) / 500
    outputs = run_layer_test(FoldTime, {}, inputs, expected_shape=(6, 4, 4, 5))
    for clip in range(2):
        for frame in range(3):
            np.testing.assert_array_equal(
                outputs[3 * clip + frame], inputs[clip, frame]
            )


@given(
    batch=st.integers(1, 4),
    frames=st.integers(1, 5),
    rest=st.lists(st.integers(1, 3), max_size=3),
    dtype=st.sampled_from(["uint8", "int32", "float32"]),
)
@settings(deadline=None, max_examples=30)
def test_unfold_time_undoes_it(batch, frames, rest, dtype):
    clips = numbered(batch, frames, *rest).astype(dtype)
    folded = FoldTime()(tf.constant(clips))
    unfolded = UnfoldTime(frames)(folded)
    assert folded.shape == (batch * frames, *rest)
    assert unfolded.dtype == dtype
    np.testing.assert_array_equal(unfolded, clips)


def test_unknown_sizes():
    run = tf.function(
        FoldTime(), input_signature=[tf.TensorSpec([None, None, None, None, 3])]
    )
    clips = numbered(2, 3, 4, 5, 3)
    np.testing.assert_array_equal(run(clips), clips.reshape(6, 4, 5, 3))


def test_output_shape_is_known_only_where_batch_and_time_are():
    layer = FoldTime()
    assert tuple(layer.compute_output_shape((None, 8, 4, 3))) == (None, 4, 3)
    assert tuple(layer.compute_output_shape((2, None, 4, 3))) == (None, 4, 3)
    assert tuple(layer.compute_output_shape((2, 8, 4, 3))) == (16, 4, 3)
