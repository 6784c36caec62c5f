"""Imported networks compute what the original ones do."""

import numpy as np
import pytest

from testing.checkpoint_cases import BY_NAME, CASES, load_golden
from testing.checkpoint_models import (
    import_case,
    imported_frame_logits,
    imported_stream,
)
from testing.generate_golden import project
from testing.numerics import relative_error
from testing.streams import stream
from tsm_keras.models.streaming import to_streaming

TOLERANCE = 1e-4


def _cases():
    for case in CASES:
        is_slow = case.size > 64 or case.is_large
        marks = [pytest.mark.slow] if is_slow else []
        yield pytest.param(case, id=case.name, marks=marks)


@pytest.mark.parametrize("case", _cases())
def test_frame_logits_are_those_of_the_original(case):
    frame_logits = imported_frame_logits(case.name)
    assert relative_error(frame_logits, case.frame_logits) <= TOLERANCE


@pytest.mark.parametrize("case", _cases())
def test_the_golden_outputs_tell_frames_apart(case):
    """Otherwise a network that mixes up frames would pass the tests."""
    change = np.abs(np.diff(case.frame_logits, axis=0)).max(axis=1)
    assert change.min() > 50 * TOLERANCE * np.abs(case.frame_logits).max()


@pytest.mark.slow
def test_every_cache_of_the_stream_is_that_of_the_original():
    case = BY_NAME["tsm_online"]
    projections = load_golden()["tsm_online/caches"]
    assert projections.shape[:2] == (16, 10)
    for (logits, caches), expected_logits, expected in zip(
        imported_stream(case.name), case.frame_logits, projections, strict=True
    ):
        assert relative_error(logits, expected_logits) <= TOLERANCE
        for cache, projection in zip(caches, expected, strict=True):
            assert relative_error(project(cache), projection) <= TOLERANCE


@pytest.mark.slow
def test_a_bidirectional_network_streams_to_the_original_logits():
    """With lookahead, from the first frame of the clip to the last."""
    case = BY_NAME["tsm_resnet50"]
    model, _ = import_case(case.name)
    network = to_streaming(model, lookahead=True)
    assert network.stream_time.late == 16
    (logits,) = stream(network, case.clip[None])
    assert relative_error(logits, case.frame_logits) <= TOLERANCE


def test_a_projection_notices_a_change_of_one_number():
    cache = np.random.default_rng(0).normal(size=(1, 7, 7, 20))
    changed = cache.copy()
    changed[0, 3, 3, 7] += 0.1
    assert relative_error(project(changed), project(cache)) > TOLERANCE
