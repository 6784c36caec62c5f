"""Detectors as functions from the frames of a video to boxes."""

import functools

import numpy as np
import pytest

from testing.models import random_clip_model, random_detector
from tsm_cli.detectors import LOWEST_SCORE, open_detector
from tsm_cli.task import expect_classifier, is_detector
from tsm_keras.models.presets import save_preset
from tsm_live.artifact.preprocessing import fit_frame
from tsm_live.detection.boxes import decode_boxes

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def presets(tmp_path_factory):
    """A detector that looks back, one that looks ahead, and a classifier."""
    folder = tmp_path_factory.mktemp("presets")
    save_preset(random_detector(frame_interval=0.08), folder / "causal")
    save_preset(random_detector(shift="bidirectional"), folder / "both")
    save_preset(random_clip_model(), folder / "classifier")
    return folder


@pytest.fixture(scope="module")
def opened(presets):
    """Opens a preset, or returns the detector that was opened before."""

    @functools.cache
    def open_once(name, *, stream=False, batch_size=1):
        return open_detector(
            presets / name, stream=stream, batch_size=batch_size
        )

    return open_once


_SIZE, _RESIZED = 64, 73  # Of `random_detector`.
_LEFT, _TOP = 20, (_RESIZED - _SIZE) // 2  # Of the square in a resized frame.


def _frames(count):
    """Returns frames that are twice as large as the network resizes them."""
    random = np.random.default_rng(0)
    shape = count, 2 * _RESIZED, 2 * (_SIZE + 2 * _LEFT), 3
    return list(random.integers(0, 255, shape, dtype=np.uint8))


def _expected(model, frames):
    """Yields the boxes of a clip's frames, in pixels of the frames."""
    config = model.video_config
    assert config.input.resize_size == _RESIZED
    clip = np.stack([fit_frame(frame, _RESIZED, _SIZE) for frame in frames])
    outputs = model(clip[None].astype(np.float32))
    for place in range(len(frames)):
        found = decode_boxes(
            **{name: np.array(x)[0, place] for name, x in outputs.items()},
            stride=8,
            threshold=LOWEST_SCORE,
        )
        seen = np.clip(found.boxes, 0, _SIZE)
        yield 2 * (seen + np.array([_LEFT, _TOP] * 2)), found


@pytest.mark.parametrize("stream", [False, True])
def test_boxes_are_those_of_the_network_in_pixels_of_the_frame(opened, stream):
    frames = _frames(4)
    detector = opened("causal", stream=stream)
    assert detector.streams == stream and detector.num_segments == 4
    found = list(detector.detect(frames))
    model = random_detector(frame_interval=0.08)
    for one, (boxes, expected) in zip(
        found, _expected(model, frames), strict=True
    ):
        assert len(one) == len(expected) > 0
        np.testing.assert_array_equal(one.classes, expected.classes)
        np.testing.assert_allclose(one.boxes, boxes, atol=0.02)
        np.testing.assert_allclose(one.scores, expected.scores, atol=1e-4)
    view = detector.view(*frames[0].shape[:2])
    corner = np.array([_LEFT, _TOP])
    np.testing.assert_allclose(view, 2 * np.concatenate([corner, corner + 64]))


@pytest.mark.parametrize("preset", ["causal", "both"])
def test_every_frame_gets_boxes_whatever_the_batch(opened, preset):
    one, several = (opened(preset, batch_size=size) for size in (1, 3))
    for count in (1, 4, 7, 11):
        found = list(one.detect(_frames(count)))
        again = several.detect(_frames(count))
        assert len(found) == count
        for a, b in zip(found, again, strict=True):
            np.testing.assert_allclose(a.scores, b.scores, atol=1e-4)


def test_every_stream_starts_anew(opened):
    detector = opened("causal", stream=True)
    first, second = (
        [found.scores for found in detector.detect(_frames(3))]
        for _ in range(2)
    )
    for a, b in zip(first, second, strict=True):
        np.testing.assert_array_equal(a, b)


def test_the_interval_is_a_whole_number_of_frames(opened):
    detector = opened("causal")
    assert [detector.step(fps) for fps in (0, 5, 25, 30, 60)] == [1, 1, 2, 2, 5]


def test_tasks_are_told_apart(presets, tmp_path):
    assert is_detector(presets / "causal")
    assert not is_detector(presets / "classifier")
    assert not is_detector(tmp_path / "missing")
    with pytest.raises(ValueError, match=r"Received: .*causal, a detector"):
        expect_classifier(presets / "causal")
    with pytest.raises(ValueError, match="which classifies clips"):
        open_detector(presets / "classifier", stream=False, batch_size=1)
    with pytest.raises(ValueError, match="Only a causal detector can stream"):
        open_detector(presets / "both", stream=True, batch_size=1)
