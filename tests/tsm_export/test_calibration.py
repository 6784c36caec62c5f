import numpy as np

from testing.artifacts import clip_model, random_clips
from testing.models import small_config
from tsm_export.calibration import streamed_states
from tsm_keras.models.clip import build_clip_model
from tsm_keras.models.streaming import to_streaming


def test_states_are_those_that_the_frames_before_left():
    model = clip_model()
    streaming = to_streaming(model)
    clips = random_clips(2, model)
    feeds = list(streamed_states(streaming, clips))
    num_segments = clips.shape[1]
    assert len(feeds) == 2 * num_segments
    for number, feed in enumerate(feeds):
        clip, time = divmod(number, num_segments)
        np.testing.assert_array_equal(feed["frame"][0], clips[clip, time])
        empty = not feed["cache_04"].any()
        assert empty == (time == 0)
        if time > 0:
            before = streaming(feeds[number - 1])
            np.testing.assert_allclose(
                feed["cache_04"], before["cache_04_out"], rtol=1e-4, atol=1e-5
            )


def test_streams_of_a_batch_are_different_clips():
    streaming = to_streaming(clip_model(), streams=2)
    clips = random_clips(3, clip_model())
    feeds = list(streamed_states(streaming, clips))
    assert len(feeds) == 2 * clips.shape[1]  # Two batches cover three clips.
    expected = [clips[[0, 1]], clips[[2, 0]]]
    found = np.stack([feed["frame"] for feed in feeds])
    np.testing.assert_array_equal(
        found, np.concatenate([batch.swapaxes(0, 1) for batch in expected])
    )


def test_short_clips_fill_caches_that_remember_more():
    """Otherwise the earliest frame of a kernel would be zero throughout."""
    model = build_clip_model(
        small_config(operator="mixtconv", num_segments=3, image_size=32)
    )
    clips = np.random.default_rng(0).integers(0, 256, (1, 3, 32, 32, 3))
    feeds = list(streamed_states(to_streaming(model), clips))
    assert len(feeds) == 6 + 3
    order = [0, 1, 2, 2, 1, 0, 0, 1, 2]
    np.testing.assert_array_equal(
        [feed["frame"][0] for feed in feeds], clips[0][order]
    )
    assert feeds[6]["cache_02"][..., :1].any()
