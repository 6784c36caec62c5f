"""neighbours_as_one: caches that lie side by side are one copy."""

import numpy as np
import pytest

from testing.artifacts import random_artifact
from tsm_live.artifact.file import load_artifact
from tsm_live.runtimes.interpreter_network import (
    InterpreterNetwork,
    neighbours_as_one,
)


def _cut(memory, *places):
    return [memory[start:stop] for start, stop in places]


@pytest.mark.parametrize(
    ("fed", "fresh", "pieces"),
    [
        ([(0, 64), (64, 100)], [(200, 264), (264, 300)], 1),
        ([(0, 65), (128, 160)], [(200, 265), (328, 360)], 1),  # A gap of 63.
        ([(0, 64), (128, 160)], [(200, 264), (328, 360)], 2),  # One of 64.
        ([(0, 64), (64, 100)], [(200, 264), (300, 336)], 2),
        ([(0, 64), (64, 128)], [(264, 328), (200, 264)], 2),
        ([(64, 128), (0, 64)], [(264, 328), (200, 264)], 1),
    ],
)
def test_every_byte_comes_to_its_place_and_no_other_is_lost(fed, fresh, pieces):
    memory = np.random.default_rng(0).integers(-128, 128, 400, np.int8)
    expected = memory.copy()
    for to, origin in zip(
        _cut(expected, *fed), _cut(expected, *fresh), strict=True
    ):
        to[...] = origin
    copies = neighbours_as_one(_cut(memory, *fed), _cut(memory, *fresh))
    assert len(copies) == pieces
    for to, origin in copies:
        to[...] = origin
    for place in fed:
        (found,), (wanted,) = _cut(memory, place), _cut(expected, place)
        np.testing.assert_array_equal(found, wanted)
    if pieces > 1:  # What lies between, and might be another tensor.
        np.testing.assert_array_equal(memory, expected)


def test_the_caches_of_our_files_are_one_copy():
    path = random_artifact()
    network = InterpreterNetwork(*load_artifact(path))
    ((to, _),) = network.copies
    assert to.nbytes >= sum(cache.nbytes for cache in network.read_state())
