import itertools
import pathlib
import shutil

import cv2
import numpy as np
import pytest

from testing.gestures import shared_videos
from testing.models import small_config
from testing.prepared import shared_prepared
from tsm_keras.command_flags import parse
from tsm_keras.data.augment.augmentation import AugmentationConfig
from tsm_keras.data.augment.mirror import mirror
from tsm_keras.data.pipeline.dataset import make_dataset
from tsm_keras.data.prepare import flow_command
from tsm_keras.data.prepare.flow_command import write_flow
from tsm_keras.data.readers.clip_reader import open_clips, read_frames
from tsm_keras.data.readers.flow_reader import FlowReader
from tsm_keras.data.readers.prepared_reader import PreparedReader
from tsm_keras.data.readers.video_reader import VideoReader
from tsm_keras.data.video.decoding import VideoError, read_video
from tsm_keras.data.video.optical_flow import as_bytes, flow_function
from tsm_keras.data.video.resizing import resize_short_side

pytestmark = pytest.mark.keras3_only  # Data alone: no Keras in it.


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """The flow of the shared videos, as `tsm flow` writes it."""
    folder = tmp_path_factory.mktemp("flow") / "test"
    write_flow(VideoReader(shared_videos()), folder, short_side=48)
    return folder


def _texture(seed=0):
    noise = np.random.default_rng(seed).integers(0, 256, (80, 120, 3), np.uint8)
    return cv2.GaussianBlur(noise, (0, 0), 3) * 2


def test_flow_is_the_displacement_of_moving_objects():
    frame = _texture()
    moved = np.roll(frame, (2, 5), axis=(0, 1))  # Down by 2, right by 5.
    flow = flow_function("dis")(frame, moved)[20:-20, 20:-20]
    assert flow.dtype == np.uint8
    pixels = (flow.astype(float) - 127.5) * 20 / 127.5
    np.testing.assert_allclose(
        np.median(pixels, axis=(0, 1)), (5, 2), atol=0.25
    )


def test_bytes_are_linear_and_cut_off_at_twenty_pixels():
    motion = np.array([-30, -20, 0, 10, 20, 99.0])
    np.testing.assert_array_equal(as_bytes(motion), [0, 0, 128, 191, 255, 255])


def test_another_method_is_refused_and_a_missing_one_named():
    with pytest.raises(ValueError, match="method.*Received"):
        flow_function("raft")
    if not hasattr(cv2, "optflow"):
        with pytest.raises(ImportError, match="pip install opencv-contrib"):
            flow_function("tvl1")


def test_a_frame_is_the_flow_of_the_pairs_from_it_on(folder):
    videos = shared_videos()
    reader = FlowReader(folder, pairs=3)
    frames = resize_short_side(read_video(videos.paths[0]), 48)
    flow = flow_function("dis")
    pairs = [flow(*two) for two in itertools.pairwise(frames)]
    assert int(reader.describe(0)["num_frames"]) == len(pairs) - 2
    found = read_frames(reader, 0, [1, len(pairs) - 1], None)
    assert found.shape == (2, *frames.shape[1:3], 6)
    last = pairs[-1]
    expected = np.stack(
        [
            np.concatenate(pairs[1:4], axis=-1),
            np.concatenate([last] * 3, axis=-1),  # Past the end it repeats.
        ]
    )
    # JPEG.
    assert np.abs(found.astype(int) - expected).mean() < 2.5
    assert reader.label_names == videos.label_names
    assert reader.frame_rate == pytest.approx(VideoReader(videos).frame_rate)


def test_flow_of_shards_can_be_mirrored_and_trained_on(tmp_path):
    clips = PreparedReader(shared_prepared(), "train")
    write_flow(clips, tmp_path / "train", short_side=48)
    reader = open_clips(tmp_path, "train", flow_pairs=2)
    assert reader.mirrored_labels == clips.mirrored_labels
    config = small_config(
        image_size=32,
        num_classes=4,
        input_channels=4,
        pixel_mean=(127.5,) * 4,
        pixel_std=(57.0,) * 4,
    )
    data = make_dataset(
        reader,
        config,
        batch_size=4,
        training=True,
        augmentation=AugmentationConfig(flip=True),
    )
    for batch, labels in data.take(1):
        assert batch.shape == (4, 4, 32, 32, 4) and labels.shape == (4,)
    with pytest.raises(ValueError, match="colours.*flow"):
        make_dataset(
            reader,
            config,
            batch_size=4,
            training=True,
            augmentation=AugmentationConfig(hue=0.1),
        )


def test_a_mirrored_flow_is_the_flow_of_mirrored_frames():
    frame = _texture()
    moved = np.roll(frame, (2, 5), axis=(0, 1))
    flow = flow_function("dis")
    seen = flow(
        np.ascontiguousarray(frame[:, ::-1]),
        np.ascontiguousarray(moved[:, ::-1]),
    )
    mirrored = mirror(flow(frame, moved)).numpy()
    inner = np.s_[20:-20, 20:-20]
    difference = seen[inner].astype(int) - mirrored[inner]
    assert np.abs(np.median(difference, axis=(0, 1))).max() <= 2
    pictures = np.arange(24, dtype=np.uint8).reshape(2, 4, 3)
    np.testing.assert_array_equal(mirror(pictures), pictures[:, ::-1])


def test_interrupted_writing_is_continued(folder):
    clip = next(path for path in folder.rglob("flow_x_00001.jpg")).parent
    before = {path: path.read_bytes() for path in clip.iterdir()}
    stamps = {path: path.stat().st_mtime_ns for path in clip.iterdir()}
    other = next(path for path in clip.parent.iterdir() if path != clip)
    for path in other.iterdir():
        path.unlink()
    other.rmdir()
    write_flow(VideoReader(shared_videos()), folder, short_side=48)
    assert other.is_dir()
    assert stamps == {path: path.stat().st_mtime_ns for path in clip.iterdir()}
    assert before == {path: path.read_bytes() for path in clip.iterdir()}


@pytest.fixture
def tsm_flow():
    """Runs the command."""

    def run(*arguments):
        flow_command.main(parse(flow_command.FLAGS, "tsm flow", arguments))

    return run


def _contents(folder):
    """Returns bytes and time of all files."""
    return {
        path: (path.read_bytes(), path.stat().st_mtime_ns)
        for path in folder.rglob("*")
        if path.is_file()
    }


def test_another_setting_is_refused_and_nothing_lost(tmp_path):
    videos = VideoReader(shared_videos())
    write_flow(videos, tmp_path / "flow", short_side=24)
    before = _contents(tmp_path)
    with pytest.raises(
        ValueError, match=r"other settings.*: size \(was 24, is"
    ):
        write_flow(videos, tmp_path / "flow", short_side=32)
    write_flow(videos, tmp_path / "old", short_side=24)
    path = tmp_path / "old" / "flow.json"
    path.write_text(path.read_text().replace('"dis"', '"tvl1"'))
    with pytest.raises(ValueError, match=r": method \(was 'tvl1', is 'dis'\)"):
        write_flow(videos, tmp_path / "old", short_side=24)
    shutil.rmtree(tmp_path / "old")
    assert _contents(tmp_path) == before


def test_another_source_is_refused(tmp_path):
    write_flow(VideoReader(shared_videos()), tmp_path, short_side=24)
    before = _contents(tmp_path)
    others = PreparedReader(shared_prepared(), "train")
    with pytest.raises(ValueError, match=r"source_sha256 \(was"):
        write_flow(others, tmp_path, short_side=24)
    assert _contents(tmp_path) == before


def test_a_run_that_was_cut_off_knows_its_settings(tmp_path):
    def cut_off(done, total):
        if done == 2:
            raise KeyboardInterrupt

    videos = VideoReader(shared_videos())
    with pytest.raises(KeyboardInterrupt):
        write_flow(videos, tmp_path, short_side=24, progress=cut_off)
    before = _contents(tmp_path)
    with pytest.raises(ValueError, match="size"):
        write_flow(videos, tmp_path, short_side=32)
    assert _contents(tmp_path) == before
    write_flow(videos, tmp_path, short_side=24)
    after = _contents(tmp_path)
    assert FlowReader(tmp_path).num_clips == 8
    assert all(
        after[path] == entry
        for path, entry in before.items()
        if path.suffix == ".jpg"
    )


def test_a_folder_of_another_tool_is_not_added_to(tmp_path, folder):
    shutil.copytree(folder, tmp_path / "flow")
    (tmp_path / "flow" / "flow.json").unlink()
    before = _contents(tmp_path)
    with pytest.raises(ValueError, match="no flow.json that says"):
        write_flow(VideoReader(shared_videos()), tmp_path / "flow")
    assert _contents(tmp_path) == before


def test_all_splits_are_checked_before_one_is_computed(tmp_path, tsm_flow):
    flags = f"--data={shared_prepared().folder}", f"--to={tmp_path / 'flow'}"
    tsm_flow(*flags, "--size=24")
    shutil.rmtree(tmp_path / "flow" / "train")
    before = _contents(tmp_path)
    with pytest.raises(ValueError, match=r"test was begun.*size \(was 24"):
        tsm_flow(*flags, "--size=32")
    assert _contents(tmp_path) == before
    tsm_flow(*flags, "--size=24")
    assert FlowReader(tmp_path / "flow" / "train").num_clips == 8


@pytest.mark.parametrize(
    "names", [("train", "validation"), ("Training", "dev")]
)
def test_folders_of_splits_are_known_by_all_their_names(
    tmp_path, tsm_flow, names
):
    videos = pathlib.Path(shared_videos().paths[0]).parents[1]
    for name in names:
        shutil.copytree(videos, tmp_path / "videos" / name)
    flow = tmp_path / "flow"
    tsm_flow(f"--data={tmp_path / 'videos'}", f"--to={flow}", "--size=24")
    assert {path.name for path in flow.iterdir()} == {"train", "val"}
    for split in ("train", "val"):
        reader = open_clips(flow, split)
        assert reader.num_clips == 8
        assert reader.label_names == shared_videos().label_names


def test_refuses_gaps_files_that_are_not_images_and_other_folders(tmp_path):
    for label in "ab":
        for axis in "xy":
            for number in (1, 2, 3):
                path = tmp_path / label / "c" / f"flow_{axis}_{number:05d}.jpg"
                path.parent.mkdir(parents=True, exist_ok=True)
                cv2.imwrite(str(path), np.full((40, 40), 99, np.uint8))
    reader = open_clips(tmp_path, flow_pairs=1)  # Of another tool.
    assert reader.num_clips == 2 and reader.mirrored_labels is None
    assert reader.frame_interval(4) == 0.0
    broken = tmp_path / "a" / "c" / "flow_y_00002.jpg"
    broken.write_bytes(b"no picture")
    with pytest.raises(Exception, match="is not an image"):
        read_frames(reader, 0, [1], None)
    broken.unlink()
    with pytest.raises(VideoError, match="3 files of x and 2 of y"):
        FlowReader(tmp_path)
    with pytest.raises(FileNotFoundError, match="does not exist"):
        FlowReader(tmp_path / "nowhere")
