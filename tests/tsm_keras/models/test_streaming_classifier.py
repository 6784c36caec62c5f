"""StreamingClassifier: streams that start, end and never mix."""

import numpy as np
import pytest

from testing.models import (
    logits_of,
    random_clip_model,
    random_clips,
    rounding_tolerance,
    small_config,
)
from testing.numerics import relative_error
from tsm_keras.models.presets import save_preset
from tsm_keras.models.streaming_classifier import StreamingClassifier


def feed(classifier, clips):
    """Steps through `[N, T, ...]` clips; returns `[N, T, num_classes]`."""
    steps = [classifier.step(frames) for frames in np.moveaxis(clips, 1, 0)]
    return np.stack(steps, axis=1)


@pytest.fixture(scope="module")
def model():
    return random_clip_model()


@pytest.fixture(scope="module")
def two_streams(model):
    return StreamingClassifier(model, streams=2)


@pytest.fixture
def classifier(two_streams):
    """Two streams, fresh."""
    two_streams.reset()
    return two_streams


@pytest.fixture(scope="module")
def clips():
    return random_clips(small_config(), clips=2)


@pytest.fixture(scope="module")
def expected(model, clips):
    return logits_of(model, clips)[1]


@pytest.fixture(scope="module")
def tolerance(model, clips):
    return rounding_tolerance(model, clips)


def test_steps_equal_the_clip_model(classifier, clips, expected, tolerance):
    logits = feed(classifier, clips)
    assert logits.dtype == np.float32
    assert relative_error(logits, expected) <= tolerance


def test_pixels_of_any_type_give_equal_logits(classifier, clips):
    logits = feed(classifier, clips)
    for dtype in (np.uint8, np.float16, np.float64, np.int32):
        classifier.reset()
        np.testing.assert_array_equal(
            feed(classifier, clips.astype(dtype)), logits
        )


def test_reset_equals_a_fresh_start(classifier, clips, expected, tolerance):
    feed(classifier, clips[::-1])
    carried_over = classifier.step(clips[:, 0])
    assert relative_error(carried_over, expected[:, 0]) > 1e-3
    classifier.reset()
    assert relative_error(feed(classifier, clips), expected) <= tolerance


@pytest.mark.parametrize("stream", [0, 1])
def test_reset_of_one_stream_leaves_the_other(
    classifier, clips, expected, stream, tolerance
):
    other = 1 - stream
    feed(classifier, clips[:, :2])
    classifier.reset(stream=stream)
    frames = clips[:, 2].copy()
    frames[stream] = clips[stream, 0]
    logits = classifier.step(frames)
    assert relative_error(logits[other], expected[other, 2]) <= tolerance
    assert relative_error(logits[stream], expected[stream, 0]) <= tolerance


def test_interleaved_streams_do_not_mix(model, clips, expected, tolerance):
    """Two classifiers of one model, and the other stream's frames changed."""
    first, second = StreamingClassifier(model), StreamingClassifier(model)
    for frame in range(clips.shape[1]):
        for index, classifier in enumerate((first, second)):
            logits = classifier.step(clips[index : index + 1, frame])
            error = relative_error(logits[0], expected[index, frame])
            assert error <= tolerance


def test_streams_of_a_batch_do_not_mix(classifier, clips, expected, tolerance):
    changed = clips.copy()
    changed[1] = 255 - changed[1]
    logits = feed(classifier, changed)
    assert relative_error(logits[0], expected[0]) <= tolerance
    assert relative_error(logits[1], expected[1]) > 1e-3


@pytest.mark.parametrize(
    "shape",
    [
        (64, 64, 3),
        (1, 64, 64, 3),
        (3, 64, 64, 3),
        (2, 32, 64, 3),
        (2, 64, 32, 3),
        (2, 64, 64, 1),
        (2, 64, 64, 4),
        (2, 1, 64, 64, 3),
        (),
    ],
)
def test_wrong_shape_is_refused_and_changes_no_state(
    classifier, clips, expected, shape, tolerance
):
    classifier.step(clips[:, 0])
    with pytest.raises(ValueError, match="`frames`.*Received: shape"):
        classifier.step(np.full(shape, 255.0))
    logits = classifier.step(clips[:, 1])
    assert relative_error(logits, expected[:, 1]) <= tolerance


@pytest.mark.parametrize("stream", [-1, 2, 0.5, "0"])
def test_reset_refuses_a_stream_that_is_not_there(classifier, stream):
    with pytest.raises(ValueError, match="`stream`.*Received: stream="):
        classifier.reset(stream=stream)


def test_tsn_streams_too():
    model = random_clip_model(shift="none")
    clips = random_clips(small_config())
    classifier = StreamingClassifier(model)
    logits = feed(classifier, clips)
    error = relative_error(logits, logits_of(model, clips)[1])
    assert error <= rounding_tolerance(model, clips)
    classifier.reset()
    np.testing.assert_array_equal(classifier.step(clips[:, 0]), logits[:, 0])


def test_refuses_a_shift_into_the_future():
    with pytest.raises(
        ValueError, match="shift='causal'.*Received: operator='shift'"
    ):
        StreamingClassifier(random_clip_model(shift="bidirectional"))


def test_from_preset(tmp_path, model, clips, expected, tolerance):
    path = save_preset(model, tmp_path / "preset")
    classifier = StreamingClassifier.from_preset(path, streams=2)
    assert classifier.config == model.video_config
    assert classifier.streams == 2
    assert relative_error(feed(classifier, clips), expected) <= tolerance


def test_a_network_of_optical_flow_streams():
    model = random_clip_model(
        input_channels=10, pixel_mean=(128.0,) * 10, pixel_std=(60.0,) * 10
    )
    clips = random_clips(model.video_config)
    classifier = StreamingClassifier(model)
    expected = logits_of(model, clips)[1]
    tolerance = rounding_tolerance(model, clips)
    assert relative_error(feed(classifier, clips), expected) <= tolerance
    with pytest.raises(ValueError, match=r"10\).*Received: shape"):
        classifier.step(clips[:, 0, ..., :3])
