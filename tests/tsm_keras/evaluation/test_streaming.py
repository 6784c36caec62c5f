import numpy as np
import pytest

from testing.gestures import shared_videos
from testing.models import random_clip_model, small_config
from tsm_keras.data.readers.video_reader import VideoReader
from tsm_keras.data.video.decoding import read_video
from tsm_keras.data.video.resizing import center_crop, resize_short_side
from tsm_keras.evaluation.stream_results import StreamedVideo, StreamSummary
from tsm_keras.evaluation.streaming import stream_chains, stream_protocol
from tsm_keras.models.streaming_classifier import StreamingClassifier

INTERVAL = 0.25


def _frames(clips, number, config):
    """Returns frames at 0, 0.25, 0.5... seconds in the size of the network."""
    frames = read_video(shared_videos().paths[number])
    rate = float(clips.describe(number)["frame_rate"])
    indices = [
        int(k * INTERVAL * rate)
        for k in range(len(frames))
        if int(k * INTERVAL * rate) < len(frames)
    ]
    resized = resize_short_side(frames[indices], config.input.resize_size)
    return center_crop(resized, config.input.image_size)


def test_streams_side_by_side_are_each_one_stream():
    model = random_clip_model(image_size=32, num_classes=4)
    config = model.video_config
    clips = VideoReader(shared_videos())
    chains = [[0, 5], [3], [7, 2, 4]]
    found = {}
    for video in stream_chains(
        StreamingClassifier(model, streams=2), clips, config, chains, INTERVAL
    ):
        found[video.clip] = video
    alone = StreamingClassifier(model)
    for chain in chains:
        alone.reset()
        before = []
        for position, number in enumerate(chain):
            frames = _frames(clips, number, config)
            logits = [alone.step(frame[None])[0] for frame in frames]
            video = found[number]
            np.testing.assert_allclose(video.logits, logits, atol=1e-4)
            needed = before[-(config.clip.num_segments - 1) :]
            assert len(video.before) == len(needed)
            np.testing.assert_allclose(
                video.before, np.array(needed).reshape(-1, 4), atol=1e-4
            )
            assert video.position == position
            before += logits
    assert len(found) == 6


def test_logits_that_come_late_belong_to_their_own_frames():
    model = random_clip_model(
        shift="bidirectional", image_size=32, num_classes=4
    )
    config = model.video_config
    clips = VideoReader(shared_videos())
    chains = [[0, 5], [3], [7, 2, 4]]
    streamer = StreamingClassifier(model, streams=2, lookahead=True)
    lengths = [len(_frames(clips, number, config)) for number in range(8)]
    assert min(lengths) < streamer.delay == 10 < sum(lengths[:2])
    found = {
        video.clip: video
        for video in stream_chains(streamer, clips, config, chains, INTERVAL)
    }
    alone = StreamingClassifier(model, lookahead=True)
    for chain in chains:
        frames = [_frames(clips, number, config) for number in chain]
        steps = [alone.step(x[None]) for x in np.concatenate(frames)]
        rows = np.concatenate([*steps, *alone.finish()])
        expected = rows[~np.isnan(rows).any(axis=1)]
        logits = [found[number].logits for number in chain]
        np.testing.assert_allclose(np.concatenate(logits), expected, atol=1e-4)
        assert [len(each) for each in logits] == [len(each) for each in frames]


class _Remembers:
    """Predicts the class of the first frame since the reset, without pixels."""

    streams, delay = 1, 0

    def __init__(self, schedule):
        self.schedule, self.at, self.said = schedule, -1, None

    def reset(self, stream=None):
        self.said = None

    def step(self, frames):
        assert frames.shape == (1, 32, 32, 3) and frames.dtype == np.uint8
        self.at += 1
        if self.said is None:
            self.said = self.schedule[self.at]
        return np.eye(4, dtype=np.float32)[self.said][None]


def test_a_model_that_keeps_its_first_class_shows_in_every_table():
    config = small_config(image_size=32, num_classes=4)
    clips = VideoReader(shared_videos())
    lengths = [len(_frames(clips, n, config)) for n in range(8)]
    order = np.random.default_rng(0).permutation(8)
    labels = shared_videos().labels
    schedule = [labels[n] for n in range(8) for _ in range(lengths[n])]
    schedule += [labels[n] for n in order for _ in range(lengths[n])]
    done = []
    results = stream_protocol(
        _Remembers(schedule),
        clips,
        config,
        frame_interval=INTERVAL,
        progress=lambda *counts: done.append(counts),
    )
    assert done[-1] == (16, 16)
    for result in results.values():
        # From a reset it is always right ...
        assert all(right == 1.0 for _, right in result.by_fraction)
        assert [right for _, right, _ in result.by_frames] == [1.0] * max(
            lengths
        )
        assert result.by_frames[0][2] == 8
        # ... and without one, where the first video's class comes again.
        expected = [float(labels[n] == labels[order[0]]) for n in order]
        assert [x[:2] for x in result.by_position] == list(enumerate(expected))
    for _, with_reset, without, _ in results["frame"].after_change:
        assert with_reset == 1.0 and without < 1.0


def test_the_window_reaches_back_over_a_change_without_reset():
    eye = np.eye(2, dtype=np.float32)
    video = StreamedVideo(
        clip=0,
        label=1,
        logits=eye[[1, 1, 1]],
        before=2.5 * eye[[0, 0]],
        position=1,
    )
    np.testing.assert_array_equal(video.right(1), [True] * 3)
    np.testing.assert_array_equal(video.right(2), [False, True, True])
    np.testing.assert_array_equal(video.right(4), [False, False, True])


def _said(clip, said, label, position=0):
    return StreamedVideo(
        clip=clip,
        label=label,
        logits=np.eye(2, dtype=np.float32)[[said]],
        before=np.zeros((position, 2), np.float32),
        position=position,
    )


def _summarize(fresh, chained):
    summary = StreamSummary(1, np.zeros(len(fresh), bool))
    for video in fresh:
        summary.add_fresh(video)
    for video in chained:
        summary.add_chained(video)
    return summary.results()


def test_a_change_of_class_is_one_between_videos_of_a_chain():
    changed = np.array([False, True])
    summary = StreamSummary(1, changed)
    for clip in (0, 1):
        summary.add_fresh(_said(clip, said=1, label=1))
        summary.add_chained(_said(clip, said=0, label=1, position=clip))
    assert summary.results().after_change == [(1, 1.0, 0.0, 1)]


def test_after_others_counts_every_video_that_is_not_the_first():
    # Chains of 3, 2 and 2: of the last place there is one video, and it is
    # right; of the four after others one is.
    places = [(0, 1), (1, 0), (2, 1), (0, 1), (1, 0), (0, 1), (1, 0)]
    chained = [
        _said(clip, said, label=1, position=position)
        for clip, (position, said) in enumerate(places)
    ]
    fresh = {clip: _said(clip, 1, label=1) for clip in range(len(places))}
    results = _summarize(fresh.values(), chained)
    assert results.by_position[-1] == (2, 1.0, 1)
    assert results.after_others() == (0.25, 4)
    alone = _summarize([fresh[0]], chained[:1])
    assert alone.after_others() == (None, 0)


def test_refuses_an_unknown_interval():
    model = random_clip_model(image_size=32, num_classes=4)
    clips = VideoReader(shared_videos())
    for interval in (None, 0.0, -1.0, float("nan"), float("inf"), 1e9):
        with pytest.raises(ValueError, match="frame_interval.*Received"):
            stream_protocol(
                StreamingClassifier(model),
                clips,
                model.video_config,
                frame_interval=interval,
            )
