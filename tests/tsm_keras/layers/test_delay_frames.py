"""DelayFrames against a NumPy loop over the frames."""

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from testing.layers import run_layer_test
from testing.temporal_shift import fold_clips
from tsm_keras.layers.delay_frames import DelayFrames


def random_clips(*shape):
    return np.random.default_rng(0).normal(size=shape).astype(np.float32)


def delayed(clips, frames):
    found = np.zeros_like(clips)
    for frame in range(clips.shape[1]):
        if 0 <= frame - frames < clips.shape[1]:
            found[:, frame] = clips[:, frame - frames]
    return found


def test_is_a_complete_keras_layer():
    run_layer_test(
        DelayFrames,
        {"num_segments": 3, "frames": 1},
        random_clips(6, 2, 2, 4),
        expected_shape=(6, 2, 2, 4),
    )


@given(
    clips=st.integers(1, 3),
    length=st.integers(1, 6),
    frames=st.integers(-8, 8),
)
@settings(deadline=None, max_examples=40)
def test_takes_the_frame_so_many_frames_ago(clips, length, frames):
    """Alone, where time is the batch axis, and in a batch of clips."""
    x = random_clips(clips, length, 2, 3)
    found = DelayFrames(length, frames)(tf.constant(fold_clips(x)))
    np.testing.assert_array_equal(found, fold_clips(delayed(x, frames)))


@pytest.mark.parametrize("num_segments", [0, -1, 2.0, True])
def test_refuses_num_segments(num_segments):
    with pytest.raises(ValueError, match="`num_segments`.*Received"):
        DelayFrames(num_segments, 1)
