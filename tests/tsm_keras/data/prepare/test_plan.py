import dataclasses
import json
import os
import shutil

import pytest

from testing.gestures import LABELS
from testing.plans import gesture_root, small_plan
from tsm_keras.data.labels import Head
from tsm_keras.data.prepare.collections.collection import ClipSource, Collection
from tsm_keras.data.prepare.plan import make_plan


@pytest.fixture
def collection(tmp_path):
    """A hundred empty files of two classes, without splits."""
    clips = []
    for number in range(100):
        path = f"p{number % 20:02d}_{number:03d}.mp4"
        (tmp_path / path).touch()
        clips.append(ClipSource(path, "ab"[number % 3 == 0]))
    return Collection(tmp_path, (Head(("a", "b")),), tuple(clips))


def _clips(plan):
    return [clip for shard in plan.shards for clip in shard.clips]


def _paths(plan, split):
    return {clip.path for clip in _clips(plan) if clip.split == split}


def test_every_clip_is_in_one_shard(collection):
    plan = make_plan(collection, clips_per_shard=7)
    assert sorted(clip.path for clip in _clips(plan)) == [
        clip.path for clip in sorted(collection.clips, key=lambda c: c.path)
    ]
    assert plan.num_clips == 100
    for shard in plan.shards:
        assert 1 <= len(shard.clips) <= 7
        assert {clip.split for clip in shard.clips} == {shard.split}
    assert [shard.file for shard in plan.shards if shard.split == "test"] == [
        "test-00000-of-00002.tfrecord",
        "test-00001-of-00002.tfrecord",
    ]


def test_the_plan_is_a_function_of_clips_and_seed(collection):
    plan = make_plan(collection, seed=3)
    shuffled = dataclasses.replace(collection, clips=collection.clips[::-1])
    assert make_plan(shuffled, seed=3) == plan
    assert make_plan(collection, seed=4).shards != plan.shards


def test_shards_mix_the_classes(collection):
    plan = make_plan(collection, clips_per_shard=20)
    for shard in plan.shards:
        if shard.split == "train":
            assert {clip.label for clip in shard.clips} == {"a", "b"}


def test_splits_are_drawn_where_none_are_given(collection):
    plan = make_plan(collection, val_fraction=0.2, test_fraction=0.0)
    assert len(_paths(plan, "val")) == pytest.approx(20, abs=2)
    assert not _paths(plan, "test")
    grouped = make_plan(collection, group_regex=r"^(p\d\d)_")
    persons = [
        {path[:3] for path in _paths(grouped, split)}
        for split in ("train", "val", "test")
    ]
    assert all(persons) and not persons[0] & persons[1]
    assert not (persons[0] | persons[1]) & persons[2]


def test_given_splits_are_kept_and_validation_can_be_drawn(collection):
    given = dataclasses.replace(
        collection,
        clips=tuple(
            dataclasses.replace(clip, split="test" if number < 30 else "train")
            for number, clip in enumerate(collection.clips)
        ),
    )
    plan = make_plan(given)
    test = {clip.path for clip in given.clips[:30]}
    assert _paths(plan, "test") == test
    assert len(_paths(plan, "train")) == 70
    drawn = make_plan(given, val_fraction=0.2)
    assert _paths(drawn, "test") == test
    assert len(_paths(drawn, "val")) == pytest.approx(14, abs=2)
    for settings in ({"test_fraction": 0.1}, {"group_regex": "p"}):
        with pytest.raises(ValueError, match="gives the splits"):
            make_plan(given, **settings)


def test_a_limit_takes_some(collection):
    plan = make_plan(collection, limit=10)
    assert plan.num_clips == 10
    assert plan.label_names == ("a", "b")


def test_what_cannot_be_read_is_rejected(collection):
    (collection.root / "p00_000.mp4").unlink()
    (collection.root / "p01_001.mp4").unlink()
    os.mkfifo(collection.root / "p01_001.mp4")
    frames = dataclasses.replace(
        collection.clips[2], frame_pattern="%d.jpg", frame_rate=1.0
    )
    long = dataclasses.replace(collection.clips[3], path="x" * 5000)
    clips = (*collection.clips[:2], frames, long, *collection.clips[4:])
    plan = make_plan(dataclasses.replace(collection, clips=clips))
    assert plan.rejected == (
        ("p00_000.mp4", "there is no such file"),
        ("p01_001.mp4", "it is not a regular file"),
        ("p02_002.mp4", "it is not a folder of frames"),
        ("x" * 5000, "there is no such file"),
    )
    assert plan.num_clips == 96
    shutil.rmtree(collection.root)
    with pytest.raises(FileNotFoundError, match="none of the 100 clips"):
        make_plan(collection)


def test_the_fingerprint_follows_what_matters(tmp_path):
    root = shutil.copytree(gesture_root(), tmp_path / "videos")
    before = small_plan(root).fingerprint()
    moved = shutil.copytree(root, tmp_path / "elsewhere" / "videos")
    assert small_plan(moved).fingerprint() == before
    with open(root / LABELS[0] / "0.mp4", "ab") as file:
        file.write(b"more")
    assert small_plan(root).fingerprint() != before


@pytest.mark.parametrize("pairs", [None, (), (("pull", "push"),)])
def test_the_fingerprint_survives_json(pairs):
    fingerprint = small_plan(flip_pairs=pairs).fingerprint()
    assert json.loads(json.dumps(fingerprint)) == fingerprint


@pytest.mark.parametrize("settings", [{"clips_per_shard": 0}, {"limit": 0}])
def test_wrong_settings_are_refused(collection, settings):
    (name,) = settings
    with pytest.raises(ValueError, match=f"`{name}`.*Received: {name}=0"):
        make_plan(collection, **settings)


def test_pairs_and_labels_are_checked_before_anything_is_decoded(collection):
    with pytest.raises(ValueError, match="`flip_pairs` must name classes"):
        make_plan(collection, flip_pairs=(("a", "c"),))
    odd = dataclasses.replace(collection, heads=(Head(("a", "b", "c\nd")),))
    with pytest.raises(ValueError, match="`label_names` must be"):
        make_plan(odd)


@pytest.mark.parametrize(
    ("pattern", "rate", "message"),
    [("img.jpg", 30.0, "must hold one number"), ("%d.jpg", 0.0, "positive")],
)
def test_patterns_and_rates_of_frames_are_checked(
    collection, pattern, rate, message
):
    frames = {"frame_pattern": pattern, "frame_rate": rate}
    clip = dataclasses.replace(collection.clips[0], **frames)
    with pytest.raises(ValueError, match=message):
        make_plan(dataclasses.replace(collection, clips=(clip,)))
