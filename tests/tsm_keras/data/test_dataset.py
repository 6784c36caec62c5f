import numpy as np
import pytest

from testing.gestures import shared_videos
from testing.models import small_config
from tsm_keras.data.dataset import make_dataset
from tsm_keras.data.preprocessing import center_crop, resize_short_side
from tsm_keras.data.sampling import segment_indices
from tsm_keras.data.video import read_video


def _epoch(dataset):
    batches = list(dataset.as_numpy_iterator())
    return [np.concatenate(part) for part in zip(*batches, strict=True)]


def _make(training, **options):
    config = small_config(image_size=48)
    return make_dataset(
        shared_videos(),
        config,
        **{"batch_size": 3, "training": training, **options},
    )


@pytest.mark.parametrize("cache", [False, True])
def test_evaluation_takes_the_centre_view_in_order(cache):
    config = small_config(image_size=48)
    clips, labels = _epoch(_make(training=False, cache=cache))
    assert clips.dtype == np.uint8 and clips.shape == (8, 4, 48, 48, 3)
    np.testing.assert_array_equal(labels, shared_videos().labels)
    for path, clip in zip(shared_videos().paths, clips, strict=True):
        frames = read_video(path)
        frames = frames[segment_indices(len(frames), 4).numpy()]
        frames = resize_short_side(frames, config.resize_size)
        np.testing.assert_array_equal(clip, center_crop(frames, 48))


@pytest.mark.parametrize("cache", [False, True])
def test_equal_seeds_give_equal_epochs_and_epochs_differ(cache):
    first, second = (_make(True, cache=cache, seed=1) for _ in range(2))
    epochs = [[_epoch(data) for _ in range(2)] for data in (first, second)]
    for one, other in zip(*epochs, strict=True):
        np.testing.assert_array_equal(one[0], other[0])
        np.testing.assert_array_equal(one[1], other[1])
    assert not np.array_equal(epochs[0][0][0], epochs[0][1][0])
    other_seed = _epoch(_make(True, cache=cache, seed=2))
    assert not np.array_equal(epochs[0][0][0], other_seed[0])


def test_caching_changes_no_batch():
    plain = _epoch(_make(True, seed=0))
    cached = _epoch(_make(True, seed=0, cache=True))
    for one, other in zip(plain, cached, strict=True):
        np.testing.assert_array_equal(one, other)


def test_each_epoch_sees_each_video_once():
    _, labels = _epoch(_make(True, seed=3))
    np.testing.assert_array_equal(sorted(labels), shared_videos().labels)


def test_all_frames_of_a_clip_are_cropped_alike():
    """A frame cropped by itself would shift against its neighbours."""
    config = small_config(image_size=48)
    clips, labels = _epoch(_make(True, seed=5))
    paths = np.array(shared_videos().paths)
    for clip, label in zip(clips, labels, strict=True):
        candidates = paths[np.array(shared_videos().labels) == label]
        assert any(_offsets(clip, path, config) for path in candidates)


def _offsets(clip, path, config):
    frames = resize_short_side(read_video(path), config.resize_size)
    height, width = frames.shape[1:3]
    return [
        (top, left)
        for top in range(height - 47)
        for left in range(width - 47)
        if all(
            (frames[:, top : top + 48, left : left + 48] == frame)
            .all(axis=(1, 2, 3))
            .any()
            for frame in clip
        )
    ]
