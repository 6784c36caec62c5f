import numpy as np

from testing.artifacts import clip_model, random_clips
from testing.gestures import shared_videos
from tsm_export.calibration import calibration_clips, streamed_states
from tsm_keras.data.dataset import make_dataset
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


def test_whole_clips_are_taken_up_to_the_frames_asked_for():
    config = clip_model().video_config
    data = make_dataset(shared_videos(), config, batch_size=3, training=True)
    clips = calibration_clips(data, 9)
    assert clips.shape == (3, 4, 64, 64, 3) and clips.dtype == np.uint8
