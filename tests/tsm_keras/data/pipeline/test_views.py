import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from testing.gestures import shared_videos
from testing.models import small_config
from testing.prepared import FLIP_PAIRS, shared_prepared
from tsm_keras.data.augment.crops import view_boxes
from tsm_keras.data.pipeline.sampling import SamplingConfig
from tsm_keras.data.pipeline.views import ViewConfig, make_views
from tsm_keras.data.readers.prepared_reader import PreparedReader
from tsm_keras.data.video.decoding import read_video
from tsm_keras.data.video.resizing import resize_short_side

pytestmark = pytest.mark.keras3_only  # Data alone: no Keras in it.
CONFIG = small_config(image_size=48, num_classes=4)
SIZE, SHORT = CONFIG.input.image_size, CONFIG.input.resize_size


def _views(source, **fields):
    data = make_views(source, CONFIG, ViewConfig(**fields), batch_size=3)
    batches = list(data.as_numpy_iterator())
    assert all(len(batch["clip"]) == 3 for batch in batches[:-1])
    return {
        key: np.concatenate([batch[key] for batch in batches])
        for key in batches[0]
    }


def _squares(frames, crops):
    """Returns the expected crops, cut by slices."""
    free_h, free_w = (side - SIZE for side in frames.shape[1:3])
    offsets = {
        1: [(free_h // 2, free_w // 2)],
        3: [(free_h // 2, left) for left in (0, free_w // 2, free_w)]
        if free_w >= free_h
        else [(top, free_w // 2) for top in (0, free_h // 2, free_h)],
        5: [
            *((0, 0), (0, free_w), (free_h, 0), (free_h, free_w)),
            (free_h // 2, free_w // 2),
        ],
    }[crops]
    return [frames[:, y : y + SIZE, x : x + SIZE] for y, x in offsets]


@pytest.mark.parametrize("crops", [1, 3, 5])
def test_views_are_the_squares_of_the_clips_in_order(crops):
    videos = shared_videos()
    found = _views(videos, sampling=SamplingConfig("twice"), crops=crops)
    expected, labels = [], []
    for path, label in zip(videos.paths, videos.labels, strict=True):
        frames = read_video(path)
        for shares in ([1, 3, 5, 7], [0, 2, 4, 6]):
            indices = [len(frames) * share // 8 for share in shares]
            resized = resize_short_side(frames[indices], SHORT)
            expected += _squares(resized, crops)
            labels += [label] * crops
    np.testing.assert_array_equal(found["clip"], expected)
    np.testing.assert_array_equal(found["label"], labels)
    assert not found["mirrored"].any()


def test_ten_crops_are_five_and_their_mirror_images():
    source = PreparedReader(shared_prepared(), "test")
    found = _views(source, crops=10)
    five = _views(source, crops=5)["clip"].reshape(-1, 5, 4, SIZE, SIZE, 3)
    ten = found["clip"].reshape(-1, 10, 4, SIZE, SIZE, 3)
    np.testing.assert_array_equal(ten[:, :5], five)
    np.testing.assert_array_equal(ten[:, 5:], five[..., ::-1, :])
    expected = [[False] * 5 + [True] * 5] * len(ten)
    np.testing.assert_array_equal(found["mirrored"].reshape(-1, 10), expected)


def test_dense_views_are_ten_windows():
    videos = shared_videos()
    sampling = SamplingConfig("dense", window=8)
    found = _views(videos, sampling=sampling)
    assert len(found["clip"]) == 10 * len(videos.paths)
    frames = resize_short_side(read_video(videos.paths[0]), SHORT)
    last = len(frames) - 8 + 2 * np.arange(4)  # Stride 2, to the end.
    np.testing.assert_array_equal(
        found["clip"][9], _squares(frames[last], 1)[0]
    )


@settings(deadline=None)
@given(
    st.integers(8, 60),
    st.integers(0, 40),
    st.integers(0, 40),
    st.sampled_from([1, 3, 5]),
)
def test_boxes_lie_in_the_frame_and_three_cover_it(size, more, wider, crops):
    shape = np.array([size + more, size + more + wider])
    for sides in (shape, shape[::-1]):
        boxes = view_boxes(tf.constant(sides, tf.int32), size, crops).numpy()
        assert boxes.shape == (crops, 4) and (boxes[:, 2:] == size).all()
        assert (boxes[:, :2] >= 0).all()
        assert (boxes[:, :2] + size <= sides).all()
        if crops == 3:
            long = int(sides[1] >= sides[0])
            assert {0, sides[long] - size} <= set(boxes[:, long].tolist())


def test_refuses():
    with pytest.raises(ValueError, match="crops.*1, 3, 5, 10.*Received"):
        ViewConfig(crops=4)
    with pytest.raises(ValueError, match="flip_pairs.*5 is the same"):
        make_views(shared_videos(), CONFIG, ViewConfig(crops=10), batch_size=1)
    flow = small_config(
        image_size=48,
        input_channels=4,
        pixel_mean=(127.5,) * 4,
        pixel_std=(57.0,) * 4,
    )
    with pytest.raises(ValueError, match=r"flow.*2 pairs.*3 channels"):
        make_views(shared_videos(), flow, ViewConfig(), batch_size=1)
    with pytest.raises(ValueError, match="frame_interval"):
        make_views(
            shared_videos(),
            CONFIG,
            ViewConfig(SamplingConfig("interval")),
            batch_size=1,
        )
    assert FLIP_PAIRS  # What the ten crops above rely on.
