import numpy as np
import pytest
import tensorflow as tf

from testing.models import (
    float64,
    float64_twin,
    logits_of,
    random_clip_model,
    random_clips,
    rounding_tolerance,
    small_config,
)
from testing.numerics import FLOAT64_TOLERANCE, relative_error
from tsm_keras.layers.temporal_shift import TemporalShift
from tsm_keras.models.clip import to_single_clip


@pytest.mark.parametrize(
    ("backbone", "shift"),
    [
        ("mobilenet_v2", "bidirectional"),
        ("mobilenet_v2", "causal"),
        ("resnet18", "causal"),
        ("resnet18", "none"),
    ],
)
def test_equals_the_clip_model(backbone, shift):
    model = random_clip_model(backbone, shift=shift)
    clips = random_clips(small_config(backbone), clips=2)
    exact = float64_twin(model)
    single = to_single_clip(model)
    with float64():
        exact_single = to_single_clip(exact)
    for whole, one, tolerance in (
        (model, single, rounding_tolerance(model, clips)),
        (exact, exact_single, FLOAT64_TOLERANCE),
    ):
        expected, _ = logits_of(whole, clips)
        found = np.concatenate([one({"clip": c})["logits"] for c in clips])
        assert found.dtype == expected.dtype
        assert relative_error(found, expected) <= tolerance


def test_another_image_size_has_the_same_weights():
    model = random_clip_model()
    single = to_single_clip(model, image_size=96)
    assert single.inputs[0].shape == (4, 96, 96, 3)
    assert single.video_config.input.resize_size == 110  # 73 * 96 / 64
    assert single.count_params() == model.count_params()


@pytest.mark.parametrize("direction", ["bidirectional", "causal"])
def test_the_shift_of_one_clip_needs_no_fifth_axis(direction):
    """And is that of a batch of clips, gradient included."""
    shift = TemporalShift(4, 4, direction)
    frames = tf.random.stateless_normal([4, 5, 3, 8], seed=(0, 1))
    weights = tf.random.stateless_normal([4, 5, 3, 8], seed=(0, 2))
    in_a_batch = tf.function(
        shift, input_signature=[tf.TensorSpec([None, 5, 3, 8])]
    )
    alone = tf.function(shift, input_signature=[tf.TensorSpec([4, 5, 3, 8])])
    for function, rank in ((in_a_batch, 5), (alone, 4)):
        graph = function.get_concrete_function().graph
        ranks = {
            output.shape.rank
            for operation in graph.get_operations()
            for output in operation.outputs
        }
        assert max(ranks) == rank
    results = []
    for function in (in_a_batch, alone):
        with tf.GradientTape() as tape:
            tape.watch(frames)
            loss = tf.reduce_sum(weights * function(frames))
        results.append((function(frames), tape.gradient(loss, frames)))
    for expected, found in zip(*results, strict=True):
        np.testing.assert_array_equal(found, expected)
