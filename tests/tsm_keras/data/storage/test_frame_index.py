"""The index finds the frames that TFRecord readers find, and is repaired."""

import pathlib
import shutil

import numpy as np
import pytest
import tensorflow as tf

from testing.prepared import shared_prepared
from tsm_keras.data.readers.prepared_reader import PreparedReader
from tsm_keras.data.storage.frame_index import index_path, read_index
from tsm_keras.data.storage.prepared_dataset import open_prepared
from tsm_keras.data.storage.records import parse_clip


@pytest.fixture
def copy(tmp_path):
    """A copy of a data set, its first shard and the path of that shard."""
    folder = shutil.copytree(shared_prepared().folder, tmp_path / "set")
    shard = open_prepared(folder).split("train").shards[0]
    return folder, shard, folder / shard.file


def test_the_index_is_of_what_the_records_hold(copy):
    folder, shard, path = copy
    index = read_index(folder, shard)
    records = [parse_clip(x) for x in tf.data.TFRecordDataset(str(path))]
    assert len(index.clips) == len(records) == shard.clips
    for name in ("label", "frame_rate", "height", "width"):
        np.testing.assert_array_equal(
            index.clips[name], [record[name] for record in records]
        )
    jpegs = [jpeg for record in records for jpeg in record["frames"].numpy()]
    rows = np.random.default_rng(0).permutation(len(jpegs))
    expected = [jpegs[row] for row in rows]
    assert index.read(rows).tolist() == expected
    assert index.read(rows, path.read_bytes()).tolist() == expected


@pytest.mark.parametrize("change", ["missing", "cut off", "of another shard"])
def test_an_index_that_does_not_fit_is_written_anew(copy, change):
    folder, shard, path = copy
    index = index_path(path)
    content = index.read_bytes()
    if change == "missing":
        index.unlink()
    else:
        other = (
            content[:-1] if change == "cut off" else bytes(32) + content[32:]
        )
        index.write_bytes(other)
    read_index(folder, shard)
    assert index.read_bytes() == content


def test_an_index_that_cannot_be_written_is_an_error_that_helps(copy):
    folder, shard, path = copy
    index_path(path).unlink()
    index_path(path).mkdir()  # Stops even a user who may write everywhere.
    with pytest.raises(
        OSError, match="Open the data set once where its folder"
    ):
        read_index(folder, shard)


def _damage(path: pathlib.Path, offset: int):
    with path.open("rb+") as file:
        file.seek(offset)
        byte = file.read(1)[0]
        file.seek(offset)
        file.write(bytes([byte ^ 1]))


def _decode(clips, number):
    """Decodes one frame of the first clip."""
    clip = {"number": tf.constant(0), "indices": tf.constant([number])}
    data = clips.read_ahead(tf.data.Dataset.from_tensors(clip))
    return clips.decode(next(iter(data)), None)


@pytest.mark.parametrize("cache", [False, True])
def test_a_damaged_frame_is_an_error_that_names_the_shard(copy, cache):
    folder, shard, path = copy
    place = read_index(folder, shard).places(np.array([0]))
    offset, length, _ = place[0].tolist()
    clips = PreparedReader(open_prepared(folder), "train", cache=cache)
    _decode(clips, 0)
    _damage(path, offset + length // 2)
    clips = PreparedReader(open_prepared(folder), "train", cache=cache)
    _decode(clips, 1)
    with pytest.raises(tf.errors.UnknownError, match=f"{path.name} is damaged"):
        _decode(clips, 0)


def test_no_index_is_made_of_a_damaged_shard(copy):
    folder, _, path = copy
    _damage(path, path.stat().st_size // 2)
    index_path(path).unlink()
    with pytest.raises(ValueError, match=f"{path.name} is damaged"):
        PreparedReader(open_prepared(folder), "train")
    assert not index_path(path).exists()
