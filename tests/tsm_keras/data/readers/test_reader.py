"""All readers look up single rows of large tables without copying them."""

import numpy as np
import pytest
import tensorflow as tf

from testing.prepared import shared_prepared
from tsm_keras.data.readers.clip_reader import open_clips
from tsm_keras.data.readers.reader import BaseReader

_CLIPS = 10**14  # A copy of a column would need more memory than there is.


class _Endless(BaseReader):
    """Describes more clips than fit into memory, all alike."""

    def __init__(self):
        self._described = {
            "num_frames": np.broadcast_to(np.int32(90), _CLIPS),
            "frame_rate": np.broadcast_to(np.float32(25), _CLIPS),
        }


@pytest.mark.parametrize("number", [7, np.int64(_CLIPS - 1), tf.constant(7)])
def test_describing_a_clip_does_not_copy_the_descriptions_of_all(number):
    described = _Endless().describe(number)
    assert described["num_frames"].numpy() == 90
    assert described["num_frames"].dtype == tf.int32
    assert described["frame_rate"].shape == ()


def test_a_clip_is_described_alike_within_a_graph():
    clips = open_clips(shared_prepared().folder, "train")
    numbers = tf.data.Dataset.range(clips.num_clips)
    for number, found in enumerate(numbers.map(clips.describe)):
        for key, value in clips.describe(number).items():
            assert value.dtype == found[key].dtype
            np.testing.assert_array_equal(value, found[key])


@pytest.mark.parametrize("short_side", [None, 54, 40])
def test_frames_of_a_long_clip_are_decoded_without_a_look_at_all_clips(
    short_side,
):
    clips = open_clips(shared_prepared().folder, "train")
    expected = [*clips.iterate(3, np.arange(5), short_side)]
    shapes = np.broadcast_to(clips._described["shape"][3], (_CLIPS, 2))
    clips._described["shape"] = shapes
    found = [*clips.iterate(3, np.arange(5), short_side)]
    np.testing.assert_array_equal(found, expected)
    assert short_side in (None, min(found[0].shape[:2]))
