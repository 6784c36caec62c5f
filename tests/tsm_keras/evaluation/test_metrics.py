import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tsm_keras.evaluation.metrics import (
    compute_metrics,
    most_confused,
    reliability,
)
from tsm_keras.evaluation.predictions import Predictions

pytestmark = pytest.mark.keras3_only  # NumPy alone.


@st.composite
def predictions(draw):
    random = np.random.default_rng(draw(st.integers(0, 1 << 32)))
    clips, classes = draw(st.integers(1, 30)), draw(st.integers(2, 9))
    logits = random.normal(size=(clips, 3, classes)).astype(np.float32)
    names = tuple(f"c{number}" for number in range(classes))
    return Predictions(logits, random.integers(0, classes, clips), names)


@settings(deadline=None, max_examples=60)
@given(predictions())
def test_metrics_are_those_of_a_loop(given):
    metrics = compute_metrics(given)
    logits = given.frame_logits.astype(float).mean(axis=1)
    right, within_five, recalls = 0, 0, []
    for row, label in zip(logits, given.labels, strict=True):
        rank = int((row > row[label]).sum())
        right += rank == 0
        within_five += rank < 5
    for number, row in enumerate(metrics.classes):
        mine = given.labels == number
        taken = given.classes() == number
        assert (row.clips, row.predicted) == (mine.sum(), taken.sum())
        if mine.any():
            recalls.append((mine & taken).sum() / mine.sum())
            assert row.recall == pytest.approx(recalls[-1])
        else:
            assert np.isnan(row.recall)
        if taken.any():
            share = (mine & taken).sum() / taken.sum()
            assert row.precision == pytest.approx(share)
    count = len(given.labels)
    assert metrics.top1 == pytest.approx(right / count)
    if len(given.label_names) > 5:
        assert metrics.top5 == pytest.approx(within_five / count)
    else:
        assert metrics.top5 is None
    assert metrics.mean_class_accuracy == pytest.approx(np.mean(recalls))


@settings(deadline=None, max_examples=60)
@given(predictions(), st.integers(1, 20))
def test_calibration_error_is_that_of_a_loop(given, bins):
    confidence = given.probabilities().max(axis=1)
    right = given.classes() == given.labels
    error = 0.0
    for number in range(bins):
        low, high = number / bins, (number + 1) / bins
        inside = (confidence > low) & (confidence <= high)
        if inside.any():
            gap = abs(right[inside].mean() - confidence[inside].mean())
            error += gap * inside.mean()
    found = reliability(given, bins)
    assert found.expected_error() == pytest.approx(error, abs=1e-9)
    assert found.clips.sum() == len(given.labels)


def test_a_sure_and_wrong_model_has_the_whole_error():
    logits = np.zeros((4, 1, 2), np.float32)
    logits[:, :, 0] = 100
    given = Predictions(logits, np.array([1, 1, 1, 1]), ("a", "b"))
    assert compute_metrics(given).calibration_error == pytest.approx(1.0)


def test_most_confused_names_the_surest_mistakes_first():
    # Two of class 0 for 2, one of class 1 for 0, one that is right.
    strengths = [(0, 2, 1.0), (0, 2, 5.0), (1, 0, 2.0), (1, 1, 9.0)]
    logits = np.zeros((4, 1, 3), np.float32)
    for clip, (_, predicted, strength) in enumerate(strengths):
        logits[clip, 0, predicted] = strength
    labels = np.array([label for label, _, _ in strengths])
    found = most_confused(Predictions(logits, labels, ("a", "b", "c")), 5)
    assert [(x.label, x.predicted, x.clips) for x in found] == [
        (0, 2, (1, 0)),
        (1, 0, (2,)),
    ]
