import fractions
import math

import hypothesis
import numpy as np
import pytest
from hypothesis import strategies as st

from tsm_cli.vectors.image_cases import resize_weights
from tsm_keras.data.video.resizing import (
    center_crop,
    resize_short_side,
    with_short_side,
)
from tsm_live.artifact.preprocessing import fit_frame

sides = st.integers(16, 200)


@hypothesis.settings(deadline=None)
@hypothesis.given(height=sides, width=sides, size=st.integers(16, 64))
def test_a_device_sees_what_training_saw(height, width, size):
    rng = np.random.default_rng(height * width)
    frame = rng.integers(0, 256, (height, width, 3), np.uint8)
    resize_size = size * 8 // 7
    expected = center_crop(resize_short_side(frame[None], resize_size), size)
    found = fit_frame(frame, resize_size, size)
    assert found.shape == (size, size, 3)
    np.testing.assert_array_equal(found, expected[0])


@hypothesis.given(st.integers(1, 8192), st.integers(1, 8192), sides)
def test_the_long_side_is_rounded_to_the_nearest_pixel_halves_up(
    height, width, size
):
    short = min(height, width)
    half = fractions.Fraction(1, 2)
    assert with_short_side(height, width, size) == tuple(
        math.floor(fractions.Fraction(side * size, short) + half)
        for side in (height, width)
    )


@pytest.mark.parametrize(
    ("height", "width", "resize_size"),
    [(90, 160, 36), (41, 67, 36), (200, 131, 60), (20, 33, 36), (36, 50, 36)],
)
def test_the_square_is_the_one_that_the_documentation_describes(
    height, width, resize_size
):
    """Every output pixel is the mean of the area that it covers."""
    rng = np.random.default_rng(height)
    frame = rng.integers(0, 256, (height, width, 3), np.uint8)
    rows, columns = with_short_side(height, width, resize_size)
    down, across = map(resize_weights, frame.shape[:2], (rows, columns))
    resized = np.einsum("ij,jkc,lk->ilc", down, frame, across)
    top, left = (rows - 32) // 2, (columns - 32) // 2
    expected = resized[top : top + 32, left : left + 32]
    found = fit_frame(frame, resize_size, 32)
    # Half a level of rounding, and what fixed-point weights add.
    assert np.abs(found - expected).max() <= 1.0
