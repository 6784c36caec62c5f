"""The index finds what TFRecord readers find, and is repaired."""

import pathlib
import shutil
import zlib

import numpy as np
import pytest
import tensorflow as tf

from testing.prepared import shared_prepared
from tsm_keras.data.readers.prepared_reader import PreparedReader
from tsm_keras.data.storage import split_index
from tsm_keras.data.storage.clip_record import parse_clip
from tsm_keras.data.storage.prepared_dataset import open_prepared
from tsm_keras.data.storage.split_index import index_path, read_split_index


@pytest.fixture
def copy(tmp_path):
    """A copy of a data set."""
    folder = shutil.copytree(shared_prepared().folder, tmp_path / "set")
    return open_prepared(folder)


def _records(dataset):
    """Returns the parsed records of each shard of the training split."""
    return [
        [parse_clip(record) for record in tf.data.TFRecordDataset(path)]
        for path in dataset.shard_paths("train")
    ]


def _write_old_indexes(dataset):
    """Writes an index per shard as earlier versions did, and removes ours."""
    index_path(dataset.folder, "train").unlink()
    shards = dataset.split("train").shards
    for shard, records in zip(shards, _records(dataset), strict=True):
        path = dataset.folder / shard.file
        content, end, clips, frames = path.read_bytes(), 0, [], []
        for record in records:
            jpegs = record["frames"].numpy().tolist()
            names = ("label", "frame_rate", "height", "width")
            label, *rest = (record[name].numpy() for name in names)
            clips.append((label, len(jpegs), *rest))
            for jpeg in jpegs:
                begin = content.index(jpeg, end)
                end = begin + len(jpeg)
                frames.append((begin, len(jpeg), zlib.crc32(jpeg)))
        path.with_name(f"{path.name}.index").write_bytes(
            bytes.fromhex(shard.sha256)
            + np.array(clips, "<i4, <i4, <f4, <i4, <i4").tobytes()
            + np.array(frames, "<i8, <i4, <u4").tobytes()
        )


def test_the_index_is_of_what_the_records_hold(copy):
    index = read_split_index(copy, "train")
    records = [record for shard in _records(copy) for record in shard]
    assert len(index.table.clips) == len(records) == 8
    for name in ("label", "frame_rate", "height", "width", "start", "end"):
        np.testing.assert_array_equal(
            index.table.clips[name], [record[name] for record in records]
        )
    rng = np.random.default_rng(0)
    for number, record in enumerate(records):
        assert index.table.names[number] == record["data_path"].numpy()
        jpegs = record["frames"].numpy()
        order = rng.permutation(len(jpegs))
        expected = jpegs[order].tolist()
        assert index.read(number, order).tolist() == expected
        content = pathlib.Path(index.path(number)).read_bytes()
        assert index.read(number, order, content).tolist() == expected


@pytest.mark.parametrize("change", ["missing", "cut off", "of another shard"])
def test_an_index_that_does_not_fit_is_written_anew(copy, change):
    index = index_path(copy.folder, "train")
    content = index.read_bytes()
    if change == "missing":
        index.unlink()
    else:
        other = (
            content[:-1] if change == "cut off" else bytes(32) + content[32:]
        )
        index.write_bytes(other)
    read_split_index(copy, "train")
    assert index.read_bytes() == content


def test_an_index_that_cannot_be_written_is_an_error_that_helps(copy):
    index_path(copy.folder, "train").unlink()
    # Stops even a user who may write everywhere.
    index_path(copy.folder, "train").mkdir()
    with pytest.raises(
        OSError, match="Open the data set once where its folder"
    ):
        read_split_index(copy, "train")


def test_data_sets_of_earlier_versions_are_opened_without_reading_frames(copy):
    content = index_path(copy.folder, "train").read_bytes()
    _write_old_indexes(copy)
    for shard in copy.split("train").shards:  # Nothing may look at frames.
        path = copy.folder / shard.file
        _damage(path, path.stat().st_size - 100)
    read_split_index(copy, "train")
    assert index_path(copy.folder, "train").read_bytes() == content


def test_data_sets_of_earlier_versions_need_not_be_writable(copy):
    expected = read_split_index(copy, "train")
    _write_old_indexes(copy)
    index_path(copy.folder, "train").mkdir()
    found = read_split_index(copy, "train")
    np.testing.assert_array_equal(found.table.names, expected.table.names)
    np.testing.assert_array_equal(found.table.frames, expected.table.frames)


def test_names_and_frames_of_all_openings_come_from_one_read(copy, monkeypatch):
    expected = PreparedReader(copy, "train").clip_names
    for path in copy.shard_paths("train"):
        pathlib.Path(path).rename(f"{path} is away")

    def refuse(*arguments):
        raise AssertionError(f"{arguments} is read again")

    monkeypatch.setattr(split_index, "open", refuse, raising=False)
    reader = PreparedReader(copy, "train")
    assert reader.clip_names == expected and len(set(expected)) == 8


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
    index = read_split_index(copy, "train")
    path = pathlib.Path(index.path(0))
    offset, length, _ = index.table.frames[0].tolist()
    clips = PreparedReader(copy, "train", cache=cache)
    _decode(clips, 0)
    _damage(path, offset + length // 2)
    clips = PreparedReader(copy, "train", cache=cache)
    _decode(clips, 1)
    with pytest.raises(tf.errors.UnknownError, match=f"{path.name} is damaged"):
        _decode(clips, 0)


def test_no_index_is_made_of_a_damaged_shard(copy):
    path = pathlib.Path(copy.shard_paths("train")[0])
    _damage(path, path.stat().st_size // 2)
    index_path(copy.folder, "train").unlink()
    with pytest.raises(ValueError, match=f"{path.name} is damaged"):
        PreparedReader(copy, "train")
    assert not index_path(copy.folder, "train").exists()
