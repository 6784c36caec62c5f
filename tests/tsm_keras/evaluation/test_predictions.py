import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tsm_keras.evaluation.predictions import Predictions

NAMES = ("close", "open", "shake")


def make(logits, labels, names=None):
    logits = np.asarray(logits, np.float32)
    names = names or tuple(str(index) for index in range(logits.shape[2]))
    return Predictions(logits, np.asarray(labels, np.int64), names)


@st.composite
def predictions(draw):
    clips, frames, classes = (draw(st.integers(1, high)) for high in (20, 8, 6))
    random = np.random.default_rng(draw(st.integers(0, 1 << 32)))
    # Whole numbers: sums are exact in every order, and ties are common.
    logits = random.integers(-3, 4, (clips, frames, classes))
    return make(logits, random.integers(0, classes, clips))


@settings(deadline=None)
@given(predictions())
def test_top1_is_of_the_mean_over_frames(given):
    oracle = 0
    for logits, label in zip(given.frame_logits, given.labels, strict=True):
        oracle += logits.sum(axis=0).argmax() == label
    assert given.top1() == pytest.approx(oracle / len(given.labels))


@settings(deadline=None)
@given(predictions())
def test_curve_is_the_top1_of_each_prefix(given):
    curve = given.top1_by_frames()
    assert curve.shape == given.frame_logits.shape[1:2]
    for index, value in enumerate(curve):
        prefix = make(given.frame_logits[:, : index + 1], given.labels)
        assert value == prefix.top1()


@settings(deadline=None)
@given(st.integers(0, 1 << 32))
def test_curve_ends_in_top1_when_sums_round(seed):
    random = np.random.default_rng(seed)
    logits = random.normal(size=(50, 7, 4)) * 10.0 ** random.integers(-8, 8)
    # The same numbers in another order: a tie but for rounding.
    logits[..., 1] = logits[:, ::-1, 0]
    given = make(logits, random.integers(0, 4, 50))
    assert given.top1_by_frames()[-1] == given.top1()


@settings(deadline=None)
@given(predictions())
def test_rows_of_the_confusion_sum_to_the_class_counts(given):
    counts = given.confusion()
    classes = len(given.label_names)
    assert counts.shape == (classes, classes)
    np.testing.assert_array_equal(
        counts.sum(axis=1), np.bincount(given.labels, minlength=classes)
    )
    assert np.trace(counts) / counts.sum() == pytest.approx(given.top1())


def test_confusion_has_the_truth_in_rows():
    given = make([[[0, 0, 9]], [[0, 0, 9]], [[0, 9, 0]]], [0, 0, 1], NAMES)
    np.testing.assert_array_equal(
        given.confusion(), [[0, 0, 2], [0, 1, 0], [0, 0, 0]]
    )


@settings(deadline=None)
@given(predictions(), st.integers(0, 1 << 32))
def test_agreement_is_symmetric_and_whole_with_itself(given, seed):
    shape = given.frame_logits.shape
    logits = np.random.default_rng(seed).normal(size=shape)
    other = make(logits, given.labels)
    expected = np.mean(given.classes() == other.classes())
    assert given.agreement(other) == other.agreement(given) == expected
    assert given.agreement(given) == 1.0


def test_agreement_refuses_other_clips():
    given = make([[[1, 2, 3]]], [0], NAMES)
    with pytest.raises(ValueError, match="same clips.*Received"):
        given.agreement(make([[[1, 2, 3]]], [1], NAMES))
    with pytest.raises(ValueError, match="same clips.*Received"):
        given.agreement(make([[[1, 2, 3]]] * 2, [0, 0], NAMES))
    with pytest.raises(ValueError, match="same clips.*Received"):
        given.agreement(make([[[1, 2, 3]]], [0], NAMES[::-1]))


@pytest.mark.parametrize(
    ("change", "match"),
    [
        ({"frame_logits": np.zeros((2, 3), np.float32)}, "frame_logits"),
        ({"frame_logits": np.zeros((0, 4, 3), np.float32)}, "frame_logits"),
        ({"frame_logits": np.zeros((2, 0, 3), np.float32)}, "frame_logits"),
        ({"frame_logits": np.zeros((2, 4, 3))}, "float64"),
        ({"frame_logits": np.full((2, 4, 3), np.nan, np.float32)}, "2 of 2"),
        ({"labels": np.zeros(3, np.int64)}, "labels"),
        ({"labels": np.zeros((2, 1), np.int64)}, "labels"),
        ({"labels": np.zeros(2)}, "float64"),
        ({"labels": np.array([0, 3])}, "0 to 3"),
        ({"labels": np.array([-1, 0])}, "-1 to 0"),
        ({"label_names": NAMES[:2]}, "label_names"),
        ({"clip_names": ("one.mp4",)}, "clip_names"),
    ],
)
def test_refuses(change, match):
    valid = {
        "frame_logits": np.zeros((2, 4, 3), np.float32),
        "labels": np.zeros(2, np.int64),
        "label_names": NAMES,
    }
    Predictions(**valid)
    with pytest.raises(ValueError, match=match) as error:
        Predictions(**(valid | change))
    assert "Received: " in str(error.value)
