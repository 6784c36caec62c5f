"""Sessions of detectors: boxes in pixels of the frames that were given."""

import dataclasses

import hypothesis
import numpy as np
import pytest
from hypothesis import strategies as st

from testing.detectors import ChosenNetwork
from testing.specs import DETECTOR
from tsm_live.artifact.preprocessing import boxes_in_frame, fit_frame
from tsm_live.artifact.spec import TensorSpec
from tsm_live.sessions.base_session import Session
from tsm_live.sessions.clip_session import ClipSession

# The same from either Keras.
pytestmark = pytest.mark.keras3_only

# Frames of 73 pixels are not resized. The crop starts at row and column 4.
_CELL = (2, 3, 1)  # Row, column, label; the box is 16 by 8 pixels.
_BOX = np.array([20, 16, 36, 24], np.float32)


def _frame(height, width):
    return np.zeros((height, width, 3), np.uint8)


def _session(*chosen, spec=DETECTOR):
    return Session(spec, lambda: ChosenNetwork(spec, chosen))


def test_boxes_are_in_pixels_of_the_given_frame():
    session = _session(*[[_CELL]] * 4)
    wide = np.add(_BOX, [23, 4, 23, 4]) * np.tile([219 / 110, 2], 2)
    for frame, expected in (
        (_frame(73, 73), _BOX + 4),
        # It becomes 73 by 110 pixels, and the crop starts at (4, 23).
        (_frame(146, 219), wide),
        (_frame(73, 146), np.add(_BOX, [41, 4, 41, 4])),
    ):
        found = session.step(frame)
        np.testing.assert_allclose(found.boxes.boxes, [expected], rtol=1e-6)
        assert found.boxes.classes.tolist() == [1]
        assert found.labels == ("cat", "dog", "bird")
    assert found.frame == 2
    (square,) = session.step_squares([_frame(64, 64)])
    np.testing.assert_allclose(square.boxes.boxes, [_BOX])


@hypothesis.settings(max_examples=60, deadline=None)
@hypothesis.given(
    st.integers(64, 400),
    st.integers(64, 400),
    st.sampled_from([(64, 64), (73, 64), (120, 64)]),
    st.integers(0, 99),
)
def test_a_painted_rectangle_is_found_where_it_was(height, width, sizes, seed):
    """Pixels that are resized and cropped are the oracle."""
    hypothesis.assume(1 / 4 < height / width < 4)
    rng = np.random.default_rng(seed)
    frame = _frame(height, width)
    scale = min(height, width) / sizes[0]
    # It covers some pixels of the square, and lies in it.
    side = np.ceil(rng.uniform(8, 24, 2) * scale).astype(int)
    middle = np.array([width, height]) / 2
    reach = sizes[1] / 2 * scale - side / 2 - 2
    centre = middle + rng.uniform(-1, 1, 2) * np.maximum(reach, 0)
    x0, y0 = np.maximum(np.round(centre - side / 2), 0).astype(int)
    frame[y0 : y0 + side[1], x0 : x0 + side[0]] = 255
    square = fit_frame(frame, *sizes)[..., 0]
    ys, xs = np.nonzero(square > 127)
    painted = [xs.min(), ys.min(), xs.max() + 1, ys.max() + 1]
    found = boxes_in_frame(
        np.array([painted], np.float32), height, width, *sizes
    )
    expected = [x0, y0, x0 + side[0], y0 + side[1]]
    # A pixel of the square is as wide as `scale` pixels of the frame.
    np.testing.assert_allclose(found, [expected], atol=max(scale, 1) + 0.01)
    assert found.dtype == np.float32


def test_another_threshold_finds_more_or_fewer_boxes():
    found = _session([_CELL]).step(_frame(73, 73))
    assert (len(found.boxes), len(found.decode(threshold=0.9))) == (1, 0)
    assert len(found.decode(threshold=0.0)) > 1
    assert len(found.decode(threshold=0.0, top=1)) == 1
    assert found.outputs["heatmap"].shape == (8, 8, 3)
    assert found.outputs["box_size"].dtype == np.float32


def _batched(spec, streams):
    def of(tensor):
        shape = (streams, *tensor.shape[1:])
        return dataclasses.replace(tensor, shape=shape)

    return dataclasses.replace(
        spec,
        inputs=tuple(map(of, spec.inputs)),
        outputs=tuple(map(of, spec.outputs)),
    )


def test_each_stream_has_its_own_boxes_and_sizes():
    spec = _batched(DETECTOR, 2)
    session = _session([_CELL, (0, 0, 0)], [None, _CELL], spec=spec)
    first, second = session.step_streams([_frame(73, 73), _frame(146, 146)])
    np.testing.assert_allclose(first.boxes.boxes, [_BOX + 4])
    np.testing.assert_allclose(second.boxes.boxes, [[0, 8, 32, 24]])
    first, second = session.step_streams([None, _frame(73, 73)])
    assert first is None and second.frame == 1
    np.testing.assert_allclose(second.boxes.boxes, [_BOX + 4])


def _late(delay):
    valid = TensorSpec(
        *("valid", (1, 1, 1, 1), "float32"), role="valid", entries=(0,)
    )
    outputs = (
        *(dataclasses.replace(t, late=delay) for t in DETECTOR.results),
        *DETECTOR.outputs[3:],
    )
    inputs = (DETECTOR.frame, valid, *DETECTOR.inputs[1:])
    return dataclasses.replace(DETECTOR, inputs=inputs, outputs=outputs)


def test_late_boxes_are_in_pixels_of_the_frame_that_they_belong_to():
    session = _session(*[[_CELL]] * 5, spec=_late(2))
    sizes = [73, 146, 219]
    answers = [session.step(_frame(size, size)) for size in sizes]
    answers += session.finish()
    assert answers[:2] == [None, None]
    for number, (found, size) in enumerate(
        zip(answers[2:], sizes, strict=True)
    ):
        assert (found.frame, found.size) == (number, (size, size))
        np.testing.assert_allclose(
            found.boxes.boxes, [(_BOX + 4) * (number + 1)], rtol=1e-6
        )


def test_a_clip_has_boxes_for_each_frame():
    spec = _batched(
        dataclasses.replace(
            DETECTOR,
            kind="clip",
            inputs=(dataclasses.replace(DETECTOR.frame, role="clip"),),
            outputs=DETECTOR.outputs[:3],
        ),
        3,
    )
    chosen = [[None, _CELL, (0, 0, 2)]] * 2
    session = ClipSession(spec, lambda: ChosenNetwork(spec, chosen))
    nothing, one, another = session.detect([_frame(73, 73)] * 3)
    assert (len(nothing.boxes), one.frame, another.frame) == (0, 1, 2)
    np.testing.assert_allclose(one.boxes.boxes, [_BOX + 4])
    assert another.boxes.classes.tolist() == [2]
    _, one, _ = session.detect_squares([_frame(64, 64)] * 3)
    np.testing.assert_allclose(one.boxes.boxes, [_BOX])
    with pytest.raises(ValueError, match="`detect` is for.*: 'detection'"):
        session.classify([_frame(73, 73)] * 3)
    with pytest.raises(ValueError, match="A clip must have 3 frames"):
        session.detect([_frame(73, 73)])
