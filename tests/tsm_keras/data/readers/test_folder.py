import contextlib
import io
import json
import os
import pathlib
import shutil

import numpy as np
import pytest

from testing.gestures import LABELS, shared_videos, write_folder
from testing.plans import small_plan
from testing.prepared import shared_prepared
from tsm_keras.data.augment.crops import center_box
from tsm_keras.data.prepare.collections.collection import SourceOptions
from tsm_keras.data.prepare.collections.formats import read_collection
from tsm_keras.data.prepare.prepare import plan_dataset
from tsm_keras.data.prepare.workers import ingest
from tsm_keras.data.readers import probed_videos
from tsm_keras.data.readers.clip_reader import (
    as_reader,
    data_heads,
    open_clips,
    read_frames,
    split_names,
)
from tsm_keras.data.readers.folder import scan_folder
from tsm_keras.data.readers.probed_videos import CACHE_FILE, ProbedVideos
from tsm_keras.data.storage.prepared_dataset import open_prepared
from tsm_keras.data.video.class_folders import class_videos, left_out
from tsm_keras.data.video.decoding import (
    VideoError,
    iterate_frames,
    read_video,
)
from tsm_keras.data.video.encoding import write_video


def test_classes_are_sorted_and_videos_labelled():
    videos = shared_videos()
    assert videos.label_names == LABELS
    assert videos.labels == (0, 0, 1, 1, 2, 2, 3, 3)
    for path, label in zip(videos.paths, videos.labels, strict=True):
        assert f"/{LABELS[label]}/" in path


def test_label_order_can_be_that_of_a_model(tmp_path):
    order = LABELS[::-1]
    videos = scan_folder(write_folder(tmp_path / "v"), label_names=order)
    assert videos.label_names == order
    assert "/swipe_right/" in videos.paths[0] and videos.labels[0] == 0


def test_progress_counts_to_the_end(tmp_path):
    seen = []
    scan_folder(
        write_folder(tmp_path / "v", clips_per_class=1),
        progress=lambda done, total: seen.append((done, total)),
    )
    assert seen == [(1, 4), (2, 4), (3, 4), (4, 4)]


def test_the_hash_follows_the_content(tmp_path):
    folder = write_folder(tmp_path / "v", clips_per_class=1)
    before = scan_folder(folder).content_hash()
    assert scan_folder(folder).content_hash() == before
    (folder / "push" / "0.mp4").rename(folder / "pull" / "1.mp4")
    shutil.copy(folder / "pull" / "0.mp4", folder / "push" / "0.mp4")
    assert scan_folder(folder).content_hash() != before


@pytest.fixture
def no_decoding(monkeypatch):
    """Returns a function; after its call, decoding a video is an error."""

    def refuse(path):
        raise AssertionError(f"{path} is decoded again")

    return lambda: monkeypatch.setattr(probed_videos, "probe_video", refuse)


def test_a_second_start_decodes_nothing(tmp_path, no_decoding):
    folder = write_folder(tmp_path / "v")
    _break(folder / "push" / "1.mp4")
    seen = []
    first = scan_folder(folder, max_bad_fraction=0.125)
    no_decoding()
    assert first == scan_folder(
        folder,
        max_bad_fraction=0.125,
        progress=lambda *counts: seen.append(counts),
    )
    assert seen[-1] == (8, 8)
    with pytest.raises(VideoError, match="push/1.mp4"):
        scan_folder(folder)
    assert class_videos(folder).keys() == set(LABELS)
    moved = folder.rename(tmp_path / "moved")
    assert scan_folder(moved, max_bad_fraction=0.125).infos == first.infos


def test_what_was_found_is_kept_even_if_the_process_is_killed(
    tmp_path, monkeypatch
):
    folder = write_folder(tmp_path / "v")
    paths = [str(path) for path in sorted(folder.rglob("*.mp4"))]
    decoded = []
    probe = probed_videos.probe_video
    monkeypatch.setattr(
        probed_videos,
        "probe_video",
        lambda path: decoded.append(path) or probe(path),
    )
    clock = [0.0]
    monkeypatch.setattr(probed_videos.time, "monotonic", lambda: clock[0])
    killed = ProbedVideos(folder)  # Its end is never reached.
    for path in paths[:3]:
        killed.probe(path)
    with ProbedVideos(folder) as videos:
        videos.probe(paths[0])
    assert decoded == [*paths[:3], paths[0]]  # Nothing was kept so far.
    (folder / CACHE_FILE).unlink()
    clock[0] = 31.0
    infos = [killed.probe(path) for path in paths[3:6]]
    clock[0] = 45.0
    killed.probe(paths[6])
    decoded.clear()
    with ProbedVideos(folder) as videos:
        assert [videos.probe(path) for path in paths[3:4]] == infos[:1]
        for path in paths:
            videos.probe(path)
    # The first three were kept too; what came in the 30 seconds after was not.
    assert decoded == paths[4:]


def test_a_changed_video_is_decoded_again(tmp_path):
    folder = write_folder(tmp_path / "v")
    before = scan_folder(folder)
    one, other = folder / "push" / "0.mp4", folder / "pull" / "1.mp4"
    shutil.copy(other, one)
    after = scan_folder(folder)
    assert after.infos[2] == before.infos[1] != before.infos[2]
    (folder / ".tsm_videos.json").write_text("{")  # It does not matter.
    assert scan_folder(folder).infos == after.infos


def test_a_folder_that_is_not_writable_is_decoded_once_too(
    tmp_path, no_decoding, monkeypatch
):
    folder = write_folder(tmp_path / "v")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(os, "access", lambda path, mode: path != folder)
    first = scan_folder(folder)
    assert not (folder / ".tsm_videos.json").exists()
    no_decoding()
    assert scan_folder(folder) == first


@pytest.mark.parametrize(
    "damaged",
    [
        "[]",
        '{"format": "F", "videos": []}',
        '{"format": "F", "videos": {"push/0.mp4": "x"}}',
        '{"format": "F", "videos": {"push/0.mp4": {}}}',
        '{"format": "F", "videos": {"push/0.mp4": {"file": 1, "error": ""}}}',
        '{"format": "F", "videos": {"push/0.mp4": {"file": [], "fps": 1}}}',
        "[" * 100_000,
    ],
)
def test_a_damaged_file_of_findings_does_not_matter(tmp_path, damaged):
    folder = write_folder(tmp_path / "v", clips_per_class=1)
    before = scan_folder(folder)
    kept = folder / probed_videos.CACHE_FILE
    file_format = json.dumps(probed_videos._FORMAT)
    kept.write_text(damaged.replace('"F"', file_format))
    assert scan_folder(folder) == before
    assert json.loads(kept.read_text())["videos"].keys() == {
        os.path.relpath(path, folder) for path in before.paths
    }


def test_findings_are_kept_where_a_link_points(tmp_path):
    folder = write_folder(tmp_path / "v", clips_per_class=1)
    (folder / probed_videos.CACHE_FILE).symlink_to(tmp_path / "kept.json")
    scan_folder(folder)
    assert (folder / probed_videos.CACHE_FILE).is_symlink()
    assert (tmp_path / "kept.json").exists()


def test_a_disk_that_fails_is_asked_again(tmp_path, monkeypatch):
    folder = write_folder(tmp_path / "v")

    def fail(path):
        raise OSError("Input/output error")

    with monkeypatch.context() as context:
        context.setattr(probed_videos, "check_readable", fail)
        path = folder / "push" / "1.mp4"
        whole, status = path.read_bytes(), path.stat()
        path.write_bytes(bytes(len(whole)))
        with pytest.raises(VideoError):
            scan_folder(folder)
    path.write_bytes(whole)
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
    assert len(scan_folder(folder).paths) == 8


def test_a_broken_video_is_named_in_one_line(tmp_path):
    folder = write_folder(tmp_path / "v", clips_per_class=1)
    broken = folder / "push" / "broken.mp4"
    whole = (folder / "push" / "0.mp4").read_bytes()
    broken.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(VideoError, match=r"broken\.mp4") as caught:
        scan_folder(folder)
    assert "\n" not in str(caught.value)


def _break(path):
    path.write_bytes(path.read_bytes()[:2000])


def test_some_broken_videos_may_be_left_out(tmp_path):
    folder = write_folder(tmp_path / "v")
    _break(folder / "push" / "1.mp4")
    videos = scan_folder(folder, max_bad_fraction=0.125)
    assert len(videos.paths) == len(videos.labels) == len(videos.infos) == 7
    assert videos.labels == (0, 0, 1, 2, 2, 3, 3)
    ((path, reason),) = videos.rejected
    assert path.endswith("push/1.mp4") and reason
    # One more is too many, and both are listed.
    _break(folder / "pull" / "0.mp4")
    with pytest.raises(ValueError, match=r"2 of 8.*pull/0\.mp4.*push/1\.mp4"):
        scan_folder(folder, max_bad_fraction=0.125)


def test_a_pipe_is_a_broken_video(tmp_path):
    folder = write_folder(tmp_path / "v", clips_per_class=1)
    os.mkfifo(folder / "push" / "pipe.mp4")
    (folder / "push" / "folder.mp4").mkdir()
    with pytest.raises(VideoError, match=r"pipe\.mp4: it is not a regular"):
        scan_folder(folder)
    clips = open_clips(folder, max_bad_fraction=0.5)
    assert clips.num_clips == 4


def test_no_class_may_lose_all_its_videos(tmp_path):
    folder = write_folder(tmp_path / "v", clips_per_class=1)
    _break(folder / "push" / "0.mp4")
    with pytest.raises(ValueError, match=r"not all videos.*push/0\.mp4"):
        scan_folder(folder, max_bad_fraction=0.9)
    with pytest.raises(ValueError, match="Received: max_bad_fraction=1.5"):
        scan_folder(folder, max_bad_fraction=1.5)


@pytest.mark.parametrize(
    ("prepare", "message"),
    [
        (lambda folder: shutil.rmtree(folder), "does not exist"),
        (lambda folder: _empty(folder), "holds no videos"),
        (lambda folder: _keep_one(folder), "at least two class folders"),
        (lambda folder: (folder / "wave").mkdir(), r"hold no videos.*wave"),
    ],
)
def test_folders_that_cannot_be_learnt_from(tmp_path, prepare, message):
    folder = write_folder(tmp_path / "v", clips_per_class=1)
    prepare(folder)
    with pytest.raises((ValueError, FileNotFoundError), match=message):
        scan_folder(folder)


def test_other_labels_than_the_models_are_named(tmp_path):
    folder = write_folder(tmp_path / "v", clips_per_class=1)
    with pytest.raises(
        ValueError, match=r"missing \['wave'\], unknown \['swipe_right'\]"
    ):
        scan_folder(folder, label_names=("pull", "push", "swipe_left", "wave"))


def _empty(folder):
    shutil.rmtree(folder)
    folder.mkdir()


def _keep_one(folder):
    for label in LABELS[1:]:
        shutil.rmtree(folder / label)


def test_what_is_in_a_class_folder_is_taken_or_counted(tmp_path):
    folder = write_folder(tmp_path / "v", clips_per_class=1)
    video = (folder / "push" / "0.mp4").read_bytes()
    for name in ("1.MTS", "2.m2ts", "3.ogv", "4.vob", "5.3g2", "deep/er/6.mp4"):
        (folder / "push" / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / "push" / name).write_bytes(video)
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "7.mp4").write_bytes(video)
    (folder / "push" / "linked").symlink_to(tmp_path / "elsewhere")
    assert "left out" not in _said(folder)
    (folder / "push" / ".ipynb_checkpoints").mkdir()
    (folder / "push" / ".ipynb_checkpoints" / "0.mp4").write_bytes(video)
    (folder / "push" / "loop").symlink_to(folder / "push")
    for name in ("a.txt", "b.TXT", "pull.part"):
        (folder / "push" / name).touch()
    found = class_videos(folder)["push"]
    assert [path.stem for path in found] == [*"01234567"[:6], "6", "7"]
    rest = left_out(folder)
    assert "2 .txt files" in rest and "1 .part files" in rest
    assert "1 hidden folders" in rest
    assert "1 linked folders that are read already" in rest
    assert f"left out: {rest}\n" in _said(folder)


def _said(folder):
    with contextlib.redirect_stdout(io.StringIO()) as out:
        open_clips(folder, verbose=True, max_bad_fraction=0.5)
    return out.getvalue()


def test_a_class_with_a_blank_at_its_end_is_refused(tmp_path):
    folder = write_folder(tmp_path / "v", clips_per_class=1)
    (folder / "push").rename(folder / "push ")
    for refuse in (
        lambda: scan_folder(folder),
        lambda: read_collection("class_folders", SourceOptions(folder)),
    ):
        with pytest.raises(ValueError, match="blank: rename.*push '$"):
            refuse()


def test_a_video_of_one_frame_has_a_frame_rate(tmp_path):
    # A stream is fed at the rate of its video.
    folder = write_folder(tmp_path / "v", clips_per_class=1)
    frames = read_video(folder / "push" / "0.mp4", [0])
    write_video(folder / "push" / "0.mp4", frames, fps=25)
    clips = open_clips(folder)
    (number,) = [i for i, name in enumerate(clips.clip_names) if "push" in name]
    about = clips.describe(number)
    assert int(about["num_frames"]) == 1 and float(about["frame_rate"]) == 1


@pytest.mark.parametrize("prepared", [False, True])
@pytest.mark.parametrize("short_side", [None, 40])
def test_frames_one_by_one_are_those_of_a_clip(prepared, short_side):
    if prepared:
        clips = as_reader(shared_prepared(), "train")
    else:
        clips = as_reader(shared_videos())
    frames = clips.describe(3)["num_frames"].numpy()
    indices = np.sort(np.arange(40, dtype=np.int32) % frames)

    def box(shape):
        return center_box(shape, 32)

    for part in (None, box):
        np.testing.assert_array_equal(
            [*clips.iterate(3, indices, short_side, part)],
            read_frames(clips, 3, indices, short_side, part),
        )


def test_frames_after_the_end_of_a_video_are_an_error():
    path, info = shared_videos().paths[0], shared_videos().infos[0]
    last = info.num_frames - 1
    assert len([*iterate_frames(path, [0, last, last])]) == 3
    with pytest.raises(VideoError, match=f"before frame {last + 1}"):
        list(iterate_frames(path, [last + 1]))


def test_a_folder_is_mirrored_as_the_user_says(monkeypatch):
    folder = pathlib.Path(shared_videos().paths[0]).parents[1]
    swipes = (LABELS.index("swipe_left"), LABELS.index("swipe_right"))
    assert open_clips(folder).mirrored_labels is None
    assert open_clips(folder, flip_pairs="none").mirrored_labels is None
    found = open_clips(folder, flip_pairs="auto").mirrored_labels
    assert [found[i] for i in swipes] == [*reversed(swipes)]
    assert found[LABELS.index("pull")] == LABELS.index("pull")
    by_hand = open_clips(folder, flip_pairs="pull:push").mirrored_labels
    assert by_hand[LABELS.index("pull")] == LABELS.index("push")
    assert [by_hand[i] for i in swipes] == [*swipes]

    def probed(*_, **__):
        pytest.fail("videos were opened before the pairs were checked")

    monkeypatch.setattr("tsm_keras.data.readers.folder.probe_videos", probed)
    for text in ("pull:wave", "pull", "pull:push,pull:push"):
        with pytest.raises(ValueError, match="flip_pairs.*Received"):
            open_clips(folder, flip_pairs=text)


def test_auto_refuses_a_side_without_its_mirror_image(tmp_path):
    folder = write_folder(
        tmp_path / "v", labels=("push", "swipe_left"), clips_per_class=1
    )
    with pytest.raises(ValueError, match="mirror image of 'swipe_left'"):
        open_clips(folder, flip_pairs="auto")


def test_a_prepared_data_set_has_its_own_pairs():
    with pytest.raises(ValueError, match="flip_pairs='auto'"):
        open_clips(shared_prepared().folder, "train", flip_pairs="auto")


@pytest.mark.parametrize(
    "use",
    [
        open_clips,
        split_names,
        data_heads,
        scan_folder,
        open_prepared,
        plan_dataset,
        lambda path: ingest(small_plan(), path),
    ],
)
def test_a_bucket_is_refused_and_its_secrets_are_not_shown(use):
    with pytest.raises(ValueError, match=r"mount the bucket.* s3://$"):
        use("s3://key:secret@bucket/videos")
