"""Each kind of video gives the frames that a player shows, training and live.

What goes in is known, so what comes out is compared with it, not with another
decoder.
"""

import av
import numpy as np
import pytest

from testing import made_videos
from testing.made_videos import numbered_frames, with_display_matrix, write
from testing.shared_data import CASES, FIXTURES
from tsm_keras.data.video.decoding import (
    VideoError,
    iterate_video,
    probe_video,
    read_video,
)
from tsm_live.sources.source import SourceError
from tsm_live.sources.video_file import VideoFile
from tsm_live.video.decoding import Video

pytestmark = pytest.mark.keras3_only

_FRAGMENTED = {"movflags": "frag_keyframe+empty_moov"}
_OPEN = "keyint=10:bframes=3:scenecut=0"
_B_FRAMES = {"qp": "5", "x264-params": "keyint=60:bframes=3:scenecut=0"}


def _live(path):
    source = VideoFile(path)
    frames = [frame.image[..., ::-1] for frame in iter(source.read, None)]
    source.close()
    return frames


def _check(path, expected, tolerance=6.0):
    """Compares what training and a live run see with what was encoded."""
    info, frames, live = probe_video(path), read_video(path), _live(path)
    assert info.num_frames == len(frames) == len(live) == len(expected)
    np.testing.assert_array_equal(frames, live)
    assert frames.shape[1:3] == (info.height, info.width)
    # Colours are subsampled: compare brightness.
    for frame, each in zip(frames, expected, strict=True):
        assert frame.shape == each.shape
        error = np.abs(frame.mean(-1) - each.astype(float).mean(-1)).mean()
        assert error < tolerance
    for index in (0, len(frames) - 1, len(frames) // 2):
        found = read_video(path, [index], key_frames=info.key_frames)
        np.testing.assert_array_equal(found[0], frames[index])
    return info


# How (a, b, c, d) of the display matrix places a picture.
_ORIENTATIONS = {
    (1, 0, 0, 1): lambda image: image,
    (-1, 0, 0, 1): lambda image: image[:, ::-1],  # Front cameras.
    (1, 0, 0, -1): lambda image: image[::-1],
    (-1, 0, 0, -1): lambda image: image[::-1, ::-1],
    (0, 1, -1, 0): lambda image: np.rot90(image, -1),  # A phone held upright.
    (0, -1, 1, 0): lambda image: np.rot90(image),
    (0, 1, 1, 0): lambda image: image.swapaxes(0, 1),
    (0, -1, -1, 0): lambda image: image[::-1, ::-1].swapaxes(0, 1),
}


@pytest.mark.parametrize("matrix", _ORIENTATIONS)
def test_orientations(tmp_path, matrix):
    frames = numbered_frames(3, 48, 80)
    path = tmp_path / "clip.mp4"
    write(path, frames)
    path.write_bytes(with_display_matrix(path.read_bytes(), *matrix))
    _check(path, [_ORIENTATIONS[matrix](frame) for frame in frames])


@pytest.mark.parametrize(
    ("aspect", "size"),
    [
        ("64:45", (576, 1024)),
        ("8:9", (648, 720)),
        ("1:1", (576, 720)),
        ("1:90", (576, 720)),
    ],
)
def test_pixels_become_square(tmp_path, aspect, size):
    path = tmp_path / "clip.mp4"
    options = {"qp": "5", "preset": "ultrafast", "aspect": aspect}
    write(path, numbered_frames(2, 576, 720), options=options)
    info = probe_video(path)
    assert (info.height, info.width) == size
    _check(path, numbered_frames(2, *size))
    # Turned, what was wide is high.
    path.write_bytes(with_display_matrix(path.read_bytes(), 0, 1, -1, 0))
    assert read_video(path, [0]).shape == (1, *size[::-1], 3)


# Matrix's number in H.273, and the shares of red and blue in brightness.
_MATRICES = {1: (0.2126, 0.0722), 6: (0.299, 0.114), 9: (0.2627, 0.0593)}
# Transfer and primaries: BT.709, HLG, PQ, and Display P3.
_TRANSFERS = [(1, 1), (18, 9), (16, 9), (1, 12)]


@pytest.mark.parametrize("matrix", _MATRICES)
@pytest.mark.parametrize("is_full", [False, True])
@pytest.mark.parametrize("bits", [8, 10])
@pytest.mark.parametrize(("transfer", "primaries"), _TRANSFERS)
def test_colours(tmp_path, matrix, is_full, bits, transfer, primaries):
    rng = np.random.default_rng(0)
    colours = rng.integers(30, 226, (6, 3)).astype(float)
    red, blue = _MATRICES[matrix]
    y = colours @ [red, 1 - red - blue, blue]
    yuv = np.stack(
        [
            y,
            (colours[:, 2] - y) / (2 * (1 - blue)),
            (colours[:, 0] - y) / (2 * (1 - red)),
        ],
        -1,
    )
    scale = [1, 1, 1] if is_full else [219 / 255, 224 / 255, 224 / 255]
    offset = [0 if is_full else 16, 128, 128]
    levels = np.round((yuv * scale + offset) * (1 << (bits - 8)))
    path = tmp_path / "clip.mkv"
    name = "yuv444p" if bits == 8 else "yuv444p10le"
    write(
        path,
        [_of_one_colour(each, name) for each in levels],
        codec="ffv1",
        pixel_format=name,
        options={},
        tags={
            "colorspace": matrix,
            "color_range": 2 if is_full else 1,
            "color_trc": transfer,
            "color_primaries": primaries,
        },
    )
    for found in (read_video(path), _live(path)):
        expected = np.broadcast_to(colours[:, None, None], np.shape(found))
        np.testing.assert_allclose(found, expected, atol=2)


def _of_one_colour(levels, pixel_format):
    """Returns a frame with one level in each of its planes."""
    frame = av.VideoFrame(64, 48, pixel_format)
    kind = np.uint8 if pixel_format == "yuv444p" else np.uint16
    for plane, level in zip(frame.planes, levels, strict=True):
        size = plane.buffer_size // np.dtype(kind).itemsize
        plane.update(np.full(size, level, kind).tobytes())
    return frame


@pytest.mark.parametrize("container", ["ts", "mp4"])
@pytest.mark.parametrize("first_stamp", [0, 44, 4])
def test_no_first_frame_is_lost(tmp_path, container, first_stamp):
    # 44 / 30 seconds are no whole number of microseconds.
    frames, path = numbered_frames(30), tmp_path / f"clip.{container}"
    write(
        path,
        frames,
        options=_B_FRAMES,
        first_stamp=first_stamp,
        container_options=_FRAGMENTED if container == "mp4" else {},
    )
    _check(path, frames)
    times = [time for time, _ in iterate_video(path)]
    np.testing.assert_allclose(np.diff(times), 1 / 30, atol=1e-4)
    # And the frame at a time is found by it.
    (found,) = iterate_video(path, times[7], times[8])
    np.testing.assert_array_equal(found[1], read_video(path, [7])[0])


@pytest.mark.parametrize("suffix", ["mkv", "webm", "flv", "mp4", "ts"])
def test_sound_may_be_longer(tmp_path, suffix, capsys):
    codec = {"codec": "libvpx", "options": {"crf": "4", "b": "2M"}}
    path, frames = tmp_path / f"clip.{suffix}", numbered_frames(30)
    write(
        path,
        frames,
        audio_seconds=2.5,
        **(codec if suffix == "webm" else {}),
    )
    _check(path, frames, tolerance=12)
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize("suffix", ["mkv", "mp4", "mov"])
def test_the_last_frame_may_be_held(tmp_path, suffix, capsys):
    path, frames = tmp_path / f"clip.{suffix}", numbered_frames(20)
    write(path, frames, last_lasts=60)
    _check(path, frames)
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize("audio_seconds", [0, 5])
@pytest.mark.parametrize("suffix", ["mkv", "mp4", "flv"])
@pytest.mark.parametrize("part", [0.4, 0.7])
def test_what_lacks_its_end_is_rejected(tmp_path, suffix, audio_seconds, part):
    path = tmp_path / f"clip.{suffix}"
    write(
        path,
        numbered_frames(90),
        audio_seconds=audio_seconds,
        container_options=(
            {"movflags": "faststart"} if suffix == "mp4" else {}
        ),
    )
    content = path.read_bytes()
    path.write_bytes(content[: int(part * len(content))])
    for read in (probe_video, read_video):
        with pytest.raises(VideoError, match="Repair or remove the file"):
            read(path)
    assert _live(path)


def test_a_size_that_changes_midway(tmp_path):
    wide, high = numbered_frames(4, 48, 64), numbered_frames(4, 64, 48)

    def append_high(packets):
        with av.open(str(tmp_path / "high.webm"), "w") as container:
            stream = container.add_stream("libvpx", rate=30, options=options)
            stream.height, stream.width, stream.pix_fmt = 64, 48, "yuv420p"
            more = made_videos.encode(stream, high, first_stamp=4)
        for packet in more:
            packet.stream = packets[0].stream
        return packets + more

    path, options = tmp_path / "clip.webm", {"crf": "4", "b": "2M"}
    write(path, wide, codec="libvpx", options=options, change=append_high)
    shapes = [frame.shape for _, frame in iterate_video(path)]
    assert shapes == 4 * [(48, 64, 3)] + 4 * [(64, 48, 3)]
    live = _live(path)
    assert [frame.shape for frame in live] == shapes
    # A central crop of what training reads is that of each frame by itself.
    frames = read_video(path, short_side=48)
    assert frames.shape == (8, 48, 48, 3)
    np.testing.assert_array_equal(frames[:4], np.stack(live[:4])[:, :, 8:56])
    np.testing.assert_array_equal(frames[4:], np.stack(live[4:])[:, 8:56])


@pytest.mark.parametrize(
    ("codec", "options"),
    [
        (
            "libx264",
            {"x264-params": f"{_OPEN}:open-gop=1:b-adapt=0"},
        ),
        ("mpeg2video", {"g": "10", "bf": "2", "sc_threshold": "1000000000"}),
        (
            "libx265",
            {"x265-params": f"{_OPEN}:log-level=none"},
        ),
    ],
)
def test_an_open_group_of_pictures_is_cut(tmp_path, codec, options):
    frames, kept = numbered_frames(40), []

    def cut(packets):
        keys = [i for i, packet in enumerate(packets) if packet.is_keyframe]
        kept.extend(packets[keys[1] :])
        assert min(packet.pts for packet in kept) < kept[0].pts
        return list(kept)

    path = tmp_path / "clip.mkv"
    write(path, frames, codec=codec, options=options, change=cut)
    first = round(kept[0].pts * kept[0].time_base * 30)
    _check(path, frames[first:], tolerance=15)


@pytest.mark.skipif(
    "libsvtav1" not in av.codecs_available, reason="no encoder for AV1"
)
def test_av1(tmp_path):
    path, frames = tmp_path / "clip.mp4", numbered_frames(5, 64, 64)
    write(path, frames, codec="libsvtav1", options={"crf": "10", "preset": "8"})
    _check(path, frames, tolerance=12)


def _encrypted(path):
    write(
        path,
        numbered_frames(10),
        container_options={
            "encryption_scheme": "cenc-aes-ctr",
            "encryption_key": "00" * 16,
            "encryption_kid": "00" * 16,
        },
    )


def _audio_only(path):
    with av.open(str(path), "w") as container:
        stream = container.add_stream("aac", rate=48_000)
        container.mux(made_videos.silence(stream, 1.0))


def _unknown_codec(path):
    write(path, numbered_frames(10))
    path.write_bytes(path.read_bytes().replace(b"avc1", b"zzzz"))


def _truncated(path):
    write(path, numbered_frames(10))
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])


@pytest.mark.parametrize(
    ("make", "reason", "is_damage"),
    [
        (_encrypted, "it is encrypted", False),
        (_audio_only, "it has only sound and no video stream", False),
        (_unknown_codec, "there is no decoder", False),
        (_truncated, "Invalid data found", True),
        (lambda path: path.write_bytes(b"\0" * 5000), "Invalid data", True),
        (lambda path: None, "No such file", False),
        (lambda path: path.mkdir(), "not a regular file", False),
    ],
)
def test_what_cannot_be_read_is_called_what_it_is(
    tmp_path, make, reason, is_damage
):
    path = tmp_path / "clip.mp4"
    make(path)
    for read in (probe_video, read_video):
        with pytest.raises(VideoError, match=reason) as caught:
            read(path)
        assert ("Repair or remove" in str(caught.value)) == is_damage
        assert "\n" not in str(caught.value)
    with pytest.raises(SourceError, match=r"clip\.mp4"):
        _live(path)


# Fixtures that both readers read whole, and the cases that once failed.
@pytest.mark.parametrize(
    "path",
    [*sorted(FIXTURES.glob("*")), *sorted(CASES.glob("*.*"))] or [None],
    ids=lambda path: path and path.name,
)
def test_training_and_live_see_the_same(path):
    if path is None:
        pytest.skip("the real videos are not beside this checkout")
    try:
        frames = [frame for _, frame in iterate_video(path)]
    except VideoError:
        return  # Live runs read on where training refuses.
    live = _live(path)
    assert len(live) == len(frames) == probe_video(path).num_frames
    for one, other in zip(frames, live, strict=True):
        np.testing.assert_array_equal(one, other)


def test_a_rate_is_that_of_the_file(tmp_path):
    write(tmp_path / "clip.mp4", numbered_frames(10))
    with Video(tmp_path / "clip.mp4") as video:
        assert video.rate == 30
