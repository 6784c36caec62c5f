import hypothesis
import numpy as np
from hypothesis import strategies as st

from tsm_keras.data.video.resizing import center_crop, resize_short_side
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
