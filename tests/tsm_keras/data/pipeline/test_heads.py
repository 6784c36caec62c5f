"""Clips with several heads, from shards to batches."""

import json

import numpy as np
import pytest
import tensorflow as tf

from testing.heads import FLIP_PAIRS, LIGHTS, MOTIONS, shared_heads
from tsm_keras.data.augment.augmentation import AugmentationConfig
from tsm_keras.data.labels import Head
from tsm_keras.data.pipeline.dataset import make_dataset
from tsm_keras.data.pipeline.sampling import SamplingConfig
from tsm_keras.data.pipeline.views import ViewConfig, make_views
from tsm_keras.data.readers.clip_reader import data_heads, open_clips
from tsm_keras.data.readers.prepared_reader import PreparedReader
from tsm_keras.data.storage.prepared_dataset import open_prepared
from tsm_keras.data.storage.split_index import index_path
from tsm_keras.models.config import VideoClassifierConfig

HEADS = (Head(MOTIONS, "motion"), Head(LIGHTS, "light"))
CONFIG = VideoClassifierConfig(num_classes=2, image_size=32, num_segments=2)


def _named(reader):
    """Returns the class names of each clip's heads, by its file."""
    labels = [
        reader.describe(number)["label"].numpy()
        for number in range(reader.num_clips)
    ]
    return {
        name: {
            head.name: head.label_names[number]
            for head, number in zip(reader.heads, label, strict=True)
        }
        for name, label in zip(reader.clip_names, labels, strict=True)
    }


def _expected(name):
    """The name of a file of the fixture tells its classes."""
    way, light = name.split("_")[1:3]
    return {"motion": f"swipe_{way}", "light": light}


def test_the_data_set_is_read_as_it_was_listed():
    dataset = shared_heads()
    assert dataset.heads == data_heads(dataset.folder) == HEADS
    assert open_prepared(dataset.folder) == dataset
    reader = open_clips(dataset.folder, "train")
    named = _named(reader)
    assert len(named) == 16
    assert named == {name: _expected(name) for name in named}
    for head, expected in zip(reader.heads, HEADS, strict=True):
        assert head.label_names == expected.label_names
        assert head.clips_per_label == (8, 8)
    assert [head.mirrored_labels for head in reader.heads] == [(1, 0), (0, 1)]
    for wrong in ("label_names", "clips_per_label", "mirrored_labels"):
        with pytest.raises(ValueError, match="a single head here"):
            getattr(reader, wrong)


def test_the_description_has_a_format_that_older_versions_refuse():
    folder = shared_heads().folder
    fields = json.loads((folder / "dataset.json").read_text())
    assert fields["format_version"] == 2 and "label_names" not in fields
    assert (folder / "labels_light.txt").read_text() == "day\nnight\n"
    assert not (folder / "labels.txt").exists()


def test_others_read_the_labels_by_mediasequence_keys_with_a_prefix():
    dataset = shared_heads()
    keys = {
        f"{head}/clip/label/{key}": tf.io.FixedLenFeature([], dtype)
        for head in ("motion", "light")
        for key, dtype in (("index", tf.int64), ("string", tf.string))
    } | {"clip/data_path": tf.io.FixedLenFeature([], tf.string)}
    for record in tf.data.TFRecordDataset(dataset.shard_paths("train")):
        found, _ = tf.io.parse_single_sequence_example(record, keys)
        expected = _expected(found["clip/data_path"].numpy().decode())
        for head in HEADS:
            name = expected[head.name]
            text = found[f"{head.name}/clip/label/string"].numpy().decode()
            number = int(found[f"{head.name}/clip/label/index"])
            assert text == name == head.label_names[number]


def test_a_missing_index_is_written_as_it_was():
    dataset = shared_heads()
    path = index_path(dataset.folder, "test")
    before = path.read_bytes()
    path.unlink()
    PreparedReader(dataset, "test")
    assert path.read_bytes() == before


def test_heads_and_classes_are_matched_by_name():
    dataset = shared_heads()
    model = (
        Head(("dawn", *LIGHTS[::-1]), "light"),
        Head(MOTIONS[::-1], "motion"),
    )
    reader = open_clips(dataset.folder, "train", heads=model, may_lack=True)
    named = _named(reader)
    assert named == {name: _expected(name) for name in named}
    light, motion = reader.heads
    assert light.clips_per_label == (0, 8, 8)
    assert light.mirrored_labels == (0, 1, 2)
    assert motion.mirrored_labels == (1, 0)


@pytest.mark.parametrize(
    ("heads", "message"),
    [
        (HEADS[:1], r"heads of .* Received: \['motion', 'light'\]"),
        ((Head(MOTIONS),), "instead of a single head"),
        ((HEADS[0], Head(("dusk", "dawn"), "light")), r"missing \['dawn'"),
    ],
)
def test_other_heads_and_classes_are_refused(heads, message):
    with pytest.raises(ValueError, match=message):
        open_clips(shared_heads().folder, "train", heads=heads)


def test_flip_pairs_belong_to_the_heads_that_have_them():
    dataset = shared_heads()
    assert dataset.flip_pairs == FLIP_PAIRS
    assert dataset.mirrored_labels(dataset.heads[1]) == (0, 1)
    path = dataset.folder / "dataset.json"
    text = path.read_text()
    try:
        path.write_text(text.replace('"swipe_right"\n  ]', '"night"\n  ]'))
        with pytest.raises(ValueError, match="`flip_pairs` must name classes"):
            open_prepared(dataset.folder)
    finally:
        path.write_text(text)


def _epoch(**options):
    """Returns the clips and the labels of one epoch, by head."""
    data = make_dataset(
        shared_heads(), CONFIG, split="train", batch_size=8, **options
    )
    clips, labels = zip(*data.as_numpy_iterator(), strict=True)
    return np.concatenate(clips), {
        head: np.concatenate([batch[head] for batch in labels])
        for head in labels[0]
    }


def test_batches_have_labels_by_head():
    reader = PreparedReader(shared_heads(), "train")
    stored = np.array([reader.describe(x)["label"] for x in range(16)])
    for sampling, repeats in (("segments", 1), ("twice", 2)):
        _, labels = _epoch(training=False, sampling=SamplingConfig(sampling))
        assert [*labels] == ["motion", "light"]
        for place, found in enumerate(labels.values()):
            assert found.dtype == np.int64
            expected = np.repeat(stored[:, place], repeats)
            np.testing.assert_array_equal(found, expected)


def test_flipping_changes_only_the_heads_with_a_side():
    plain, labels = _epoch(training=True, seed=3)
    flipped, others = _epoch(
        training=True, seed=3, augmentation=AugmentationConfig(flip=True)
    )
    changed = (plain != flipped).any(axis=(1, 2, 3, 4))
    assert 2 < changed.sum() < 14
    np.testing.assert_array_equal(labels["light"], others["light"])
    np.testing.assert_array_equal(labels["motion"] != others["motion"], changed)


def test_mixed_clips_have_mixed_labels_of_every_head():
    _, plain = _epoch(training=True, seed=5)
    mixing = AugmentationConfig(mixup=1.0)
    _, labels = _epoch(training=True, seed=5, augmentation=mixing)
    share = {}
    for head, found in labels.items():
        assert found.shape == (16, 2) and found.dtype == np.float32
        np.testing.assert_allclose(found.sum(axis=1), 1, rtol=1e-6)
        for batch in np.split(np.arange(16), 2):
            one = np.eye(2)[plain[head][batch]]
            other = np.roll(one, 1, axis=0)
            mixed = (one != other).any(axis=1)
            places = one[mixed].argmax(axis=1)
            shares = found[batch][mixed, places]
            # One share per batch, and the same one for all heads.
            expected = share.setdefault(batch[0], shares[0])
            np.testing.assert_allclose(shares, expected, rtol=1e-6)
            np.testing.assert_allclose(
                found[batch], expected * one + (1 - expected) * other, atol=1e-6
            )


def test_views_have_a_label_per_head():
    views = ViewConfig(crops=10)
    reader = PreparedReader(shared_heads(), "test")
    (batch,) = make_views(reader, CONFIG, views, batch_size=100)
    assert batch["label"].shape == (80, 2)
    expected = [reader.describe(x)["label"] for x in range(8)]
    np.testing.assert_array_equal(
        batch["label"], np.repeat(expected, 10, axis=0)
    )
