import numpy as np
import tensorflow as tf

from testing.layers import run_layer_test
from tsm_keras.layers.running_mean import MeanSoFar, RunningMean


def random_features(*shape):
    return np.random.default_rng(0).normal(size=shape).astype(np.float32)


def test_is_a_complete_keras_layer():
    run_layer_test(
        RunningMean,
        {},
        (random_features(2, 3, 3, 4), np.abs(random_features(2, 3, 3, 5))),
        expected_shape=((2, 3, 3, 4), (2, 3, 3, 5)),
    )


def test_averages_all_frames_so_far():
    frames = random_features(6, 2, 5)  # Six frames of two streams.
    layer, cache = RunningMean(), tf.zeros([2, 6])
    for frame in range(6):
        mean, cache = layer((tf.constant(frames[frame]), cache))
        np.testing.assert_allclose(
            mean, frames[: frame + 1].mean(axis=0), rtol=1e-5, atol=1e-6
        )


def test_a_clip_has_the_means_of_its_stream():
    clips = random_features(2, 4, 3)
    found = run_layer_test(
        MeanSoFar,
        {"num_segments": 4},
        clips.reshape(8, 3),
        expected_shape=(8, 3),
    )
    for frame in range(4):
        expected = clips[:, : frame + 1].mean(axis=1)
        np.testing.assert_allclose(
            found.reshape(clips.shape)[:, frame], expected, rtol=1e-5, atol=1e-6
        )
