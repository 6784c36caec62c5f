import dataclasses
import json
import math
import re

import pytest

from tsm_keras.data.labels import Head
from tsm_keras.data.storage.image_settings import ImageSettings
from tsm_keras.data.storage.prepared_dataset import (
    PreparedDataset,
    Shard,
    Split,
    is_prepared,
    open_prepared,
    write_description,
)

_RANGE = {"min": 2.0, "median": 4.0, "max": 8.0}


@pytest.fixture
def dataset(tmp_path):
    shards = []
    for number, clips in enumerate([3, 0]):
        name = f"train-0000{number}-of-00002.tfrecord"
        (tmp_path / name).write_bytes(bytes(10 * clips))
        shards.append(Shard(name, clips, 7 * clips, 10 * clips, "00"))
    return PreparedDataset(
        folder=tmp_path,
        name="gestures",
        heads=(Head(("swipe left", "stop", "swipe right")),),
        splits={
            "train": Split(
                shards=tuple(shards),
                clips_per_label=(1, 2, 0),
                statistics=dict.fromkeys(
                    ("frames", "duration", "frame_rate"), _RANGE
                ),
            )
        },
        flip_pairs=(("swipe left", "swipe right"),),
        images=ImageSettings(),
        rejected=1,
        content_hash="abc",
        tool_version="0.1.0",
    )


def _edit(dataset, **changes):
    path = dataset.folder / "dataset.json"
    fields = json.loads(path.read_text()) | changes
    path.write_text(json.dumps(fields))


@pytest.mark.parametrize(
    ("field", "wrong"),
    [
        *(("short_side", value) for value in (0, 4097, 100_000)),
        *(("quality", value) for value in (0, 101)),
        *(
            ("max_frame_rate", value)
            for value in (0.0, -1.0, 1e300, math.inf, math.nan)
        ),
    ],
)
def test_images_that_no_clip_can_be_stored_as_are_refused(field, wrong):
    received = re.escape(f"Received: {field}={wrong}")
    with pytest.raises(ValueError, match=f"`{field}` must be .* {received}"):
        ImageSettings(**{field: wrong})


@pytest.mark.parametrize("pairs", [None, (), (("stop", "swipe left"),)])
def test_what_is_written_is_read(dataset, pairs):
    assert not is_prepared(dataset.folder)
    dataset = dataclasses.replace(dataset, flip_pairs=pairs)
    write_description(dataset)
    assert is_prepared(dataset.folder)
    assert open_prepared(dataset.folder) == dataset
    labels = (dataset.folder / "labels.txt").read_text("utf-8")
    assert labels == "swipe left\nstop\nswipe right\n"


def test_counts_and_paths_are_of_shards_with_clips(dataset):
    assert dataset.split("train").clips == 3
    assert dataset.split("train").frames == 21
    assert dataset.shard_paths("train") == [
        str(dataset.folder / "train-00000-of-00002.tfrecord")
    ]
    assert dataset.frame_interval(8) == 4.0 / 8


def test_mirrored_labels_swap_pairs_and_keep_the_rest(dataset):
    assert dataset.mirrored_labels() == (2, 1, 0)
    assert dataclasses.replace(dataset, flip_pairs=()).mirrored_labels() == (
        0,
        1,
        2,
    )
    assert (
        dataclasses.replace(dataset, flip_pairs=None).mirrored_labels() is None
    )


def test_an_unknown_split_is_refused(dataset):
    with pytest.raises(ValueError, match=r"\['train'\].*split='dev'"):
        dataset.split("dev")


def test_an_unfinished_folder_is_refused(dataset):
    with pytest.raises(FileNotFoundError, match="not a prepared data set"):
        open_prepared(dataset.folder)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"format_version": 2}, "format_version=2"),
        ({"label_names": ["a", "a", "b"]}, "distinct names"),
        ({"label_names": ["a", "b\nc", "d"]}, "of one line"),
        ({"flip_pairs": [["swipe left", "nobody"]]}, "must name classes"),
        ({"splits": {"train": {}}}, "damaged"),
        ({"surprise": 1}, "damaged"),
        ({"images": {"short_side": 256, "quality": 0}}, "in 1..100"),
    ],
)
def test_a_wrong_description_is_refused(dataset, changes, message):
    write_description(dataset)
    _edit(dataset, **changes)
    with pytest.raises(ValueError, match=message):
        open_prepared(dataset.folder)


def test_half_a_description_is_refused(dataset):
    write_description(dataset)
    path = dataset.folder / "dataset.json"
    path.write_text(path.read_text()[:100])
    with pytest.raises(ValueError, match="damaged"):
        open_prepared(dataset.folder)


def test_a_shard_outside_the_folder_is_refused(dataset):
    write_description(dataset)
    path = dataset.folder / "dataset.json"
    path.write_text(path.read_text().replace("train-00000", "../train-00000"))
    with pytest.raises(ValueError, match="lie in the folder"):
        open_prepared(dataset.folder)


def test_missing_and_shortened_shards_are_named(dataset):
    write_description(dataset)
    shard = dataset.folder / dataset.splits["train"].shards[0].file
    shard.write_bytes(bytes(29))
    with pytest.raises(ValueError, match=r"train-00000.*30 bytes.*29 bytes"):
        open_prepared(dataset.folder)
    shard.unlink()
    with pytest.raises(FileNotFoundError, match="train-00000"):
        open_prepared(dataset.folder)
