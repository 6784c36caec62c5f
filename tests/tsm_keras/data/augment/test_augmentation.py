"""Augmentations give the same eagerly and in tf.data, and for all frames."""

import colorsys
import functools

import cv2
import hypothesis
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import strategies as st

from tsm_keras.data.augment import color
from tsm_keras.data.augment.augmentation import (
    AugmentationConfig,
    augment_clip,
    augmented_box,
)
from tsm_keras.data.augment.crops import (
    center_box,
    cut,
    multi_scale_box,
    random_box,
    random_resized_box,
)
from tsm_keras.data.augment.mixing import cutmix, mixup
from tsm_keras.data.augment.rand_augment import OPERATIONS, rand_augment

seeds = st.tuples(st.integers(0, 2**31 - 1), st.integers(0, 2**31 - 1))
sides = st.integers(40, 400)
quick = hypothesis.settings(deadline=None, max_examples=25)

BOXES = {
    "center": lambda shape, size, seed: center_box(shape, size),
    "random": random_box,
    "multi_scale": multi_scale_box,
    "random_resized": lambda shape, size, seed: random_resized_box(shape, seed),
}
CONFIGS = {
    "crop": {},
    "multi_scale": {"crop": "multi_scale"},
    "random_resized": {"crop": "random_resized"},
    "flip": {"flip": True},
    "jitter": {
        "brightness": 0.4,
        "contrast": 0.4,
        "saturation": 0.4,
        "hue": 0.1,
    },
    "rand_augment": {"rand_augment": 2},
}


def _clip(frames=3, height=40, width=56, seed=0):
    """Returns a clip of coarse noise that differs in every frame."""
    shape = (frames, height // 4, width // 4, 3)
    blocks = np.random.default_rng(seed).integers(0, 256, shape, np.uint8)
    return blocks.repeat(4, axis=1).repeat(4, axis=2)


@pytest.mark.parametrize("name", BOXES)
@quick
@hypothesis.given(height=sides, width=sides, seed=seeds)
def test_boxes_lie_inside_the_frame(name, height, width, seed):
    shape = tf.constant([height, width])
    box = BOXES[name](shape, 40, tf.constant(seed)).numpy()
    assert box.shape == (4,) and box.dtype == np.int32
    top, left, box_height, box_width = box
    assert top >= 0 and left >= 0 and box_height >= 1 and box_width >= 1
    assert top + box_height <= height and left + box_width <= width


def test_the_central_box():
    np.testing.assert_array_equal(
        center_box(tf.constant([256, 341]), 224), [16, 58, 224, 224]
    )


@functools.cache
def _drawn(name, height, width, size):
    """Returns the boxes of 2,000 seeds."""
    data = tf.data.Dataset.range(2000).map(
        lambda n: BOXES[name](
            tf.constant([height, width]), size, tf.stack([n, n])
        )
    )
    return [tuple(box.tolist()) for box in data.as_numpy_iterator()]


def test_multi_scale_boxes_are_those_of_the_authors():
    """TSN's rule for a 256 x 340 frame and scales 1, .875, .75, .66.

    The sides are 256, 224, 192 and 168; the pairs, those that are neighbours;
    the places, 13 multiples of a quarter of what is left.
    """
    values = [256, 224, 192, 168]
    expected = set()
    for i, height in enumerate(values):
        for j, width in enumerate(values):
            if abs(i - j) > 1:
                continue
            down, right = (256 - height) // 4, (340 - width) // 4
            for y, x in (
                *((0, 0), (0, 4), (4, 0), (4, 4), (2, 2), (2, 0), (2, 4)),
                *((4, 2), (0, 2), (1, 1), (1, 3), (3, 1), (3, 3)),
            ):
                expected.add((y * down, x * right, height, width))
    drawn = set(_drawn("multi_scale", 256, 340, 224))
    assert drawn == expected


def test_a_side_that_is_nearly_right_becomes_right():
    heights = {box[2] for box in _drawn("multi_scale", 258, 340, 224)}
    # floor(258 * .875) = 225 becomes 224; 193 and 170 stay.
    assert heights == {258, 224, 193, 170}


def test_random_boxes_reach_every_place_alike():
    places = [box[:2] for box in _drawn("random", 42, 43, 40)]
    counts = np.unique(places, axis=0, return_counts=True)[1]
    assert len(counts) == 3 * 4
    assert counts.min() > 2000 / 12 * 0.7


def test_random_resized_boxes_have_the_areas_and_aspects_asked_for():
    boxes = np.array(_drawn("random_resized", 300, 400, 40), float)
    share = boxes[:, 2] * boxes[:, 3] / (300 * 400)
    ratio = boxes[:, 3] / boxes[:, 2]
    assert 0.075 < share.min() < 0.1 and 0.9 < share.max() <= 1
    assert 0.74 < ratio.min() < 0.76 and 1.3 < ratio.max() < 1.35


@pytest.mark.parametrize("name", CONFIGS)
def test_a_draw_is_the_same_for_all_frames_and_in_graphs(name):
    """Equal frames stay equal, and a graph gives the same as eager mode."""
    config = AugmentationConfig(**CONFIGS[name])
    still = np.repeat(_clip(1), 3, axis=0)
    label = tf.constant(1, tf.int64)

    def augment(number):
        seed = tf.stack([number, number + 7])
        box = augmented_box(tf.constant([40, 56]), 32, seed, config)
        seen = tf.ensure_shape(cut(tf.constant(still), box), [3, None, None, 3])
        square = tf.image.resize(seen, [32, 32], "nearest")
        clip, new_label = augment_clip(square, label, seed, config, [(1, 0)])
        return clip, new_label, box

    data = tf.data.Dataset.range(6).map(augment, tf.data.AUTOTUNE)
    different = set()
    for number, (clip, new_label, box) in enumerate(data.as_numpy_iterator()):
        eager, eager_label, eager_box = augment(tf.constant(number, tf.int64))
        assert new_label == eager_label
        np.testing.assert_array_equal(box, eager_box)
        # Graphs may fuse what eager rounds in between.
        error = np.abs(clip.astype(int) - eager.numpy().astype(int))
        assert error.max() <= 1
        assert clip.shape == (3, 32, 32, 3) and clip.dtype == np.uint8
        assert (clip == clip[0]).all()
        different.add(clip.tobytes())
    assert len(different) > 1


def test_a_mirrored_clip_is_of_the_partner_class():
    clip = _clip()
    config = AugmentationConfig(flip=True)
    square = clip[:, :, :40]
    seen = set()
    for number in range(20):
        found, label = augment_clip(
            square,
            tf.constant(2),
            tf.constant([number, 0]),
            config,
            [(0, 2, 1)],
        )
        expected = {2: square, 1: square[:, :, ::-1]}[int(label)]
        np.testing.assert_array_equal(found, expected)
        seen.add(int(label))
    assert seen == {1, 2}


PIXELS = st.tuples(*[st.integers(0, 255)] * 3)


@quick
@hypothesis.given(pixel=PIXELS, factor=st.floats(0, 2))
def test_colours_of_one_pixel(pixel, factor):
    """The formulas are computed by hand for a clip of one colour."""
    clip = tf.constant([[[pixel] * 2] * 2], tf.float32)
    grey = np.dot(pixel, (0.299, 0.587, 0.114))
    rgb = np.array(pixel, float)
    for change, expected in (
        (color.adjust_brightness, rgb * factor),
        (color.adjust_contrast, grey + (rgb - grey) * factor),
        (color.adjust_saturation, grey + (rgb - grey) * factor),
        (color.adjust_sharpness, rgb),
    ):
        found = change(clip, factor)[0, 0, 0]
        np.testing.assert_allclose(found, expected.clip(0, 255), atol=1e-3)


def test_hue_turns_around_the_circle():
    pixel = (200, 80, 40)
    clip = tf.constant([[[pixel]]], tf.float32)
    found = color.color_jitter(clip, tf.constant([1, 2]), hue=0.5)[0, 0, 0]
    before = colorsys.rgb_to_hsv(*np.array(pixel) / 255)
    after = colorsys.rgb_to_hsv(*found.numpy() / 255)
    np.testing.assert_allclose(after[1:], before[1:], atol=1e-4)
    assert abs(after[0] - before[0]) > 0.01


def test_posterize_and_solarize():
    clip = tf.constant([0.0, 1, 127, 128, 254, 255])[None, None, :, None]
    np.testing.assert_array_equal(
        color.posterize(clip, 2)[0, 0, :, 0], [0, 0, 64, 128, 192, 192]
    )
    np.testing.assert_array_equal(
        color.solarize(clip, 128.0)[0, 0, :, 0], [0, 1, 127, 127, 1, 0]
    )


def test_autocontrast_and_equalize_use_the_whole_range():
    clip = tf.cast(_clip() // 4 + 50, tf.float32)
    stretched = color.autocontrast(clip).numpy()
    assert stretched.min() == 0 and stretched.max() == 255
    ranks = color.equalize(clip).numpy()
    # Flat: as many in each quarter.
    counts = np.histogram(ranks, 4, (0, 255))[0] / ranks.size
    np.testing.assert_allclose(counts, 0.25, atol=0.03)
    flat = tf.fill([2, 4, 4, 3], 77.0)
    np.testing.assert_array_equal(color.autocontrast(flat), flat)


@pytest.mark.parametrize("amount", [-1.0, -0.3, 0.8])
@pytest.mark.parametrize("name", OPERATIONS)
def test_operations_of_rand_augment_keep_what_a_clip_is(name, amount):
    clip = tf.cast(np.repeat(_clip(1), 3, axis=0), tf.float32)
    found = OPERATIONS[name](clip, tf.constant(amount)).numpy()
    assert found.shape == clip.shape and found.dtype == np.float32
    assert found.min() >= 0 and found.max() <= 255
    assert (found == found[0]).all()


@pytest.mark.parametrize(
    ("name", "matrix"),
    [
        (
            "rotate",
            lambda h, w: (np.cos(np.radians(15)), -np.sin(np.radians(15)), 0),
        ),
        ("shear_x", lambda h, w: (1, 0.2, 0)),
        ("translate_x", lambda h, w: (1, 0, 0.1 * w)),
    ],
)
def test_geometry_is_opencvs(name, matrix):
    clip = _clip(1, 64, 80)
    a, b, c = matrix(64, 80)
    d, e = (-b, a) if name == "rotate" else (0, 1)
    x, y = 79 / 2, 63 / 2
    inverse = np.array(
        [[a, b, c + x - a * x - b * y], [d, e, y - d * x - e * y]], np.float64
    )
    expected = cv2.warpAffine(
        clip[0].astype(np.float32),
        inverse,
        (80, 64),
        flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
        borderMode=cv2.BORDER_REPLICATE,
    )
    found = OPERATIONS[name](tf.cast(clip, tf.float32), tf.constant(1.0))
    inner = (slice(12, 52), slice(12, 68))
    # OpenCV interpolates in steps of 1/32 of a pixel.
    error = np.abs(found[0].numpy() - expected)[inner]
    assert error.mean() < 2


def test_magnitude_zero_changes_shapes_nowhere():
    clip = tf.cast(_clip(), tf.float32)
    for name in ("rotate", "shear_x", "shear_y", "translate_x", "translate_y"):
        found = OPERATIONS[name](clip, tf.constant(0.0))
        np.testing.assert_allclose(found, clip, atol=1e-3)
    none = rand_augment(clip, tf.constant([1, 2]), num_ops=0, magnitude=9)
    np.testing.assert_array_equal(none, clip)


@quick
@hypothesis.given(seed=seeds, alpha=st.sampled_from([0.05, 0.2, 1.0, 8.0]))
def test_labels_are_mixed_as_the_pixels_are(seed, alpha):
    # Clip b is of one brightness, b, and of class b.
    clips = np.zeros((4, 2, 32, 32, 3), np.uint8)
    clips += np.array([0, 60, 120, 180], np.uint8)[:, None, None, None, None]
    labels = tf.one_hot(range(4), 4)
    for mix in (mixup, cutmix):
        found, mixed = mix(clips, labels, tf.constant(seed), alpha)
        np.testing.assert_allclose(tf.reduce_sum(mixed, 1), 1, rtol=1e-5)
        expected = mixed.numpy() @ np.array([0, 60, 120, 180])
        brightness = found.numpy().mean(axis=(1, 2, 3, 4))
        np.testing.assert_allclose(brightness, expected, atol=0.51)
        # Clip b with clip b - 1 only.
        assert (mixed.numpy()[[0, 1, 2, 3], [1, 2, 3, 0]] == 0).all()


def test_a_graph_mixes_as_eager_does():
    clips = tf.constant(np.stack([_clip(seed=seed) for seed in range(3)]))
    labels, seed = tf.one_hot(range(3), 3), tf.constant([8, 9])
    for mix in (mixup, cutmix):
        data = tf.data.Dataset.from_tensors((clips, labels))
        data = data.map(
            lambda clips, labels, mix=mix: mix(clips, labels, seed, 1.0)
        )
        graph = next(iter(data))
        eager = mix(clips, labels, seed, 1.0)
        np.testing.assert_array_equal(graph[0], eager[0])
        np.testing.assert_allclose(graph[1], eager[1], rtol=1e-6)


def test_cutmix_pastes_one_box_into_all_frames():
    clips = np.stack(
        [np.full((3, 16, 16, 3), value, np.uint8) for value in (0, 9)]
    )
    found, _ = cutmix(clips, tf.one_hot([0, 1], 2), tf.constant([4, 4]), 1.0)
    inside = found.numpy()[0, ..., 0] == 9
    assert (inside == inside[0]).all() and inside.any() and not inside.all()
    rows, columns = np.nonzero(inside[0])
    box = inside[
        0, rows.min() : rows.max() + 1, columns.min() : columns.max() + 1
    ]
    assert box.all()


@pytest.mark.parametrize(
    "fields",
    [
        {"crop": "corner"},
        {"crop_scales": ()},
        {"crop_scales": (0.5, 1.0)},
        {"crop_area": (0.5, 0.2)},
        {"brightness": -0.1},
        {"hue": 0.6},
        {"rand_augment": -1},
        {"magnitude": 11.0},
        {"mixup": -1.0},
    ],
)
def test_impossible_settings_are_refused(fields):
    (name, _) = next(iter(fields.items()))
    with pytest.raises(ValueError, match=f"`{name}`.*Received: {name}="):
        AugmentationConfig(**fields)
