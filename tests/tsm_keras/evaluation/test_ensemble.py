import dataclasses

import numpy as np
import pytest

from tsm_keras.evaluation.ensemble import combine, in_order_of
from tsm_keras.evaluation.predictions import Predictions, softmax

pytestmark = pytest.mark.keras3_only  # NumPy alone.
NAMES = ("a", "b", "c")


def make(seed, frames=4):
    random = np.random.default_rng(seed)
    logits = random.normal(size=(6, frames, 3)).astype(np.float32)
    files = tuple(f"/videos/{i}.mp4" for i in range(6))
    return Predictions(logits, np.array([0, 1, 2] * 2), NAMES, files)


def test_ensembles_average_probabilities_or_logits():
    first, second = make(0), make(1, frames=8)
    scores = [x.frame_logits.mean(axis=1, dtype=float) for x in (first, second)]
    expected = (softmax(scores[0]) + 3 * softmax(scores[1])) / 4
    found = combine([first, second], [1, 3])
    np.testing.assert_allclose(found.probabilities(), expected, rtol=1e-5)
    expected = softmax((scores[0] + 3 * scores[1]) / 4)
    found = combine([first, second], [1, 3], average="logits")
    np.testing.assert_allclose(found.probabilities(), expected, rtol=1e-5)
    assert found.clip_names == first.clip_names


def test_weight_of_zero_leaves_a_model_out():
    found = combine([make(0), make(1)], [1, 0])
    np.testing.assert_array_equal(found.classes(), make(0).classes())


def test_clips_and_classes_are_matched_by_name():
    first = make(0)
    order, swap = np.array([3, 1, 5, 0, 2, 4]), [2, 0, 1]
    other = Predictions(
        first.frame_logits[order][..., swap],
        np.argsort(swap)[first.labels[order]],
        tuple(NAMES[number] for number in swap),
        # The same clips as folders of flow.
        tuple(f"/flow/{i}" for i in order),
    )
    found = in_order_of(other, first)
    np.testing.assert_array_equal(found.frame_logits, first.frame_logits)
    np.testing.assert_array_equal(found.labels, first.labels)
    assert found.label_names == NAMES


def test_refuses():
    first = make(0)
    for weights in ([1], [0, 0], [1, -1], [1, float("inf")], [1, np.nan]):
        with pytest.raises(ValueError, match="weights.*Received"):
            combine([first, make(1)], weights)
    missing = dataclasses.replace(
        first, clip_names=(*first.clip_names[:5], "/videos/9.mp4")
    )
    with pytest.raises(ValueError, match="1 of them missing"):
        in_order_of(missing, first)
    twice = dataclasses.replace(
        first, clip_names=(*first.clip_names[:3], *first.clip_names[:3])
    )
    with pytest.raises(ValueError, match="same clips"):
        in_order_of(twice, first)
    others = dataclasses.replace(first, label_names=("a", "b", "d"))
    with pytest.raises(ValueError, match="missing"):
        in_order_of(others, first)
