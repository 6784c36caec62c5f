"""decode_boxes against a plain rendering of the rule, cell by cell."""

import math

import hypothesis
import numpy as np
import pytest
from hypothesis import strategies as st
from hypothesis.extra import numpy as st_numpy

from tsm_live.detection.boxes import box_overlaps, decode_boxes


def _plainly(heatmap, box_size, box_offset, stride, threshold, top):
    """Returns `(x0, y0, x1, y1, class, score)` for each box, the best first."""
    height, width, classes = heatmap.shape
    found = []
    for row in range(height):
        for column in range(width):
            for label in range(classes):
                value = float(heatmap[row, column, label])
                score = 1 / (1 + math.exp(-value))
                if np.float32(score) < np.float32(threshold):
                    continue
                is_peak = True
                for r in (row - 1, row, row + 1):
                    for c in (column - 1, column, column + 1):
                        inside = 0 <= r < height and 0 <= c < width
                        if not inside or (r, c) == (row, column):
                            continue
                        other = float(heatmap[r, c, label])
                        if (r, c) < (row, column):
                            is_peak &= value > other
                        else:
                            is_peak &= value >= other
                if is_peak:
                    x = (column + float(box_offset[row, column, 0])) * stride
                    y = (row + float(box_offset[row, column, 1])) * stride
                    w, h = (float(s) * stride for s in box_size[row, column])
                    box = x - w / 2, y - h / 2, x + w / 2, y + h / 2
                    found.append((-value, *box, label, score))
    found.sort(key=lambda each: each[0])  # Equal ones stay as they are.
    return np.array([each[1:] for each in found[:top]]).reshape(-1, 6)


@st.composite
def _outputs(draw):
    height, width, classes = (draw(st.integers(1, 6)) for _ in range(3))
    # Few different values, as in int8, so that neighbours are often equal.
    values = draw(st.sampled_from([(-2, -1, 0, 1), (0,), (-3, 3)]))
    heatmap = draw(
        st_numpy.arrays(
            np.float32,
            (height, width, classes),
            elements=st.sampled_from(values),
        )
    )
    rng = np.random.default_rng(draw(st.integers(0, 99)))
    size, offset = rng.random((2, height, width, 2), np.float32)
    return heatmap, 5 * size, offset


@hypothesis.settings(deadline=None)
@hypothesis.given(
    _outputs(),
    st.sampled_from([4, 8, 16]),
    st.sampled_from([0.0, 0.3, 0.5, 1.0]),
    st.integers(1, 40),
)
def test_boxes_are_those_of_the_plain_rule(outputs, stride, threshold, top):
    found = decode_boxes(*outputs, stride=stride, threshold=threshold, top=top)
    expected = _plainly(*outputs, stride, threshold, top)
    np.testing.assert_allclose(found.boxes, expected[:, :4], atol=1e-4)
    np.testing.assert_array_equal(found.classes, expected[:, 4])
    np.testing.assert_allclose(found.scores, expected[:, 5], rtol=1e-6)
    assert found.boxes.dtype == found.scores.dtype == np.float32
    assert found.classes.dtype == np.int64
    assert found.boxes.shape == (len(found), 4)


def _decode(heatmap, **options):
    heatmap = np.array(heatmap, np.float32)
    while heatmap.ndim < 3:
        heatmap = heatmap[..., None]
    cells = (*heatmap.shape[:2], 2)
    return decode_boxes(
        heatmap,
        np.ones(cells, np.float32),
        np.full(cells, 0.5, np.float32),
        **{"stride": 1, "threshold": 0.5, **options},
    )


def _cells(found):
    return [(int(y), int(x)) for x, y, _, _ in found.boxes]


@pytest.mark.parametrize("shape", [(1, 4), (4, 1), (2, 2), (3, 5)])
def test_a_plateau_has_one_peak_its_first_cell(shape):
    heatmap = np.full((7, 8), -5.0)
    heatmap[2 : 2 + shape[0], 1 : 1 + shape[1]] = 1
    assert _cells(_decode(heatmap)) == [(2, 1)]


def test_neighbours_beyond_the_edges_do_not_count():
    heatmap = np.full((5, 6), -5.0)
    corners = [(0, 0), (0, 5), (4, 0), (4, 5)]
    for corner in corners:
        heatmap[corner] = 1
    assert _cells(_decode(heatmap)) == corners
    assert _cells(_decode([[2.0]])) == [(0, 0)]


def test_classes_do_not_see_each_other():
    found = _decode([[[1.0, 2.0, 1.0], [0.5, 2.0, 3.0]]])
    assert _cells(found) == [(0, 1), (0, 0), (0, 0)]
    assert found.classes.tolist() == [2, 1, 0]


def test_ties_are_in_the_order_of_rows_columns_and_classes():
    heatmap = np.full((5, 5, 2), -5.0)
    heatmap[::2, ::2] = 1
    found = _decode(heatmap, top=5)
    assert _cells(found) == [(0, 0), (0, 0), (0, 2), (0, 2), (0, 4)]
    assert found.classes.tolist() == [0, 1, 0, 1, 0]


def test_great_logits_keep_their_order():
    """Their scores are all 1 in float32."""
    found = _decode([[30.0, 0.0, 31.0], [0.0, 0.0, 0.0], [200.0, 0.0, 29.0]])
    assert _cells(found) == [(2, 0), (0, 2), (0, 0), (2, 2)]
    assert found.scores.tolist() == [1.0] * 4


def test_the_threshold_belongs_to_what_is_kept():
    assert len(_decode([[0.0]], threshold=0.5)) == 1
    assert len(_decode([[np.nextafter(-1e-6, -1)]], threshold=0.5)) == 0


def test_a_frame_without_objects_has_no_boxes():
    found = _decode(np.full((4, 4, 3), -5.0))
    assert (len(found), found.boxes.shape) == (0, (0, 4))
    # What a broken network gives is no box, and no warning.
    assert len(_decode(np.full((4, 4), np.nan))) == 0
    assert len(_decode(np.full((4, 4), -1e30), threshold=0)) == 1


_BOXES = st.lists(
    st.tuples(*[st.integers(-20, 20)] * 4).map(
        lambda c: (*np.minimum(c[:2], c[2:]), *np.maximum(c[:2], c[2:]))
    ),
    max_size=5,
).map(lambda boxes: np.array(boxes, np.float32).reshape(-1, 4))


@hypothesis.given(_BOXES, _BOXES)
def test_overlaps_are_those_of_counted_pixels(a, b):
    ys, xs = np.mgrid[-20:20, -20:20]

    def painted(boxes):
        x0, y0, x1, y1 = boxes.T[..., None, None]
        return (xs >= x0) & (xs < x1) & (ys >= y0) & (ys < y1)

    one, two = painted(a)[:, None], painted(b)[None]
    both, either = ((x.sum((2, 3))) for x in (one & two, one | two))
    found = box_overlaps(a, b)
    assert found.shape == (len(a), len(b))
    np.testing.assert_allclose(found, both / np.maximum(either, 1))
