"""With a shuffle buffer, shards are read whole, and every clip comes once."""

import collections

import hypothesis
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import strategies as st

from testing.gestures import shared_videos
from testing.models import small_config
from testing.prepared import shared_prepared
from tsm_keras.data.pipeline.dataset import make_dataset
from tsm_keras.data.pipeline.epochs import training_clips
from tsm_keras.data.pipeline.sampling import SamplingConfig
from tsm_keras.data.pipeline.whole_shards import WholeShards, read_whole_shards
from tsm_keras.data.readers.clip_reader import as_reader
from tsm_keras.data.readers.shard_memory import ShardMemory

CONFIG = small_config(image_size=32, num_classes=4)


@hypothesis.given(
    st.lists(st.integers(1, 9), min_size=1, max_size=30),
    st.integers(1, 60),
    st.integers(0, 1000),
)
@hypothesis.settings(max_examples=40, deadline=None)
def test_clips_come_once_and_not_far_from_their_shard(sizes, buffer, seed):
    shards = np.repeat(np.arange(len(sizes)), sizes)
    order = WholeShards(shards, buffer).order(tf.constant([seed, 1])).numpy()
    assert sorted(order) == [*range(len(shards))]
    # Without waiting, each shard is one block, and its clips keep their order.
    ranks = WholeShards(shards, 1).order(tf.constant([seed, 1])).numpy()
    assert len([*_blocks(shards[ranks])]) == len(sizes)
    place = np.argsort(ranks)
    assert abs(place[order] - np.arange(len(order))).max() < buffer


@pytest.mark.parametrize(("size", "buffer"), [(32, 500), (1, 40), (7, 3)])
def test_each_shard_is_read_once_per_epoch(tmp_path, size, buffer):
    shards = np.arange(1000) // size
    order = WholeShards(shards, buffer)
    reads = collections.Counter()

    class Counted(ShardMemory):
        def content(self, path):
            before = {*self._contents}
            found = super().content(path)
            reads[path] += path not in before
            return found

    memory = Counted(order.open_shards)
    for shard in range(shards[-1] + 1):
        (tmp_path / str(shard)).write_bytes(b"%d" % shard)
    for clip in order.order(tf.constant([0, 0])).numpy():
        path = str(tmp_path / str(shards[clip]))
        assert memory.content(path) == b"%d" % shards[clip]
    assert set(reads.values()) == {1} and len(reads) == shards[-1] + 1


def _blocks(numbers):
    return np.split(numbers, np.flatnonzero(np.diff(numbers)) + 1)


def test_clips_of_far_shards_do_not_meet_but_those_of_near_ones_do():
    shards = np.arange(1000) // 10
    order = WholeShards(shards, 50).order(tf.constant([3, 4])).numpy()
    together = [len({*shards[order[i : i + 10]]}) for i in range(0, 1000, 10)]
    assert 3 <= np.mean(together) <= 7


def _epoch(data):
    return [(clips.numpy(), labels.numpy()) for clips, labels in data]


def _batches(**options):
    return make_dataset(
        shared_prepared(),
        CONFIG,
        split="train",
        batch_size=2,
        training=True,
        shuffle_buffer=3,
        **options,
    )


def test_an_epoch_depends_on_seed_and_number_only():
    third = _epoch(_batches(seed=5, epochs=[3]))
    later = _epoch(_batches(seed=5, epochs=[2, 3]))[len(third) :]
    for one, other in zip(third, later, strict=True):
        np.testing.assert_array_equal(one[0], other[0])
    other_seed = _epoch(_batches(seed=6, epochs=[3]))
    assert any(
        (one[0] != other[0]).any()
        for one, other in zip(third, other_seed, strict=True)
    )


def test_the_batches_of_two_workers_are_those_of_one_process():
    together = _epoch(_batches(seed=5, epochs=[3]))
    parts = [
        _epoch(
            make_dataset(
                shared_prepared(),
                CONFIG,
                split="train",
                batch_size=1,
                training=True,
                shuffle_buffer=3,
                seed=5,
                epochs=[3],
                num_workers=2,
                worker=worker,
            )
        )
        for worker in range(2)
    ]
    for (clips, labels), *own in zip(together, *parts, strict=True):
        np.testing.assert_array_equal(
            clips, np.concatenate([x[0] for x in own])
        )
        np.testing.assert_array_equal(
            labels, np.concatenate([x[1] for x in own])
        )


def test_several_clips_of_one_video_come_from_its_shard():
    clips = as_reader(shared_prepared(), "train")
    numbers = np.repeat(np.arange(clips.num_clips), 3)
    order = read_whole_shards(clips, 2, numbers)
    np.testing.assert_array_equal(order.shards, clips.shards[numbers])
    data = training_clips(len(numbers), 1, seed=0, whole_shards=order)
    drawn = [int(number) for number, _ in data]
    assert sorted(drawn) == [*range(len(numbers))]


@pytest.mark.parametrize("source", [shared_videos, shared_prepared])
@pytest.mark.parametrize("buffer", [0, 5])
def test_unfit_arguments_are_refused(source, buffer):
    if buffer and source is shared_prepared:
        options = {"sampling": SamplingConfig(balanced=True)}
    else:
        options = {}
    split = "train" if source is shared_prepared else None
    with pytest.raises(ValueError, match="`shuffle_buffer` must be .*Received"):
        make_dataset(
            source(),
            CONFIG,
            split=split,
            batch_size=2,
            training=True,
            shuffle_buffer=buffer,
            **options,
        )
