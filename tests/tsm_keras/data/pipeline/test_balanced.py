"""Epochs in which all classes are equally frequent."""

import dataclasses

import numpy as np
import pytest

from testing.gestures import shared_videos
from testing.models import small_config
from tsm_keras.data.pipeline.dataset import make_dataset
from tsm_keras.data.pipeline.epochs import balanced_shares, training_clips
from tsm_keras.data.pipeline.sampling import SamplingConfig

# 20, 6, 3 and 1 clips of four classes.
LABELS = np.repeat(np.arange(4), [20, 6, 3, 1])


def _epochs(shares, batch_size=6, epochs=range(4), **options):
    clips = training_clips(
        *(len(shares), batch_size),
        **{"seed": 0, "shares": shares, "epochs": epochs, **options},
    )
    numbers, seeds = zip(*clips.as_numpy_iterator(), strict=True)
    return (
        np.reshape(numbers, [len(epochs), -1]),
        np.reshape(seeds, [len(epochs), -1, 2]),
    )


def test_all_classes_are_equally_frequent_in_every_epoch():
    shares = balanced_shares(LABELS)
    assert shares.sum() == pytest.approx(30)
    numbers, seeds = _epochs(shares)
    for epoch, own in zip(numbers, seeds, strict=True):
        times = np.bincount(epoch, minlength=30)
        assert (np.abs(times - shares) < 1).all()
        classes = np.bincount(LABELS[epoch], minlength=4)
        assert np.abs(classes - 7.5).max() < 1
        # A clip that comes twice is cut and augmented differently.
        assert len({tuple(seed) for seed in own}) == 30
        assert (np.diff(LABELS[epoch]) != 0).sum() > 8  # It is shuffled.
    # Other clips of the largest class come in other epochs.
    frequent = [{*epoch[LABELS[epoch] == 0]} for epoch in numbers]
    assert len({*map(frozenset, frequent)}) == 4


def test_epochs_depend_on_seed_and_number_only():
    shares = balanced_shares(LABELS)
    numbers, seeds = _epochs(shares)
    later, later_seeds = _epochs(shares, epochs=[2, 3])
    np.testing.assert_array_equal(later, numbers[2:])
    np.testing.assert_array_equal(later_seeds, seeds[2:])
    assert (_epochs(shares, seed=1)[0] != numbers).any()


def test_workers_share_the_batches_of_one_process():
    shares = balanced_shares(LABELS)
    numbers, seeds = _epochs(shares)
    parts = [
        _epochs(shares, batch_size=3, num_workers=2, worker=worker)
        for worker in range(2)
    ]
    joined = np.stack([part[0].reshape(4, 5, 3) for part in parts], 2)
    np.testing.assert_array_equal(joined.reshape(4, -1), numbers)
    joined = np.stack([part[1].reshape(4, 5, 3, 2) for part in parts], 2)
    np.testing.assert_array_equal(joined.reshape(4, -1, 2), seeds)


def test_with_several_heads_the_share_is_the_mean_of_both():
    labels = np.stack([LABELS, np.arange(30) % 2], 1)
    np.testing.assert_allclose(
        balanced_shares(labels), (balanced_shares(LABELS) + 1) / 2
    )


def test_a_data_set_is_balanced_in_training_only():
    videos = shared_videos()
    kept = [0, 1, 2, 4]  # Of the classes 0, 0, 1 and 2.
    unbalanced = dataclasses.replace(
        videos,
        paths=tuple(videos.paths[i] for i in kept),
        labels=tuple(videos.labels[i] for i in kept),
        infos=tuple(videos.infos[i] for i in kept),
    )
    assert unbalanced.labels == (0, 0, 1, 2)

    def labels(training):
        data = make_dataset(
            unbalanced,
            small_config(image_size=32, num_classes=4),
            batch_size=4,
            training=training,
            sampling=SamplingConfig(balanced=True),
            epochs=range(6) if training else None,
        )
        return np.concatenate([x for _, x in data.as_numpy_iterator()])

    times = np.bincount(labels(training=True))
    assert times.sum() == 24
    assert np.abs(times - 8).max() <= 6
    assert times[0] < 12 and min(times[1:]) > 5  # 12, 6 and 6 without.
    assert labels(training=False).tolist() == [0, 0, 1, 2]
