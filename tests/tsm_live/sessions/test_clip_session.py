import dataclasses

import numpy as np
import pytest

from testing.artifacts import clip_model, random_artifact, random_clips
from testing.models import rounding_tolerance
from testing.numerics import relative_error
from testing.specs import SPEC
from tsm_live import ArtifactError, ClipSession
from tsm_live.artifact.file import load_artifact
from tsm_live.artifact.preprocessing import fit_frame
from tsm_live.runtimes.open_network import open_network
from tsm_live.sessions.base_session import Session


def _open(path, **options):
    spec, model = load_artifact(path)
    return ClipSession(spec, lambda: open_network(path, spec, model, **options))


@pytest.fixture(scope="module")
def session():
    return _open(random_artifact(kind="clip"))


def test_it_says_what_the_keras_model_says(session):
    clips = random_clips(2, clip_model())
    expected = clip_model()(clips.astype(np.float32))["logits"].numpy()
    found = [session.classify_squares(clip) for clip in clips]
    tolerance = rounding_tolerance(clip_model(), clips)
    logits = np.stack([prediction.logits for prediction in found])
    assert relative_error(logits, expected) <= tolerance
    best = [session.spec.labels[number] for number in expected.argmax(-1)]
    assert [prediction.label for prediction in found] == best


def test_frames_of_any_size_are_resized_and_cropped(session):
    rng = np.random.default_rng(0)
    frames = rng.integers(0, 256, (4, 90, 120, 3), np.uint8)
    spec = session.spec
    squares = [fit_frame(f, spec.resize_size, spec.image_size) for f in frames]
    expected = session.classify_squares(squares).logits
    found = session.classify(frames).logits
    np.testing.assert_array_equal(found, expected)
    found = session.classify(frames[..., ::-1], color="bgr").logits
    np.testing.assert_array_equal(found, expected)


def test_an_isolated_session_says_the_same(session):
    clip = random_clips(1, clip_model())[0]
    isolated = _open(random_artifact(kind="clip"), isolated=True)
    np.testing.assert_array_equal(
        isolated.classify_squares(clip).logits,
        session.classify_squares(clip).logits,
    )


def test_what_is_no_clip_is_refused(session):
    clip = random_clips(1, clip_model())[0]
    with pytest.raises(ValueError, match=r"4 frames\. Received: 3"):
        session.classify_squares(clip[:3])
    with pytest.raises(ValueError, match=r"\(64, 64, 3\)\. Received: shape"):
        session.classify_squares(clip[:, :60])
    with pytest.raises(ArtifactError, match="Received: an artifact of kind"):
        _open(random_artifact())


@pytest.mark.parametrize("role", ["boxes", "logits"])
def test_an_artifact_with_an_unknown_task_is_refused(role):
    """Even if it has a head, which may mean something else."""
    output = dataclasses.replace(SPEC.outputs[0], role=role)
    spec = dataclasses.replace(
        SPEC, task="tracking", outputs=(output, *SPEC.outputs[1:])
    )
    with pytest.raises(ArtifactError, match="one of the tasks.*'tracking'"):
        Session(spec, lambda: None)
