import functools
import pathlib
import tempfile

import hypothesis
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import strategies as st

from testing.boxed_videos import shared_boxed
from testing.painted_videos import bright_part, write_sequence
from tsm_keras.data.augment.augmentation import (
    AugmentationConfig,
    augmented_box,
    mirror_at_random,
)
from tsm_keras.data.augment.boxes import crop_boxes, mirror_boxes
from tsm_keras.data.augment.crops import cut
from tsm_keras.data.pipeline.boxed_clips import make_detection_dataset
from tsm_keras.data.pipeline.dataset import make_square
from tsm_keras.data.prepare.prepare import prepare
from tsm_keras.data.readers.detection_videos import detection_videos
from tsm_keras.data.storage.image_settings import ImageSettings
from tsm_keras.models.config import VideoDetectorConfig


def _config(**changes):
    fields = {
        "labels": shared_boxed().label_names,
        "image_size": 32,
        "resize_size": 48,
        "num_segments": 4,
        "frame_interval": 0.04,
    }
    return VideoDetectorConfig(**fields | changes)


def _dataset(config=None, **changes):
    options = {"split": "train", "batch_size": 2, "training": True}
    return make_detection_dataset(
        changes.pop("source", None) or shared_boxed(),
        config or _config(),
        **options | changes,
    )


@hypothesis.settings(max_examples=40, deadline=None)
@hypothesis.given(
    height=st.integers(40, 70),
    width=st.integers(40, 70),
    corners=st.tuples(*[st.floats(0, 1)] * 4),
    crop=st.sampled_from(["random", "multi_scale", "random_resized"]),
    flip=st.booleans(),
    seed=st.integers(0, 2**31),
)
def test_a_painted_rectangle_stays_under_its_box(
    height, width, corners, crop, flip, seed
):
    x0, x1 = sorted(round(x * width) for x in corners[:2])
    y0, y1 = sorted(round(y * height) for y in corners[2:])
    frames = np.full((2, height, width, 3), 30, np.uint8)
    frames[:, y0:y1, x0:x1] = 230
    size, seeds = 32, tf.constant([seed, 1])
    config = AugmentationConfig(crop=crop, crop_area=(0.3, 1.0), flip=flip)
    part = augmented_box(tf.constant([height, width]), size, seeds, config)
    clip = make_square(cut(tf.constant(frames), part), size)
    boxes = tf.constant([[x0, y0, x1, y1]], tf.float32)
    boxes, share = crop_boxes(boxes, part, size)
    if flip:
        clip, flipped = mirror_at_random(clip, seeds)
        boxes = tf.where(flipped, mirror_boxes(boxes, size), boxes)
    box = boxes[0].numpy()
    painted = bright_part(clip[1])
    if painted is None:  # Less than half of a pixel is left.
        assert share[0] == 0 or np.min(box[2:] - box[:2]) < 1.2
    else:
        assert share[0] > 0
        np.testing.assert_allclose(box, painted, atol=1.2)


def test_the_share_of_a_box_that_is_left():
    crop = tf.constant([10, 20, 30, 30])  # Top, left, height, width.
    boxes = [[20, 10, 30, 20], [10, 10, 30, 20], [0, 0, 9, 9], [25, 15, 25, 15]]
    moved, share = crop_boxes(tf.constant(boxes, tf.float32), crop, 60)
    np.testing.assert_allclose(share, [1, 0.5, 0, 0])
    np.testing.assert_allclose(moved[0], [0, 0, 20, 20])
    np.testing.assert_allclose(moved[1], [0, 0, 20, 20])


@functools.cache
def _painted():
    """Returns a prepared video of a rectangle that moves in wide frames."""
    holder = tempfile.TemporaryDirectory()
    root = pathlib.Path(holder.name)
    boxes = [(4 + 3 * i, 8 + i, 28 + 3 * i, 26 + i) for i in range(16)]
    write_sequence(root / "in", boxes, [(50, 80)] * 16)
    dataset = prepare(
        root / "in",
        root / "out",
        "mot",
        images=ImageSettings(40, quality=95),
        val_fraction=0,
        test_fraction=0,
        workers=1,
    )
    return dataset, holder


@pytest.mark.parametrize("resize_size", [40, 36])
@pytest.mark.parametrize("training", [True, False])
def test_a_rectangle_stays_under_its_box_from_the_file_on(
    training, resize_size
):
    config = _config(labels=("object",), resize_size=resize_size)
    data = _dataset(
        config,
        source=_painted()[0],
        training=training,
        augmentation=AugmentationConfig(
            crop="random_resized", crop_area=(0.5, 1), flip=True, brightness=0.1
        ),
        epochs=range(3) if training else None,
    )
    checked = 0
    for clips, truth in data:
        for frame, box, label in zip(
            clips.numpy().reshape(-1, 32, 32, 3),
            truth["boxes"].numpy().reshape(-1, 4),
            truth["classes"].numpy().reshape(-1),
            strict=True,
        ):
            painted = bright_part(frame)
            if painted is None:
                assert label == -1 or np.min(box[2:] - box[:2]) < 1.5
            elif label == 0:
                np.testing.assert_allclose(box, painted, atol=2)
                checked += 1
    assert checked >= 10


def test_shapes_types_and_padding():
    clips, truth = next(iter(_dataset(max_boxes=40)))
    assert clips.shape == (2, 4, 32, 32, 3) and clips.dtype == tf.uint8
    assert truth["boxes"].shape == (2, 4, 40, 4)
    assert truth["boxes"].dtype == tf.float32
    assert truth["classes"].shape == truth["ignored"].shape == (2, 4, 40)
    assert truth["classes"].dtype == tf.int32
    assert truth["ignored"].dtype == truth["annotated"].dtype == tf.bool
    assert truth["annotated"].shape == (2, 4)
    none = truth["classes"].numpy() == -1
    assert none.any() and not truth["boxes"].numpy()[none].any()
    assert not truth["ignored"].numpy()[none].any()
    boxes = truth["boxes"].numpy()[~none]
    assert np.all((boxes >= 0) & (boxes <= 32))
    assert np.all(boxes[:, 2:] > boxes[:, :2])


def test_too_few_places_for_boxes_are_refused():
    with pytest.raises(ValueError, match=r"`max_boxes` must be at least .*=1$"):
        _dataset(max_boxes=1)


def test_each_video_gives_the_clips_that_fit_into_it():
    # Of 20 frames, in 4 videos.
    for config, count in (
        (_config(), 20),
        (_config(frame_interval=0.08), 8),
        (_config(frame_interval=10.0), 4),
    ):
        for training in (True, False):
            data = _dataset(config, batch_size=1, training=training)
            assert len(data) == count == sum(1 for _ in data)


def test_evaluation_covers_each_video_in_order():
    """It sees the central 32 of 48 pixels of all frames."""
    data = _dataset(batch_size=5, training=False, split="val")
    clips, truth = next(iter(data))
    (video,) = detection_videos(shared_boxed(), "val")
    whole = np.stack([*video.frames()])
    frames = clips.numpy().reshape(20, 32, 32, 3)
    np.testing.assert_array_equal(frames, whole[:, 8:40, 8:40])
    for frame in range(20):
        expected = video.truth(frame)
        place = np.unravel_index(frame, (5, 4))
        there = truth["classes"][place].numpy() >= 0
        boxes = np.clip(expected.boxes - 8, 0, 32)
        seen = np.all(boxes[:, 2:] > boxes[:, :2], axis=1)
        np.testing.assert_allclose(
            truth["boxes"][place].numpy()[there], boxes[seen], atol=1e-4
        )
        np.testing.assert_array_equal(
            truth["classes"][place].numpy()[there], expected.classes[seen]
        )


def _flat(batch):
    clips, truth = batch
    return [clips.numpy(), *(truth[name].numpy() for name in sorted(truth))]


def test_equal_seeds_give_equal_batches_and_epochs_differ():
    augmentation = AugmentationConfig(
        crop="multi_scale", flip=True, contrast=0.3
    )

    def batches(seed, epochs):
        data = _dataset(seed=seed, epochs=epochs, augmentation=augmentation)
        return [_flat(batch) for batch in data]

    first, again = batches(0, [0]), batches(0, [0])
    for one, other in zip(first, again, strict=True):
        for a, b in zip(one, other, strict=True):
            np.testing.assert_array_equal(a, b)
    for others in (batches(1, [0]), batches(0, [1])):
        assert any(
            np.any(one[0] != other[0])
            for one, other in zip(first, others, strict=True)
        )


def test_mirroring_swaps_the_classes_of_flip_pairs():
    dataset = shared_boxed()
    names = list(dataset.label_names)
    partner = dict(dataset.flip_pairs)
    partner |= {b: a for a, b in partner.items()}
    plain = AugmentationConfig()
    mirrored = 0
    for one, other in zip(
        _dataset(augmentation=plain, epochs=[0]),
        _dataset(augmentation=AugmentationConfig(flip=True), epochs=[0]),
        strict=True,
    ):
        for clip, flipped, labels, swapped, boxes, moved in zip(
            one[0].numpy(),
            other[0].numpy(),
            one[1]["classes"].numpy(),
            other[1]["classes"].numpy(),
            one[1]["boxes"].numpy(),
            other[1]["boxes"].numpy(),
            strict=True,
        ):
            if np.array_equal(clip, flipped):
                np.testing.assert_array_equal(labels, swapped)
                continue
            mirrored += 1
            np.testing.assert_array_equal(clip[:, :, ::-1], flipped)
            for before, after in zip(labels.flat, swapped.flat, strict=True):
                expected = -1
                if before >= 0:
                    name = names[before]
                    expected = names.index(partner.get(name, name))
                assert after == expected
            there = labels >= 0
            np.testing.assert_allclose(
                moved[there][:, [2, 1, 0, 3]],
                np.abs(boxes[there] - [32, 0, 32, 0]),
                atol=1e-4,
            )
    assert mirrored >= 3


def test_classes_are_matched_by_name():
    names = shared_boxed().label_names
    there = [
        next(iter(_dataset(_config(labels=order), epochs=[0])))[1]["classes"]
        for order in (names, names[::-1])
    ]
    first, second = (x.numpy() for x in there)
    np.testing.assert_array_equal(
        np.where(first >= 0, len(names) - 1 - first, -1), second
    )


@pytest.mark.parametrize(
    ("changes", "match"),
    [
        ({"config": {"labels": ("car",)}}, "classes of .* are not those"),
        ({"config": {"frame_interval": 0.0}}, "`frame_interval`"),
        ({"augmentation": AugmentationConfig(rand_augment=1)}, "RandAugment"),
        ({"augmentation": AugmentationConfig(mixup=0.2)}, "MixUp"),
        ({"batch_size": 0}, "`batch_size`"),
        ({"num_workers": 21}, "`num_workers`"),
        ({"split": "test"}, "`split`"),
    ],
)
def test_wrong_arguments_are_refused(changes, match):
    changes = dict(changes)
    config = _config(**changes.pop("config", {}))
    with pytest.raises(ValueError, match=rf"{match}.*Received"):
        _dataset(config, **changes)


def test_workers_share_the_clips():
    whole = [_flat(x)[0] for x in _dataset(batch_size=4, epochs=[0])]
    parts = [
        [
            _flat(x)[0]
            for x in _dataset(
                batch_size=2, epochs=[0], num_workers=2, worker=worker
            )
        ]
        for worker in range(2)
    ]
    for all_clips, *shared in zip(whole, *parts, strict=True):
        np.testing.assert_array_equal(all_clips, np.concatenate(shared))
