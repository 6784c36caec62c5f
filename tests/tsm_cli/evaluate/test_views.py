"""The views that the flags of `tsm evaluate` name."""

import numpy as np
import pytest
from absl import flags

from testing.gestures import shared_videos
from testing.models import small_config
from tsm_cli.evaluate import command as evaluate
from tsm_cli.view_flags import views_from_flags
from tsm_keras.command_flags import parse
from tsm_keras.data.pipeline.sampling import clip_indices
from tsm_keras.data.pipeline.views import make_views

pytestmark = pytest.mark.keras3_only  # Data alone: no Keras in it.


def views_of(*arguments):
    parse(evaluate.FLAGS, "tsm evaluate", ["preset", "--data=data", *arguments])
    return views_from_flags(evaluate.FLAGS)


@pytest.mark.parametrize(("name", "crops"), [("10", 1), ("30", 3)])
def test_named_views_are_ten_clips_of_one_or_three_crops(name, crops):
    """The network is X3D-S: 13 frames, every sixth of a video."""
    views = views_of(f"--views={name}", "--window=78")
    assert views.per_video() == int(name) and views.crops == crops
    # Ten windows of 78 frames, from the start of a video to its end.
    positions = clip_indices(300, 13, views.sampling).numpy()
    starts = [position * (300 - 78) // 9 for position in range(10)]
    expected = np.array(starts)[:, None] + 6 * np.arange(13)
    np.testing.assert_array_equal(positions, expected)
    videos = shared_videos()
    data = make_views(
        videos,
        small_config(image_size=48, num_classes=4),
        views_of(f"--views={name}", "--window=8"),
        batch_size=16,
    )
    found = sum(len(batch["clip"]) for batch in data.as_numpy_iterator())
    assert found == int(name) * len(videos.paths)


def test_named_views_keep_the_other_flags():
    views = views_of("--views=30", "--full_resolution")
    assert views.full_resolution and views.sampling.window == 64
    assert not views_of("--views=30").full_resolution


def test_other_numbers_are_refused():
    with pytest.raises(flags.Error, match="--views must be one of 10, 30"):
        views_of("--views=20")
