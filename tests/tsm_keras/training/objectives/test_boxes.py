"""Targets and losses of detectors, against plain loops over boxes and cells."""

import math

import numpy as np
import pytest
import tensorflow as tf

from tsm_keras.models.config import VideoDetectorConfig
from tsm_keras.training.objectives.box_losses import (
    class_loss,
    focal_loss,
    losses,
)
from tsm_keras.training.objectives.box_targets import box_targets

CONFIG = VideoDetectorConfig(
    labels=("a", "b", "c"), image_size=64, num_segments=2
)


def truth_of(clips, most=6):
    """Returns the truth of clips, each a list of lists of boxes per frame.

    A box is `(class, x0, y0, x1, y1)`, with a sixth value if it is ignored. A
    frame that is None is not annotated.
    """
    shape = (len(clips), len(clips[0]), most)
    boxes = np.zeros((*shape, 4), np.float32)
    classes = np.full(shape, -1, np.int32)
    ignored = np.zeros(shape, bool)
    annotated = np.ones(shape[:2], bool)
    for clip, frames in enumerate(clips):
        for frame, found in enumerate(frames):
            annotated[clip, frame] = found is not None
            for number, (kind, *box) in enumerate(found or []):
                classes[clip, frame, number] = kind
                boxes[clip, frame, number] = box[:4]
                ignored[clip, frame, number] = len(box) > 4
    return {
        "boxes": boxes,
        "classes": classes,
        "ignored": ignored,
        "annotated": annotated,
    }


def targets_of(clips, config=CONFIG, **options):
    truth = {name: tf.constant(x) for name, x in truth_of(clips).items()}
    return {
        name: value.numpy()
        for name, value in box_targets(truth, config)._asdict().items()
    }


def expected_targets(clips, config):
    """The rule of `box_targets` in loops, one box and one cell at a time."""
    grid, stride = config.grid, config.detection.stride
    shape = (len(clips), len(clips[0]), grid, grid)
    kinds = len(config.detection.labels)
    found = {
        "heatmap": np.zeros((*shape, kinds)),
        "counted": np.ones((*shape, kinds)),
        "box_size": np.zeros((*shape, 2)),
        "box_offset": np.zeros((*shape, 2)),
        "centre": np.zeros((*shape, 1)),
    }
    for clip, frames in enumerate(clips):
        for frame, boxes in enumerate(frames):
            at = (clip, frame)
            if boxes is None:
                found["counted"][at] = 0
                continue
            for kind, x0, y0, x1, y1, *ignored in boxes:
                if x1 <= x0 or y1 <= y0:
                    continue
                x, y = (x0 + x1) / 2 / stride, (y0 + y1) / 2 / stride
                width, height = (x1 - x0) / stride, (y1 - y0) / stride
                column, row = (min(int(v), grid - 1) for v in (x, y))
                for r in range(grid):
                    for c in range(grid):
                        cell = (*at, r, c)
                        px, py = (c + 0.5) * stride, (r + 0.5) * stride
                        if ignored and x0 <= px <= x1 and y0 <= py <= y1:
                            found["counted"][(*cell, kind)] = 0
                        if ignored:
                            continue
                        wide, tall = (
                            (0.54 * side + 1) / 6 for side in (width, height)
                        )
                        value = math.exp(
                            -((c - column) ** 2) / (2 * wide**2)
                        ) * math.exp(-((r - row) ** 2) / (2 * tall**2))
                        heat = found["heatmap"]
                        heat[(*cell, kind)] = max(heat[(*cell, kind)], value)
                if not ignored and not found["centre"][(*at, row, column, 0)]:
                    found["centre"][(*at, row, column)] = 1
                    found["box_size"][(*at, row, column)] = width, height
                    found["box_offset"][(*at, row, column)] = (
                        x - column,
                        y - row,
                    )
            peaks = found["heatmap"][at] == 1
            found["counted"][at][peaks] = 1
    return found


def random_clips(rng, clips, frames, size, most=6):
    """Draws boxes, some of them on the edges, ignored, empty or coincident."""

    def box():
        corner = rng.uniform(0, size - 1, 2)
        end = np.minimum(corner + rng.uniform(0.5, size, 2), size)
        kind = int(rng.integers(3))
        drawn = (kind, *np.float32([*corner, *end]).tolist())
        if rng.random() < 0.1:
            drawn = (*drawn[:3], *drawn[1:3])
        return (*drawn, 1) if rng.random() < 0.25 else drawn

    def frame():
        if rng.random() < 0.15:
            return None
        boxes = [box() for _ in range(rng.integers(most))]
        if boxes and rng.random() < 0.3:
            boxes.append((int(rng.integers(3)), *boxes[0][1:5]))
        return boxes

    return [[frame() for _ in range(frames)] for _ in range(clips)]


@pytest.mark.parametrize("stride", [4, 8, 16])
def test_targets_equal_those_of_plain_loops(stride):
    config = CONFIG.changed(stride=stride, image_size=64)
    clips = random_clips(np.random.default_rng(stride), 4, 3, 64)
    found = targets_of(clips, config)
    for name, values in expected_targets(clips, config).items():
        assert found[name].dtype == np.float32
        np.testing.assert_allclose(found[name], values, atol=2e-6, err_msg=name)


def test_targets_of_one_box_by_hand():
    # 16 x 32 pixels around (28, 36): the cell (3, 4) of 8 pixels.
    found = targets_of([[[(1, 20, 20, 36, 52)], []]])
    assert np.argwhere(found["centre"]).tolist() == [[0, 0, 4, 3, 0]]
    np.testing.assert_array_equal(found["box_size"][0, 0, 4, 3], [2, 4])
    np.testing.assert_array_equal(found["box_offset"][0, 0, 4, 3], [0.5, 0.5])
    heat = found["heatmap"][0, 0]
    assert heat[4, 3].tolist() == [0, 1, 0]
    wide, tall = (0.54 * 2 + 1) / 6, (0.54 * 4 + 1) / 6
    np.testing.assert_allclose(heat[4, 4, 1], np.exp(-0.5 / wide**2), rtol=1e-5)
    np.testing.assert_allclose(heat[5, 3, 1], np.exp(-0.5 / tall**2), rtol=1e-5)
    assert found["counted"].all()
    assert not found["heatmap"][0, 1].any()


def test_a_centre_on_the_last_edge_belongs_to_the_last_cell():
    found = targets_of([[[(0, 63, 62, 65, 66)], []]])
    assert np.argwhere(found["centre"])[:, 2:4].tolist() == [[7, 7]]
    np.testing.assert_array_equal(found["box_offset"][0, 0, 7, 7], [1, 1])


def test_targets_are_equal_in_a_pipeline():
    clips = random_clips(np.random.default_rng(0), 2, 2, 64)
    data = tf.data.Dataset.from_tensor_slices(truth_of(clips)).batch(2)
    (batch,) = data.map(lambda truth: box_targets(truth, CONFIG))
    for name, values in targets_of(clips).items():
        np.testing.assert_allclose(getattr(batch, name), values, atol=1e-6)


def test_focal_loss_by_hand():
    logits = tf.constant([0.0, 0.0, 2.0, -2.0, 60.0, -60.0], tf.float32)
    target = tf.constant([1.0, 0.0, 0.5, 1.0, 0.0, 1.0], tf.float32)
    p = 1 / (1 + np.exp(-2))
    expected = [
        0.25 * np.log(2),  # (1 - 0.5)^2 log 2
        0.25 * np.log(2),
        0.5**4 * p**2 * -np.log(1 - p),
        p**2 * -np.log(1 - p),
        60.0,  # Finite even where the score is rounded to 1.
        60.0,
    ]
    np.testing.assert_allclose(focal_loss(target, logits), expected, rtol=1e-5)


def test_class_loss_is_that_of_the_most_confused_class():
    random = np.random.default_rng(3)
    logits = random.normal(0, 3, (2, 2, 4, 4, 3)).astype(np.float32)
    hits = (random.uniform(size=logits.shape) < 0.2).astype(np.float32)
    expected = np.zeros_like(logits)
    for kind in range(3):
        centres = hits[..., kind] == 1
        means = logits[centres].mean(axis=0)
        rival = max({0, 1, 2} - {kind}, key=lambda other: means[other])
        own, other = logits[centres][:, [kind, rival]].T
        expected[centres, kind] = np.log1p(np.exp(other - own))
    assert np.count_nonzero(expected) > 20
    np.testing.assert_allclose(class_loss(hits, logits), expected, rtol=1e-4)


def test_a_single_class_has_no_rival():
    logits = tf.random.stateless_normal((1, 1, 2, 2, 1), (0, 0))
    assert not np.any(class_loss(tf.ones_like(logits), logits))


def perfect(targets, config=CONFIG):
    """Returns outputs that find the boxes of targets with a score near 1."""
    heat = targets.heatmap.numpy()
    return {
        "heatmap": tf.constant(np.where(heat == 1, 20.0, -20.0), tf.float32),
        "box_size": targets.box_size,
        "box_offset": targets.box_offset,
    }


def boxes_of(clips):
    truth = {name: tf.constant(x) for name, x in truth_of(clips).items()}
    return box_targets(truth, CONFIG)


def test_losses_are_zero_for_the_right_boxes_and_count_per_box():
    clips = [[[(0, 4, 4, 20, 20)], [(1, 30, 30, 50, 50), (2, 4, 40, 20, 60)]]]
    targets = boxes_of(clips)
    outputs = perfect(targets)
    for values in losses(targets, outputs).values():
        np.testing.assert_allclose(values, [0.0], atol=1e-6)
    # Each of three boxes is two cells too wide.
    wrong = {**outputs, "box_size": outputs["box_size"] + [2.0, 0.0]}
    found = losses(targets, wrong)
    np.testing.assert_allclose(found["box_size"], [2.0], rtol=1e-6)
    np.testing.assert_allclose(found["box_offset"], [0.0], atol=1e-6)
    # One of three boxes is missed.
    heat = outputs["heatmap"].numpy()
    cell = np.argwhere(targets.heatmap.numpy() == 1)[0]
    heat[tuple(cell)] = -20.0
    found = losses(targets, {**outputs, "heatmap": tf.constant(heat)})
    np.testing.assert_allclose(found["heatmap"], [20 / 3], rtol=1e-4)
    # All classes have equal scores there.
    np.testing.assert_allclose(found["class"], [np.log(2) / 3], rtol=1e-4)


def test_ignored_boxes_and_unannotated_frames_cost_nothing():
    # The clip has no other box, so any score in a cell that counts costs.
    clips = [[[(1, 16, 16, 40, 40, 1)], None]]
    targets = boxes_of(clips)
    inside = np.full((1, 2, 8, 8, 3), -60.0, np.float32)
    inside[0, 0, 2:5, 2:5, 1] = 5.0
    inside[0, 1] = 5.0
    outputs = {
        "heatmap": tf.constant(inside),
        "box_size": tf.ones((1, 2, 8, 8, 2)),
        "box_offset": tf.ones((1, 2, 8, 8, 2)),
    }
    for values in losses(targets, outputs).values():
        np.testing.assert_allclose(values, [0.0], atol=1e-6)
    # Another class in the same place, and the same class beside it.
    for row, kind in ((2, 0), (5, 1)):
        wrong = inside.copy()
        wrong[0, 0, row, 2, kind] = 5.0
        found = losses(targets, {**outputs, "heatmap": tf.constant(wrong)})
        assert found["heatmap"][0] > 1


def test_the_mean_over_clips_is_the_loss_per_box_of_the_batch():
    one, two = [(0, 4, 4, 20, 20)], [(1, 30, 30, 50, 50), (2, 4, 40, 20, 60)]
    targets = boxes_of([[one, []], [two, one], [[], []]])
    outputs = perfect(targets)
    wrong = {**outputs, "box_offset": outputs["box_offset"] + 0.25}
    found = losses(targets, wrong)["box_offset"].numpy()
    np.testing.assert_allclose(found, [0.375, 1.125, 0.0], rtol=1e-6)
    np.testing.assert_allclose(found.mean(), 0.5, rtol=1e-6)
