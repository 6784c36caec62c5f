import numpy as np

from testing.artifacts import clip_model
from testing.gestures import shared_videos
from tsm_export.clips import generated_clips, video_clips


def test_clips_of_videos_are_drawn_anew_for_another_seed():
    config = clip_model().video_config
    clips = video_clips(shared_videos(), config, 3, seed=0)
    assert clips.shape == (3, 4, 64, 64, 3) and clips.dtype == np.uint8
    again = video_clips(shared_videos(), config, 3, seed=0)
    other = video_clips(shared_videos(), config, 3, seed=1)
    np.testing.assert_array_equal(clips, again)
    assert not np.array_equal(clips, other)


def test_there_are_no_more_clips_than_videos():
    config = clip_model().video_config
    assert len(video_clips(shared_videos(), config, 99, seed=0)) == 8


def test_generated_clips_move():
    clips = generated_clips(clip_model().video_config, 13, seed=0)
    assert clips.shape == (13, 4, 64, 64, 3) and clips.dtype == np.uint8
    assert (clips[:, 1:] != clips[:, :-1]).any(axis=(2, 3, 4)).all()
