import collections
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tsm_keras.data.prepare.collections.collection import ClipSource
from tsm_keras.data.prepare.splits import draw_splits

PARTS = {"train": 0.7, "val": 0.1, "test": 0.2}
_CLIPS = st.lists(
    st.tuples(st.integers(0, 8), st.sampled_from("abc")), min_size=1
).map(
    lambda rows: [
        ClipSource(f"person{person}/{number}.mp4", label)
        for number, (person, label) in enumerate(rows)
    ]
)


@settings(deadline=None)
@given(_CLIPS, st.integers(0, 5), st.randoms())
def test_no_group_is_in_two_splits_and_order_does_not_matter(clips, seed, rng):
    regex = r"person(\d)/"
    splits = draw_splits(clips, PARTS, group_regex=regex, seed=seed)
    sides = collections.defaultdict(set)
    for clip, split in zip(clips, splits, strict=True):
        sides[clip.path.split("/")[0]].add(split)
    assert all(len(each) == 1 for each in sides.values())
    drawn = dict(zip(clips, splits, strict=True))
    rng.shuffle(clips)
    again = draw_splits(clips, PARTS, group_regex=regex, seed=seed)
    assert dict(zip(clips, again, strict=True)) == drawn


@pytest.mark.parametrize("regex", [None, r"^(\d+)_"])
def test_every_class_gets_its_share(regex):
    rng = random.Random(0)
    # 60 groups of 1 to 9 clips, in classes of very different size.
    clips = [
        ClipSource(f"{group}_{number}.mp4", rng.choice("aaaaaaabbc"))
        for group in range(60)
        for number in range(rng.randint(1, 9))
    ]
    splits = draw_splits(clips, PARTS, group_regex=regex)
    totals = collections.Counter(clip.label for clip in clips)
    found = collections.Counter(
        (clip.label, split) for clip, split in zip(clips, splits, strict=True)
    )
    for label, total in totals.items():
        for split, part in PARTS.items():
            share = found[label, split] / total
            # Within one clip, or with groups a little more.
            assert abs(share - part) <= (1 / total if regex is None else 0.08)


@settings(deadline=None)
@given(st.lists(st.integers(1, 6), min_size=1, max_size=30), st.integers(0, 5))
def test_small_classes_fill_every_split(sizes, seed):
    clips = [
        ClipSource(f"{label}/{number}.mp4", str(label))
        for label, size in enumerate(sizes)
        for number in range(size)
    ]
    found = collections.Counter(draw_splits(clips, PARTS, seed=seed))
    assert len(found) == min(3, len(clips))
    assert found["train"] >= len(clips) / 3


@pytest.mark.parametrize(
    ("classes", "size", "persons", "least"),
    [(20, 3, None, 5), (20, 5, None, 9), (6, 20, 6, 18), (1, 10, None, 1)],
)
def test_a_few_clips_or_groups_per_class_are_enough(
    classes, size, persons, least
):
    clips = [
        ClipSource(f"{label}/{number % (persons or size)}_{number}", str(label))
        for label in range(classes)
        for number in range(size)
    ]
    parts = {"train": 0.8, "val": 0.1, "test": 0.1}
    regex = r"/(\d+)_" if persons else None
    found = collections.Counter(draw_splits(clips, parts, group_regex=regex))
    assert min(found["val"], found["test"]) >= least
    assert found["train"] >= 0.7 * len(clips)


def test_another_seed_draws_others():
    clips = [ClipSource(f"{number}.mp4", "a") for number in range(50)]
    draws = {tuple(draw_splits(clips, PARTS, seed=seed)) for seed in range(3)}
    assert len(draws) == 3


def test_a_lone_clip_is_for_training():
    assert draw_splits([ClipSource("1.mp4", "a")], PARTS) == ["train"]


@pytest.mark.parametrize(
    ("regex", "message"),
    [("(", "must be a regular expression"), ("x(.)", "must match every path")],
)
def test_a_wrong_regex_is_refused(regex, message):
    with pytest.raises(ValueError, match=message):
        draw_splits([ClipSource("1.mp4", "a")], PARTS, group_regex=regex)


def test_fractions_are_checked():
    for parts in ({"train": 0.9}, {"train": 1.5, "test": -0.5}):
        with pytest.raises(ValueError, match="have the sum 1"):
            draw_splits([ClipSource("1.mp4", "a")], parts)
