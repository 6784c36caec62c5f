import collections

import hypothesis
import numpy as np
import pytest
from hypothesis import strategies as st

from tsm_keras.data.gestures.generate import (
    LABELS,
    ORDER_BLIND_CEILING,
    draw_clip,
    partner,
    render,
    write_clip,
    write_gestures,
)
from tsm_keras.data.video.decoding import probe_video, read_video

labels = st.sampled_from(LABELS)
seeds = st.integers(0, 2**32)


@hypothesis.settings(max_examples=25, deadline=None)
@hypothesis.given(label=labels, seed=seeds)
def test_the_reverse_of_a_clip_is_a_clip_of_the_partner(label, seed):
    clip = draw_clip(label, seed)
    backwards = clip.reversed()
    assert backwards.label == partner(label)
    np.testing.assert_array_equal(render(backwards), render(clip)[::-1])
    assert backwards.reversed() == clip


@hypothesis.given(label=labels, seed=seeds)
def test_the_reverse_is_as_likely_to_be_drawn(label, seed):
    clip, other = draw_clip(label, seed), draw_clip(partner(label), seed)
    if partner(label) == label:
        assert clip == other
    else:
        # Equal seeds draw partners that are each other's reverse, so the two
        # classes have one distribution, mirrored in time.
        assert other == clip.reversed()


def test_a_class_that_is_its_own_partner_runs_both_ways_equally_often():
    backwards = [draw_clip("shake", seed).backwards for seed in range(400)]
    assert 0.4 < np.mean(backwards) < 0.6


@pytest.mark.parametrize("label", LABELS)
def test_decoded_files_of_a_clip_and_its_reverse_have_equal_frames(
    label, tmp_path
):
    clip = draw_clip(label, 5)
    write_clip(tmp_path / "forward.mp4", clip)
    write_clip(tmp_path / "backward.mp4", clip.reversed())
    np.testing.assert_array_equal(
        read_video(tmp_path / "forward.mp4"),
        read_video(tmp_path / "backward.mp4")[::-1],
    )


def test_a_clip_is_not_its_own_reverse():
    for label in LABELS:
        frames = render(draw_clip(label, 1)).astype(int)
        assert np.abs(frames - frames[::-1]).max() > 20


def test_five_pairs_and_two_singles_bound_an_order_blind_model():
    partners = collections.Counter(partner(name) == name for name in LABELS)
    assert partners == {False: 10, True: 2}
    assert pytest.approx(7 / 12) == ORDER_BLIND_CEILING


def test_clips_vary_as_promised():
    clips = [draw_clip("push", seed) for seed in range(200)]
    lengths = [clip.num_frames for clip in clips]
    assert min(lengths) >= 12 and max(lengths) <= 60
    assert len(set(lengths)) > 30
    assert len({(clip.height, clip.width) for clip in clips}) > 5
    assert all(clip.height % 2 == clip.width % 2 == 0 for clip in clips)
    assert len({clip.fps for clip in clips}) > 2


def test_equal_seeds_give_equal_files_and_others_do_not(tmp_path):
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        write_gestures(tmp_path / name, clips_per_class=1, seed=seed)
    files = sorted((tmp_path / "a").rglob("*.mp4"))
    assert len(files) == len(LABELS)
    for path in files:
        relative = path.relative_to(tmp_path / "a")
        content = path.read_bytes()
        assert content == (tmp_path / "b" / relative).read_bytes()
        assert content != (tmp_path / "c" / relative).read_bytes()


def test_files_have_the_length_and_size_of_their_clip(tmp_path):
    clip = draw_clip("turn_clockwise", 3)
    write_clip(tmp_path / "clip.mp4", clip)
    info = probe_video(tmp_path / "clip.mp4")
    assert info.num_frames == clip.num_frames
    assert (info.height, info.width) == (clip.height, clip.width)
    assert info.duration == pytest.approx(clip.num_frames / clip.fps, rel=0.01)


def test_unknown_class_is_refused():
    with pytest.raises(ValueError, match=r"`label`.*Received: label='wave'"):
        draw_clip("wave", 0)
