"""NonLocalBlock: against loops over positions, and at its start."""

import h5py
import numpy as np
import pytest
import tensorflow as tf
from tensorflow import keras

from testing.layers import run_layer_test
from testing.numerics import relative_error
from tsm_keras.layers import NonLocalBlock

FRAMES, HEIGHT, WIDTH, CHANNELS = 3, 5, 4, 6


def random_frames(clips=2, seed=0):
    shape = (clips * FRAMES, HEIGHT, WIDTH, CHANNELS)
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


def random_block(seed=1):
    """Returns a block whose every weight matters."""
    block = NonLocalBlock(FRAMES)
    block.build((None, HEIGHT, WIDTH, CHANNELS))
    rng = np.random.default_rng(seed)
    block.set_weights(
        [rng.uniform(0.5, 1.5, w.shape) for w in block.get_weights()]
    )
    return block


def loops(block, clip):
    """The paper's equation 1, position by position, in float64."""
    clip = clip.astype(np.float64)
    theta, phi, g, projection = (
        lambda x, part=part: (
            x @ part.get_weights()[0][0, 0].astype(np.float64)
            + part.get_weights()[1]
        )
        for part in block.parts()[:4]
    )
    gamma, beta, mean, variance = block.batch_norm.get_weights()
    looked_at = []
    for frame in clip:
        for top in range(0, HEIGHT - 1, 2):
            for left in range(0, WIDTH - 1, 2):
                window = frame[top : top + 2, left : left + 2].reshape(4, -1)
                looked_at.append(
                    (phi(window).max(axis=0), g(window).max(axis=0))
                )
    outputs = np.empty_like(clip)
    for position in np.ndindex(clip.shape[:3]):
        scores = np.array([theta(clip[position]) @ key for key, _ in looked_at])
        weights = np.exp(scores - scores.max())
        weights /= weights.sum()
        y = sum(
            w * value for w, (_, value) in zip(weights, looked_at, strict=True)
        )
        normal = (projection(y) - mean) / np.sqrt(variance + block.epsilon)
        outputs[position] = clip[position] + gamma * normal + beta
    return outputs


def test_is_a_complete_keras_layer():
    inputs = random_frames()
    outputs = run_layer_test(
        NonLocalBlock,
        {"num_segments": FRAMES, "epsilon": 1e-3},
        inputs,
        expected_shape=inputs.shape,
        expected_weights=12,
        expected_trainable_weights=10,
    )
    # Its last normalization starts at zero: a new block changes nothing.
    np.testing.assert_array_equal(outputs, inputs)


def test_equals_loops_over_positions():
    block, frames = random_block(), random_frames()
    expected = [
        loops(block, frames[start : start + FRAMES])
        for start in range(0, len(frames), FRAMES)
    ]
    outputs = block(frames).numpy()
    assert relative_error(outputs, np.concatenate(expected)) <= 1e-5
    assert relative_error(outputs, frames) > 1e-2


def test_the_last_frame_matters_to_the_first_but_not_to_other_clips():
    block, frames = random_block(), random_frames()
    changed = frames.copy()
    changed[FRAMES - 1] += 1.0
    before, after = block(frames).numpy(), block(changed).numpy()
    assert np.abs(after[0] - before[0]).max() > 1e-4
    np.testing.assert_array_equal(after[FRAMES:], before[FRAMES:])


def test_unknown_batch_and_size():
    block, frames = random_block(), random_frames()
    run = tf.function(
        lambda x: block(x),
        input_signature=[tf.TensorSpec([None, None, None, CHANNELS])],
    )
    np.testing.assert_allclose(run(frames), block(frames), rtol=1e-5)


@pytest.mark.parametrize(
    ("arguments", "shape", "message"),
    [
        ({"num_segments": 0}, None, "positive integer. Received: num_segments"),
        ({"num_segments": True}, None, "positive integer"),
        ({"num_segments": 1}, (1, 1, 4, 8), "at least 2.*Received: input_sh"),
        ({"num_segments": 1}, (1, 4, 4, 1), "at least 2"),
    ],
)
def test_refuses(arguments, shape, message):
    with pytest.raises(ValueError, match=message):
        NonLocalBlock(**arguments)(tf.zeros(shape))


def test_its_weights_are_written_once(tmp_path):
    inputs = keras.Input((4, 4, 6))
    model = keras.Model(inputs, NonLocalBlock(2, name="block")(inputs))
    path = tmp_path / "model.weights.h5"
    model.save_weights(path)
    written = []
    with h5py.File(path) as file:
        file.visititems(
            lambda name, item: written.append(getattr(item, "size", 0))
        )
    assert sum(written) == model.count_params()
