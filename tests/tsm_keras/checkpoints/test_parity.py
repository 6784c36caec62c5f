"""Imported networks compute what the original ones do."""

import numpy as np
import pytest

from testing.checkpoint_cases import BY_NAME, CASES, load_golden
from testing.checkpoint_models import import_case, imported_frame_logits
from testing.generate_golden import project
from testing.numerics import relative_error
from tsm_keras.models.streaming import cache_shapes, to_streaming

TOLERANCE = 1e-4


def _cases():
    for case in CASES:
        marks = [pytest.mark.slow] if case.size > 64 else []
        yield pytest.param(case, id=case.name, marks=marks)


@pytest.mark.parametrize("case", _cases())
def test_frame_logits_are_those_of_the_original(case):
    frame_logits = imported_frame_logits(case.name)
    assert relative_error(frame_logits, case.frame_logits) <= TOLERANCE


@pytest.mark.parametrize("case", _cases())
def test_the_golden_outputs_tell_frames_apart(case):
    """Else a network that mixes up time would pass too."""
    change = np.abs(np.diff(case.frame_logits, axis=0)).max(axis=1)
    assert change.min() > 50 * TOLERANCE * np.abs(case.frame_logits).max()


@pytest.mark.slow
def test_every_cache_of_the_stream_is_that_of_the_original():
    case = BY_NAME["tsm_online"]
    model, _ = import_case(case.name)
    streaming = to_streaming(model)
    shapes = cache_shapes(streaming)
    caches = {name: np.zeros((1, *s), "f4") for name, s in shapes.items()}
    expected = load_golden()["tsm_online/caches"]
    assert expected.shape[:2] == (16, len(shapes))
    for frame, logits, projections in zip(
        case.clip, case.frame_logits, expected, strict=True
    ):
        outputs = streaming({"frame": frame[None], **caches}, training=False)
        assert relative_error(outputs["logits"][0], logits) <= TOLERANCE
        caches = {name: outputs[f"{name}_out"].numpy() for name in shapes}
        for cache, projection in zip(caches.values(), projections, strict=True):
            assert relative_error(project(cache), projection) <= TOLERANCE


def test_a_projection_notices_a_change_of_one_number():
    cache = np.random.default_rng(0).normal(size=(1, 7, 7, 20))
    changed = cache.copy()
    changed[0, 3, 3, 7] += 0.1
    assert relative_error(project(changed), project(cache)) > TOLERANCE
