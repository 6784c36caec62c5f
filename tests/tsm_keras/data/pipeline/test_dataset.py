import numpy as np
import pytest
import tensorflow as tf

from testing.gestures import LABELS, shared_videos, write_folder
from testing.models import small_config
from testing.prepared import FLIP_PAIRS, shared_prepared
from tsm_keras.data.augment.augmentation import AugmentationConfig
from tsm_keras.data.pipeline.dataset import make_dataset
from tsm_keras.data.pipeline.epochs import left_out
from tsm_keras.data.pipeline.sampling import (
    SamplingConfig,
    segment_indices,
    twice_indices,
)
from tsm_keras.data.readers.clip_reader import open_clips
from tsm_keras.data.storage.clip_record import parse_clip
from tsm_keras.data.video.decoding import read_video
from tsm_keras.data.video.resizing import center_crop, resize_short_side

SOURCES = ("videos", "shards")


def _source(kind):
    if kind == "videos":
        return {"source": shared_videos()}
    return {"source": shared_prepared(), "split": "train"}


def _make(kind, training, image_size=48, **options):
    return make_dataset(
        config=small_config(image_size=image_size, num_classes=4),
        training=training,
        **{"batch_size": 4, **_source(kind), **options},
    )


def _epoch(dataset):
    batches = list(dataset.as_numpy_iterator())
    return [np.concatenate(part) for part in zip(*batches, strict=True)]


def _stored(kind):
    """Returns (all frames as stored, label) of each clip, in order."""
    if kind == "videos":
        videos = shared_videos()
        pairs = zip(videos.paths, videos.labels, strict=True)
        return [(read_video(path), label) for path, label in pairs]
    records = tf.data.TFRecordDataset(shared_prepared().shard_paths("train"))
    clips = [parse_clip(record) for record in records]
    return [
        (
            np.stack([tf.io.decode_jpeg(frame) for frame in clip["frames"]]),
            int(clip["label"]),
        )
        for clip in clips
    ]


@pytest.mark.parametrize("cache", [False, True])
@pytest.mark.parametrize("kind", SOURCES)
def test_evaluation_takes_the_centre_view_in_order(kind, cache):
    data = _make(kind, training=False, cache=cache, batch_size=3)
    resize_size = small_config(image_size=48).input.resize_size
    stored = _stored(kind)
    for _ in range(2):  # From the files, and from memory.
        clips, labels = _epoch(data)
        assert clips.dtype == np.uint8 and clips.shape == (8, 4, 48, 48, 3)
        np.testing.assert_array_equal(labels, [label for _, label in stored])
        for clip, (frames, _) in zip(clips, stored, strict=True):
            frames = frames[segment_indices(len(frames), 4).numpy()]
            frames = resize_short_side(frames, resize_size)
            np.testing.assert_array_equal(clip, center_crop(frames, 48))


def test_frames_of_another_size_are_resized_first():
    """Frames of the shards have a short side of 54, which fits 48 pixels."""
    clips, _ = _epoch(_make("shards", training=False, image_size=40))
    frames, _ = _stored("shards")[0]
    frames = frames[segment_indices(len(frames), 4).numpy()]
    expected = center_crop(resize_short_side(frames, 45), 40)
    np.testing.assert_array_equal(clips[0], expected)


@pytest.mark.parametrize("kind", SOURCES)
def test_views_of_a_video_follow_each_other(kind):
    sampling = SamplingConfig("twice")
    clips, labels = _epoch(_make(kind, training=False, sampling=sampling))
    stored = _stored(kind)
    np.testing.assert_array_equal(
        labels, np.repeat([label for _, label in stored], 2)
    )
    frames, _ = stored[1]
    for view, indices in enumerate(twice_indices(len(frames), 4).numpy()):
        expected = center_crop(resize_short_side(frames[indices], 54), 48)
        np.testing.assert_array_equal(clips[2 + view], expected)
    data = _make(kind, training=False, sampling=sampling)
    assert int(data.cardinality()) == 4
    # In training a video is one clip.
    assert len(_epoch(_make(kind, training=True, sampling=sampling))[0]) == 8


@pytest.mark.parametrize(
    ("batch_size", "rest"), [(1, 0), (3, 2), (4, 0), (5, 3), (7, 1), (9, 0)]
)
def test_the_number_of_clips_that_an_epoch_leaves_out_is_reported(
    batch_size, rest
):
    data = _make("videos", training=True, batch_size=batch_size)
    assert len(_epoch(data)[0]) == 8 - rest
    text = left_out(8, batch_size)
    assert (f"leaves out {rest} of 8 clips" in text) if rest else not text


@pytest.mark.parametrize(("batch_size", "workers"), [(2, 3), (3, 2), (5, 3)])
def test_clips_left_out_are_reported_for_all_workers_together(
    batch_size, workers
):
    shares = [
        _make(
            "videos",
            training=True,
            batch_size=batch_size,
            num_workers=workers,
            worker=worker,
        )
        for worker in range(workers)
    ]
    rest = 8 - sum(len(_epoch(data)[0]) for data in shares)
    text = left_out(8, batch_size, workers)
    assert (f"leaves out {rest} of 8 clips" in text) if rest else not text


def test_an_interval_is_in_seconds():
    config = small_config(image_size=48, num_classes=4, frame_interval=0.1)
    data = make_dataset(
        shared_videos(),
        config,
        batch_size=8,
        training=False,
        sampling=SamplingConfig("interval"),
    )
    clips, _ = _epoch(data)
    info, path = shared_videos().infos[0], shared_videos().paths[0]
    step = 0.1 * info.num_frames / info.duration
    start = max(0, info.num_frames - 3 * step) / 2
    indices = [
        min(int(start + k * step), info.num_frames - 1) for k in range(4)
    ]
    frames = resize_short_side(read_video(path, indices), 54)
    np.testing.assert_array_equal(clips[0], center_crop(frames, 48))


@pytest.mark.parametrize("cache", [False, True])
@pytest.mark.parametrize("kind", SOURCES)
def test_equal_seeds_give_equal_epochs_and_epochs_differ(kind, cache):
    first, second = (_make(kind, True, cache=cache, seed=1) for _ in range(2))
    epochs = [[_epoch(data) for _ in range(2)] for data in (first, second)]
    for one, other in zip(*epochs, strict=True):
        np.testing.assert_array_equal(one[0], other[0])
        np.testing.assert_array_equal(one[1], other[1])
    assert not np.array_equal(epochs[0][0][0], epochs[0][1][0])
    other_seed = _epoch(_make(kind, True, cache=cache, seed=2))
    assert not np.array_equal(epochs[0][0][0], other_seed[0])


@pytest.mark.parametrize("kind", SOURCES)
def test_an_epoch_does_not_depend_on_earlier_epochs(kind):
    mixed = AugmentationConfig("random_resized", brightness=0.2)
    options = {"augmentation": mixed, "seed": 3}
    data = _make(kind, True, epochs=range(3), **options)
    assert int(data.cardinality()) == 6
    whole = _epoch(data)
    rest = _epoch(_make(kind, True, epochs=[1, 2], **options))
    for one, other in zip(whole, rest, strict=True):
        np.testing.assert_array_equal(one[8:], other)
    assert not np.array_equal(whole[0][:8], whole[0][8:16])


@pytest.mark.parametrize("kind", SOURCES)
def test_workers_batches_together_are_those_of_one_process(kind):
    options = {"seed": 1, "epochs": [4]}
    whole = _epoch(_make(kind, True, batch_size=4, **options))
    parts = [
        _epoch(
            _make(kind, True, batch_size=2, num_workers=2, worker=x, **options)
        )
        for x in range(2)
    ]
    for one, *halves in zip(whole, *parts, strict=True):
        halves = [half.reshape(2, 2, *half.shape[1:]) for half in halves]
        np.testing.assert_array_equal(
            one, np.concatenate(halves, axis=1).reshape(one.shape)
        )


def test_caching_videos_changes_no_batch():
    plain = _epoch(_make("videos", True, seed=0))
    cached = _epoch(_make("videos", True, seed=0, cache=True))
    for one, other in zip(plain, cached, strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("deterministic", [False, True])
@pytest.mark.parametrize("kind", SOURCES)
def test_each_epoch_sees_each_clip_once(kind, deterministic):
    # As large as all of the frame: what is drawn changes nothing of a clip.
    config = small_config(image_size=54, num_classes=4, resize_size=54)
    config = config.changed(num_segments=1)
    options = {
        **_source(kind),
        "config": config,
        "augmentation": AugmentationConfig("random_resized", crop_area=(1, 1)),
        "batch_size": 2,
        "deterministic": deterministic,
    }
    data = make_dataset(training=True, **options)
    assert int(data.cardinality()) == 4
    orders = [_epoch(data)[1].tolist() for _ in range(3)]
    assert all(sorted(order) == [0, 0, 1, 1, 2, 2, 3, 3] for order in orders)
    assert orders[0] != orders[1] or orders[0] != orders[2]


def test_clips_that_fill_no_batch_are_left_out_in_training():
    for kind in SOURCES:
        clips, _ = _epoch(_make(kind, training=True, batch_size=3))
        assert len(clips) == 6
        assert len(_epoch(_make(kind, training=True, batch_size=99))[0]) == 8
        assert len(_epoch(_make(kind, training=False, batch_size=3))[0]) == 8


@pytest.mark.parametrize("num_workers", [2, 5])
@pytest.mark.parametrize("kind", SOURCES)
def test_workers_share_the_clips(kind, num_workers):
    """The sizes of the shares differ by at most one clip."""
    whole = _epoch(_make(kind, training=False))
    parts = [
        _epoch(
            _make(kind, training=False, num_workers=num_workers, worker=worker)
        )
        for worker in range(num_workers)
    ]
    assert {clip.tobytes() for clip in whole[0]} == {
        clip.tobytes() for part in parts for clip in part[0]
    }
    assert sum(len(part[0]) for part in parts) == 8
    steps = {
        int(
            _make(
                kind,
                training=True,
                batch_size=1,
                num_workers=num_workers,
                worker=worker,
            ).cardinality()
        )
        for worker in range(num_workers)
    }
    assert steps == {8 // num_workers}


def test_all_frames_of_a_clip_are_cropped_alike():
    """Frames with different crops would seem to move."""
    config = small_config(image_size=48)
    clips, labels = _epoch(_make("videos", True, seed=5))
    paths = np.array(shared_videos().paths)
    for clip, label in zip(clips, labels, strict=True):
        candidates = paths[np.array(shared_videos().labels) == label]
        assert any(_offsets(clip, path, config) for path in candidates)


def _offsets(clip, path, config):
    frames = resize_short_side(read_video(path), config.input.resize_size)
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


def test_mirrored_clips_change_their_class_by_name():
    options = {"augmentation": AugmentationConfig(flip=True), "seed": 3}
    plain = _epoch(_make("shards", True, seed=3))
    flipped = _epoch(_make("shards", True, **options))
    swap = dict(FLIP_PAIRS) | {b: a for a, b in FLIP_PAIRS}
    mirrored = 0
    for clip, label, other, other_label in zip(*plain, *flipped, strict=True):
        if np.array_equal(clip, other):
            assert label == other_label
            continue
        mirrored += 1
        np.testing.assert_array_equal(clip[:, :, ::-1], other)
        name = LABELS[label]
        assert LABELS[other_label] == swap.get(name, name)
    assert 0 < mirrored < 8


def test_mixed_clips_have_mixed_labels():
    augmentation = AugmentationConfig(mixup=1.0, cutmix=1.0)
    data = _make("videos", True, augmentation=augmentation)
    clips, labels = _epoch(data)
    assert clips.dtype == np.uint8 and labels.shape == (8, 4)
    np.testing.assert_allclose(labels.sum(axis=1), 1, rtol=1e-6)
    assert ((labels > 0).sum(axis=1) == 2).any()
    again = _epoch(_make("videos", True, augmentation=augmentation))
    np.testing.assert_array_equal(clips, again[0])
    # Evaluation mixes nothing.
    data = _make("videos", False, augmentation=augmentation)
    assert _epoch(data)[1].shape == (8,)


def test_a_prepared_set_follows_the_order_of_a_models_classes():
    order = LABELS[::-1]
    folder = shared_prepared().folder
    clips = open_clips(folder, "train", label_names=order)
    _, labels = _epoch(_make("videos", False, source=clips))
    expected = [order.index(LABELS[label]) for _, label in _stored("shards")]
    np.testing.assert_array_equal(labels, expected)
    assert clips.mirrored_labels == (1, 0, 2, 3)
    with pytest.raises(
        ValueError, match=r"missing \['wave'\], unknown \['push"
    ):
        open_clips(
            folder, "train", label_names=["wave", *LABELS[:1], *LABELS[2:]]
        )


def test_a_folder_is_opened_by_its_split(tmp_path, capsys):
    write_folder(tmp_path / "train", clips_per_class=1)
    assert open_clips(tmp_path, "train", verbose=True).num_clips == 4
    assert "no splits" not in capsys.readouterr().out
    plain = tmp_path / "train"
    assert open_clips(plain, "test", verbose=True).num_clips == 4
    message = f"{plain} has no splits: all of its clips are used\n"
    assert message in capsys.readouterr().out


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"batch_size": 0}, "`batch_size`"),
        ({"num_workers": 0}, "`num_workers`"),
        ({"num_workers": 2, "worker": 2}, r"`worker` must be 0\.\.1"),
        ({"num_workers": 9, "worker": 8}, "at most the number of clips, 8"),
        (
            {"augmentation": AugmentationConfig(flip=True)},
            "`augmentation`.*flip_pairs.*Received: flip=True",
        ),
        (
            {"sampling": SamplingConfig("interval")},
            r"`frame_interval`.*Received: frame_interval=0\.0",
        ),
    ],
)
def test_impossible_arguments_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        _make("videos", True, **options)


def test_an_unknown_split_is_named():
    with pytest.raises(ValueError, match=r"\['train', 'test'\].*split='val'"):
        _make("shards", True, split="val")
