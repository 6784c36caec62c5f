import numpy as np
import pytest
import tensorflow as tf

from testing.layers import run_layer_test
from tsm_keras.layers.scale_channels import ScaleChannels


def random_features(*shape):
    return np.random.default_rng(0).normal(size=shape).astype(np.float32)


def test_each_frame_has_its_factors():
    frames, factors = random_features(4, 3, 2, 5), random_features(4, 5)
    found = run_layer_test(
        ScaleChannels,
        {"num_segments": 1},
        (frames, factors),
        expected_shape=(4, 3, 2, 5),
    )
    np.testing.assert_allclose(found, frames * factors[:, None, None])


@pytest.mark.parametrize("clips", [1, 2])
def test_the_frames_of_a_clip_share_them(clips):
    frames, factors = random_features(3 * clips, 2, 2, 5), random_features(2, 5)
    found = ScaleChannels(3)((frames, tf.constant(factors[:clips])))
    expected = frames * np.repeat(factors[:clips], 3, axis=0)[:, None, None]
    np.testing.assert_allclose(found, expected)


def test_refuses_no_frames():
    with pytest.raises(ValueError, match="num_segments"):
        ScaleChannels(0)
