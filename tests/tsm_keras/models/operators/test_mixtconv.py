"""MixTConv: its start, its groups, and the paper's costs."""

import numpy as np
import pytest

from tsm_keras.models.config import VideoClassifierConfig
from tsm_keras.models.multiply_adds import multiply_adds
from tsm_keras.models.operators.mixtconv import MixTConv, group_channels
from tsm_keras.models.operators.shift_start import ShiftStart


def start(frames, *, causal=False, channels=16):
    """Returns one row per channel, for a fold of two channels."""
    kernel = ShiftStart(8, causal=causal)((frames, 1, 1, channels))
    return np.array(kernel)[:, 0, 0].T


@pytest.mark.parametrize(
    ("frames", "folds"),
    [
        (1, ([1], [1], [1])),
        (3, ([1, 0, 0], [0, 0, 1], [0, 1, 0])),
        (5, ([1, 1, 0, 0, 0], [0, 0, 0, 1, 1], [0, 0, 1, 0, 0])),
        (
            7,
            (
                [1, 1, 1, 0, 0, 0, 0],
                [0, 0, 0, 0, 1, 1, 1],
                [0, 0, 0, 1, 0, 0, 0],
            ),
        ),
    ],
)
def test_kernels_start_as_the_authors_do(frames, folds):
    found = start(frames)
    for channel, fold in ((0, 0), (1, 0), (2, 1), (3, 1), (4, 2), (15, 2)):
        assert (found[channel] == folds[fold]).all()


def test_a_causal_start_takes_the_nearest_earlier_frames():
    """The present frame is the last one of the kernel."""
    found = start(5, causal=True)
    assert (found[:2] == [0, 0, 1, 1, 0]).all()
    assert (found[2:] == [0, 0, 0, 0, 1]).all()


def test_groups_are_contiguous_and_about_equal():
    assert group_channels(64, 4) == [(0, 16), (16, 32), (32, 48), (48, 64)]
    assert group_channels(11, 4) == [(0, 3), (3, 6), (6, 9), (9, 11)]
    with pytest.raises(ValueError, match="at least one channel per kernel"):
        group_channels(3, 4)


def test_it_says_what_a_stream_must_know():
    causal = MixTConv((1, 3), (1, 4), 8, causal=True)
    assert (causal.ahead, causal.remembers) == (0, 8)
    assert MixTConv((1, 3), (1, 2), 8, causal=False).ahead == 2
    assert MixTConv((1,), (1,), 8, causal=False).ahead == 0


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"kernels": ()}, "kernels.*positive integers"),
        ({"kernels": (0,)}, "kernels.*positive integers"),
        ({"kernels": (3, 3), "dilations": (1,)}, "dilations.*one per kernel"),
        ({"operator": "conv1d"}, "kernels.*a single one"),
        ({"operator": "conv3d"}, "operator.*for X3D"),
        ({"backbone": "x3d", "operator": "shift"}, "operator.*for X3D"),
        ({"context": "clip", "causal": True}, "context.*whole clip"),
    ],
)
def test_a_config_refuses(fields, message):
    with pytest.raises(ValueError, match=message):
        VideoClassifierConfig(**{"num_classes": 2, **fields})


# What table 5 of the paper has beyond TSN, in units of 10^9 for 8 frames.
PAPER = {
    (3,): 0.13,
    (5,): 0.23,
    (7,): 0.32,
    (1, 3): 0.09,
    (1, 3, 5): 0.13,
    (1, 3, 5, 7): 0.18,
}


@pytest.mark.slow
def test_costs_are_those_of_the_paper():
    """TSN has 33G. Two figures of the paper are rounded up by 0.0002."""
    network = {"num_classes": 174, "backbone": "resnet50"}
    plain = multiply_adds(VideoClassifierConfig(**network, shift="none"))
    assert round(plain / 1e9) == 33
    for kernels, expected in PAPER.items():
        config = VideoClassifierConfig(
            **network, operator="mixtconv", kernels=kernels
        )
        extra = (multiply_adds(config) - plain) / 1e9
        assert extra == pytest.approx(expected, abs=0.0055), kernels
    dilated = VideoClassifierConfig(
        **network,
        operator="mixtconv",
        kernels=(3, 3, 3),
        dilations=(1, 2, 3),
    )
    assert (multiply_adds(dilated) - plain) / 1e9 == pytest.approx(
        0.13, abs=0.005
    )
