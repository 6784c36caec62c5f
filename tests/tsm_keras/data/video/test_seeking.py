"""Frame i is the frame i of the whole video, wherever decoding starts."""

import functools

import av
import hypothesis
import numpy as np
import pytest
from hypothesis import strategies as st

from testing.shared_data import fixture
from tsm_keras.data.video import decoding as video
from tsm_keras.data.video.decoding import VideoError, probe_video, read_video

# Several key frames, no time stamps, a variable frame rate, one that cannot be
# sought in.
FIXTURES = (
    "exo_sample_h263.ts",
    "exo_video_desks.3gp",
    "grid_bbaf2n.mpg",
    "imageio_realshort.mp4",
    "mma_demo.mp4",
    "mma_test_ucf101.avi",
    "mpy_transparent.webm",
    "tc_h265_video.mp4",
    "tfio_cradle.gif",
)

# Encoder and what makes seeking hard: B-frames, groups of pictures that need
# the one before, no key frame at all after the first.
ENCODERS = {
    "closed": ("libx264", {"x264-params": "keyint=10:bframes=3:scenecut=0"}),
    "open": (
        "libx264",
        {"x264-params": "keyint=10:min-keyint=1:bframes=3:open-gop=1"},
    ),
    "refresh": ("libx264", {"x264-params": "keyint=10:intra-refresh=1"}),
    "mpeg4": ("mpeg4", {"g": "10", "bf": "2"}),
    "mpeg2": ("mpeg2video", {"g": "10", "bf": "2"}),
}


@pytest.fixture(scope="module")
def encoded(tmp_path_factory):
    """Videos of 60 random frames by encoder, 64x48."""
    folder = tmp_path_factory.mktemp("videos")
    blocks = np.random.default_rng(0).integers(0, 256, (60, 6, 8, 3), np.uint8)
    frames = blocks.repeat(8, axis=1).repeat(8, axis=2)
    paths = {}
    for name, (codec, options) in ENCODERS.items():
        paths[name] = folder / f"{name}.mp4"
        with av.open(str(paths[name]), "w") as container:
            stream = container.add_stream(codec, rate=25, options=options)
            stream.height, stream.width, stream.pix_fmt = 48, 64, "yuv420p"
            for frame in frames:
                picture = av.VideoFrame.from_ndarray(frame, format="rgb24")
                container.mux(stream.encode(picture))
            container.mux(stream.encode())
    return paths


@functools.cache
def _whole(path):
    return probe_video(path), read_video(path)


def _check(path, data):
    info, frames = _whole(path)
    assert len(frames) == info.num_frames
    indices = data.draw(
        st.lists(st.integers(0, len(frames) - 1), min_size=1, max_size=5)
    )
    found = read_video(path, indices, key_frames=info.key_frames)
    np.testing.assert_array_equal(found, frames[indices])


@pytest.mark.parametrize("name", FIXTURES)
@hypothesis.settings(deadline=None, max_examples=6)
@hypothesis.given(data=st.data())
def test_frames_of_real_videos(name, data):
    _check(fixture(name), data)


@pytest.mark.parametrize("name", ENCODERS)
@hypothesis.settings(deadline=None, max_examples=30)
@hypothesis.given(data=st.data())
def test_frames_of_every_kind_of_stream(encoded, name, data):
    _check(encoded[name], data)


def test_decoding_starts_at_the_key_frame(encoded, monkeypatch):
    """Else all of the above would hold without a single seek."""
    info, frames = _whole(encoded["closed"])
    assert [number for number, _ in info.key_frames] == list(range(0, 60, 10))
    sought = []
    start = video._from_key_frame
    monkeypatch.setattr(
        video,
        "_from_key_frame",
        lambda stamp, rest: sought.append(stamp) or start(stamp, rest),
    )
    picked = read_video(
        encoded["closed"], [3, 41, 43, 57], key_frames=info.key_frames
    )
    assert sought == [info.key_frames[4][1], info.key_frames[5][1]]
    np.testing.assert_array_equal(picked, frames[[3, 41, 43, 57]])


def test_wrong_key_frames_change_nothing(encoded):
    """A file that was replaced after it was probed, say."""
    info, frames = _whole(encoded["closed"])
    wrong = [(number, stamp + 1) for number, stamp in info.key_frames]
    found = read_video(encoded["closed"], [45], key_frames=wrong)
    np.testing.assert_array_equal(found, frames[[45]])
    with pytest.raises(VideoError, match="ends before frame 60"):
        read_video(encoded["closed"], [60], key_frames=info.key_frames)
