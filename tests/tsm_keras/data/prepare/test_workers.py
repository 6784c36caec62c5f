import contextlib
import csv
import dataclasses
import os
import pathlib
import resource
import shutil
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
import tensorflow as tf

from testing.gestures import LABELS
from testing.plans import TINY, contents, gesture_root, small_plan
from testing.shared_data import fixture
from testing.videos import (
    BROKEN,
    encode_or_be_killed,
    encode_or_be_killed_once,
    encode_or_crash,
    encode_or_hang,
)
from tsm_keras.atomic_file import atomic_file
from tsm_keras.data.prepare import plan as plan_module
from tsm_keras.data.prepare import workers as ingest_module
from tsm_keras.data.prepare.clip_encoding import encode_clip
from tsm_keras.data.prepare.dataset_folder import unfinished_shards
from tsm_keras.data.prepare.isolated_process import IsolatedProcess
from tsm_keras.data.prepare.shards import WORK_FOLDER
from tsm_keras.data.prepare.workers import ingest
from tsm_keras.data.storage.clip_record import parse_clip
from tsm_keras.data.storage.image_settings import ImageSettings
from tsm_keras.data.storage.prepared_dataset import open_prepared


@pytest.fixture(scope="module")
def prepared(tmp_path_factory):
    """The generated collection, prepared without interruption."""
    folder = tmp_path_factory.mktemp("prepared") / "set"
    return ingest(small_plan(), folder, workers=2)


def _rejected(folder):
    with open(folder / "rejected.csv", newline="", encoding="utf-8") as file:
        return list(csv.reader(file))


def test_the_records_are_the_encoded_clips(prepared):
    plan = small_plan()
    for shard in plan.shards:
        data = tf.data.TFRecordDataset(str(prepared.folder / shard.file))
        records = [parse_clip(record) for record in data]
        for record, source in zip(records, shard.clips, strict=True):
            clip = encode_clip(plan.root, source, plan.images)
            assert tuple(record["frames"].numpy()) == clip.frames
            assert tuple(record["timestamps"].numpy()) == clip.timestamps
            assert record["label"] == LABELS.index(source.label)
            assert record["label_name"].numpy().decode() == source.label
            assert record["data_path"].numpy().decode() == source.path
            size = (record["height"], record["width"])
            assert min(size) == 32 and size == (clip.height, clip.width)


def _files(plan):
    splits = {shard.split for shard in plan.shards}
    return [
        *(shard.file for shard in plan.shards),
        *(f"{split}.index" for split in splits),
    ]


def test_the_description_counts_what_is_there(prepared):
    assert open_prepared(prepared.folder) == prepared
    assert sorted(path.name for path in prepared.folder.iterdir()) == sorted(
        [
            *("dataset.json", "labels.txt", "rejected.csv"),
            *_files(small_plan()),
        ]
    )
    assert prepared.label_names == LABELS and prepared.rejected == 0
    assert _rejected(prepared.folder) == [["path", "reason"]]
    for name, split in prepared.splits.items():
        records = [
            parse_clip(record)
            for record in tf.data.TFRecordDataset(prepared.shard_paths(name))
        ]
        lengths = [len(record["frames"]) for record in records]
        assert (split.clips, split.frames) == (len(records), sum(lengths))
        assert split.clips_per_label == tuple(
            sum(int(record["label"]) == number for record in records)
            for number in range(len(LABELS))
        )
        durations = [
            float(record["end"] - record["start"]) / 1e6 for record in records
        ]
        for key, values in (("frames", lengths), ("duration", durations)):
            assert split.statistics[key] == pytest.approx(
                {
                    "min": min(values),
                    "median": np.median(values),
                    "max": max(values),
                }
            )


def test_readers_outside_this_project_can_read_the_shards(prepared):
    """Model Garden reads shards by keys, without code of this project."""

    def decode(record):
        context, lists = tf.io.parse_single_sequence_example(
            record,
            {"clip/label/index": tf.io.FixedLenFeature([1], tf.int64)},
            {"image/encoded": tf.io.FixedLenSequenceFeature([], tf.string)},
        )
        frames = tf.map_fn(
            tf.io.decode_jpeg,
            lists["image/encoded"],
            fn_output_signature=tf.uint8,
        )
        return frames, context["clip/label/index"][0]

    paths = tf.io.gfile.glob(str(prepared.folder / "*.tfrecord"))
    data = tf.data.TFRecordDataset(paths).map(decode)
    labels = []
    for frames, label in data:
        assert frames.shape[0] >= 12 and min(frames.shape[1:3]) == 32
        assert frames.shape[3] == 3 and np.std(frames) > 5
        labels.append(int(label))
    assert sorted(labels) == [0, 0, 1, 1, 2, 2, 3, 3]


@pytest.mark.parametrize("workers", [1, 3])
def test_the_number_of_workers_does_not_matter(prepared, tmp_path, workers):
    ingest(small_plan(), tmp_path / "set", workers=workers)
    assert contents(tmp_path / "set") == contents(prepared.folder)


def test_progress_counts_to_the_end(tmp_path):
    seen = []
    ingest(
        small_plan(limit=3),
        tmp_path / "set",
        progress=lambda *counts: seen.append(counts),
    )
    assert seen == [(number, 3) for number in range(4)]


def test_a_crash_of_the_decoder_costs_one_file(tmp_path, monkeypatch):
    root = shutil.copytree(gesture_root(), tmp_path / "videos")
    (root / "push" / "0.mp4").rename(root / "push" / "crash.mp4")
    monkeypatch.setattr(ingest_module, "try_encode_clip", encode_or_crash)
    dataset = ingest(small_plan(root), tmp_path / "set", workers=2)
    assert sum(split.clips for split in dataset.splits.values()) == 7
    assert _rejected(dataset.folder)[1:] == [
        ["push/crash.mp4", "the decoder crashed (SIGSEGV)"]
    ]


def test_a_fifth_of_a_collection_may_be_broken_in_every_way(tmp_path):
    root = tmp_path / "videos"
    good = sorted(gesture_root().glob("*/*.mp4"))
    for number in range(32):
        folder = root / ("a", "b")[number % 2]
        folder.mkdir(parents=True, exist_ok=True)
        shutil.copy(good[number % 8], folder / f"good {number}.mp4")
    source = fixture("imageio_realshort.mp4").read_bytes()
    broken = {"audio.mp4": fixture("tfio_audio_only.mp4").read_bytes()}
    broken |= {f"{kind}.mp4": make(source) for kind, make in BROKEN.items()}
    for kind, name in (
        ("bit_flipped", "exo_sample.mkv"),
        ("truncated", "grid_bbaf2n.mpg"),
    ):
        broken[name] = BROKEN[kind](fixture(name).read_bytes())
    for name, content in broken.items():
        (root / "a" / name).write_bytes(content)
    assert len(broken) / (32 + len(broken)) == 0.2
    # One frame, grey and odd sizes are no damage: they are in.
    shutil.copy(fixture("small_webm.webm"), root / "b")
    shutil.copy(fixture("exo_bear-vp9-odd-dimensions.webm"), root / "b")
    dataset = ingest(small_plan(root, clips_per_shard=8), tmp_path / "set")
    assert sum(split.clips for split in dataset.splits.values()) == 34
    rows = dict(_rejected(dataset.folder)[1:])
    assert set(rows) == {f"a/{name}" for name in broken}
    assert all(rows.values()) and dataset.rejected == len(broken)
    assert rows["a/empty.mp4"] == "the file is empty"
    assert rows["a/audio.mp4"] == "it has only sound and no video stream"


def test_a_missing_file_of_a_list_is_rejected(tmp_path):
    rows = [f"{label}/0.mp4,{label}" for label in LABELS] + ["gone.mp4,pull"]
    root = shutil.copytree(gesture_root(), tmp_path / "videos")
    (root / "clips.csv").write_text("\n".join(rows))
    dataset = ingest(small_plan(root, "csv"), tmp_path / "set")
    assert _rejected(dataset.folder)[1:] == [
        ["gone.mp4", "there is no such file"]
    ]


def test_pipes_and_folders_named_like_videos_are_not_opened(tmp_path):
    root = shutil.copytree(gesture_root(), tmp_path / "videos")
    os.mkfifo(root / "push" / "pipe.mp4")
    (root / "push" / "folder.mp4").mkdir()
    dataset = ingest(small_plan(root), tmp_path / "set")
    assert sum(split.clips for split in dataset.splits.values()) == 8
    assert _rejected(dataset.folder)[1:] == [
        ["push/pipe.mp4", "it is not a regular file"]
    ]


def test_names_that_are_not_utf8_are_kept(tmp_path):
    root = shutil.copytree(gesture_root(), tmp_path / "videos")
    name = b"caf\xe9.mp4"
    push = os.fsencode(root / "push")
    os.rename(os.path.join(push, b"0.mp4"), os.path.join(push, name))
    with open(os.path.join(push, b"bad" + name), "wb"):
        pass
    dataset = ingest(small_plan(root), tmp_path / "set")
    assert b"push/bad" + name in (dataset.folder / "rejected.csv").read_bytes()
    assert any(
        b"push/" + name in content
        for file, content in contents(dataset.folder).items()
        if file.endswith(".tfrecord")
    )


def test_nothing_readable_is_an_error_with_a_list(tmp_path):
    root = tmp_path / "videos"
    for label in ("a", "b"):
        (root / label).mkdir(parents=True)
        (root / label / "1.mp4").touch()
    with pytest.raises(ValueError, match=r"None of 2 clips.*rejected\.csv"):
        ingest(small_plan(root), tmp_path / "set")
    assert len(_rejected(tmp_path / "set")) == 3


def test_a_source_that_goes_away_stops_the_run_and_loses_nothing(
    prepared, tmp_path
):
    root = shutil.copytree(gesture_root(), tmp_path / gesture_root().name)
    plan = small_plan(root)
    gone = root / plan.shards[2].clips[0].path
    gone.rename(tmp_path / "aside.mp4")
    with pytest.raises(OSError, match=gone.name) as error:
        ingest(plan, tmp_path / "set", workers=1)
    assert f"2 of {len(plan.shards)} shards are finished" in str(error.value)
    assert sorted(path.name for path in (tmp_path / "set").glob("*")) == sorted(
        [WORK_FOLDER, *(shard.file for shard in plan.shards[:2])]
    )
    (tmp_path / "aside.mp4").rename(gone)
    ingest(plan, tmp_path / "set", workers=2)
    assert contents(tmp_path / "set") == contents(prepared.folder)


class _Starved(IsolatedProcess):
    """Has too little memory for a large frame."""

    def call(self, function, *arguments, **options):
        pid = super().call(os.getpid)
        plan, shard = arguments[:2]  # What it needs anyway comes first.
        super().call(encode_clip, plan.root, shard.clips[0], TINY)
        pages = int(pathlib.Path(f"/proc/{pid}/statm").read_text().split()[0])
        limit = pages * resource.getpagesize() + (1 << 23)
        most = resource.RLIM_INFINITY  # To raise the limit again for a call.
        resource.prlimit(pid, resource.RLIMIT_AS, (limit, most))
        return super().call(function, *arguments, **options)


def test_a_clip_that_is_too_large_for_the_memory_is_rejected(
    tmp_path, monkeypatch
):
    plan = small_plan(images=ImageSettings(4096), limit=1)
    monkeypatch.setattr(ingest_module, "IsolatedProcess", _Starved)
    with pytest.raises(ValueError, match="None of 1 clips"):
        ingest(plan, tmp_path / "set", workers=1)
    ((path, reason),) = _rejected(tmp_path / "set")[1:]
    assert path == plan.shards[0].clips[0].path
    assert "more memory than there is" in reason


@pytest.mark.parametrize("workers", [1, 3])
def test_a_clip_whose_workers_are_killed_is_read_alone_and_then_rejected(
    tmp_path, monkeypatch, workers
):
    root = shutil.copytree(gesture_root(), tmp_path / "videos")
    for name in ("large 1.mp4", "large 2.mp4"):
        shutil.copy(root / "push" / "0.mp4", root / "push" / name)
    monkeypatch.setattr(ingest_module, "try_encode_clip", encode_or_be_killed)
    seen = []
    dataset = ingest(
        small_plan(root),
        tmp_path / "set",
        workers=workers,
        progress=lambda *counts: seen.append(counts),
    )
    assert seen == [(done, 10) for done in range(11)]
    assert sum(split.clips for split in dataset.splits.values()) == 8
    rows = _rejected(dataset.folder)[1:]
    assert [path for path, _ in rows] == [
        "push/large 1.mp4",
        "push/large 2.mp4",
    ]
    assert all("more memory than there is" in reason for _, reason in rows)


def test_a_worker_that_is_killed_once_rejects_no_clip(
    prepared, tmp_path, monkeypatch
):
    root = shutil.copytree(gesture_root(), tmp_path / gesture_root().name)
    monkeypatch.setattr(
        ingest_module, "try_encode_clip", encode_or_be_killed_once
    )
    ingest(small_plan(root), tmp_path / "set", workers=2)
    assert (root / "killed").exists()
    assert contents(tmp_path / "set") == contents(prepared.folder)


def test_a_clip_that_hangs_is_rejected_and_the_others_are_in(
    tmp_path, monkeypatch
):
    root = shutil.copytree(gesture_root(), tmp_path / "videos")
    (root / "push" / "0.mp4").rename(root / "push" / "hang.mp4")
    monkeypatch.setattr(ingest_module, "try_encode_clip", encode_or_hang)
    monkeypatch.setattr(ingest_module, "TIME_LIMIT", 10.0)
    dataset = ingest(small_plan(root), tmp_path / "set", workers=2)
    assert sum(split.clips for split in dataset.splits.values()) == 7
    assert _rejected(dataset.folder)[1:] == [
        ["push/hang.mp4", "the decoder took more than 10 seconds"]
    ]


_KILLED = """
import sys
from testing.plans import small_plan
from tsm_keras.data.prepare.workers import ingest
ingest(small_plan(sys.argv[1], clips_per_shard=1), sys.argv[2], workers=2)
"""


def test_a_run_that_is_killed_five_times_ends_as_one_that_was_not(tmp_path):
    whole = ingest(small_plan(clips_per_shard=1), tmp_path / "whole")
    folder = tmp_path / "set"
    command = [sys.executable, "-c", _KILLED, gesture_root(), folder]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    for wanted in range(1, 6):
        process = subprocess.Popen(
            command, env=environment, start_new_session=True
        )
        while process.poll() is None:
            if len(list(folder.glob("*.tfrecord"))) >= wanted:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
            time.sleep(0.01)
        if process.returncode == 0:
            break  # It was faster than the signal.
    if not (folder / "dataset.json").exists():
        subprocess.run(command, env=environment, check=True)
    assert contents(folder) == contents(whole.folder)


def test_finished_shards_are_not_read_again(tmp_path):
    root = shutil.copytree(gesture_root(), tmp_path / "videos")
    plan, folder = small_plan(root), tmp_path / "set"
    gone = root / plan.shards[2].clips[0].path
    gone.rename(tmp_path / "aside.mp4")
    with pytest.raises(OSError, match="2 of 5 shards"):
        ingest(plan, folder, workers=1)
    first = folder / plan.shards[0].file
    damaged = bytes(first.stat().st_size)
    first.write_bytes(damaged)
    (tmp_path / "aside.mp4").rename(gone)
    ingest(plan, folder, workers=1)
    assert first.read_bytes() == damaged


def test_an_excluded_clip_does_not_strand_a_run(tmp_path):
    root = shutil.copytree(gesture_root(), tmp_path / "videos")
    plan, folder = small_plan(root), tmp_path / "set"
    gone = plan.shards[2].clips[0].path
    (root / gone).unlink()
    with pytest.raises(OSError, match="leave a clip out with --exclude"):
        ingest(plan, folder, workers=1)
    with pytest.raises(ValueError, match="put an empty one in its place"):
        small_plan(root, exclude=[gone])
    (root / gone).touch()
    with pytest.raises(ValueError, match="begun with other settings"):
        ingest(small_plan(root), folder)
    dataset = ingest(small_plan(root, exclude=[gone]), folder)
    assert sum(split.clips for split in dataset.splits.values()) == 7
    assert _rejected(folder)[1:] == [[gone, "it is excluded"]]


@pytest.mark.parametrize(
    ("version", "warns"), [("18.1.99", True), ("18.2.0", False)]
)
def test_a_patch_version_of_a_decoder_warns_and_a_minor_one_is_refused(
    tmp_path, monkeypatch, version, warns
):
    folder = tmp_path / "set"
    monkeypatch.setitem(plan_module.DECODERS, "PyAV", "18.1.0")
    with unfinished_shards(small_plan(), folder):
        pass
    monkeypatch.setitem(plan_module.DECODERS, "PyAV", version)
    if warns:
        with pytest.warns(UserWarning, match=r"PyAV 18\.1\.0.*18\.1\.99"):
            ingest(small_plan(), folder)
    else:
        with pytest.raises(ValueError, match=r"PyAV \(was '18.1.0'"):
            ingest(small_plan(), folder)


def test_another_plan_is_refused(tmp_path):
    plan = small_plan()
    with unfinished_shards(plan, tmp_path / "set") as shards:
        assert shards == list(plan.shards)
    with pytest.raises(ValueError, match=r"images \(was .*32.* is .*48"):
        images = dataclasses.replace(plan.images, short_side=48)
        ingest(small_plan(images=images), tmp_path / "set")
    with pytest.raises(ValueError, match=r"clips \(was 8, is 3\)"):
        ingest(small_plan(limit=3), tmp_path / "set")


def test_what_a_killed_run_was_writing_is_removed(tmp_path):
    with unfinished_shards(small_plan(), tmp_path / "set"):
        pass
    with atomic_file(tmp_path / "set" / "1.tfrecord") as part:
        part.touch()
    part.touch()  # As if there had been no time to finish or to clean up.
    with unfinished_shards(small_plan(), tmp_path / "set"):
        assert not part.exists()


def test_two_processes_do_not_work_in_one_folder(tmp_path):
    with (
        unfinished_shards(small_plan(), tmp_path / "set"),
        pytest.raises(BlockingIOError, match="Another process is at work"),
    ):
        ingest(small_plan(), tmp_path / "set")


def test_a_folder_with_something_else_is_refused(prepared, tmp_path):
    (tmp_path / "notes.txt").touch()
    with pytest.raises(FileExistsError, match="is not empty"):
        ingest(small_plan(), tmp_path)
    with pytest.raises(FileExistsError, match="is finished"):
        ingest(small_plan(), prepared.folder)


@contextlib.contextmanager
def _no_file_longer_than(size):
    """Makes writes fail as on a full disk, but with another error number."""
    _, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))


def test_a_file_that_cannot_grow_stops_the_run_and_loses_nothing(
    prepared, tmp_path
):
    folder, whole = tmp_path / "set", contents(prepared.folder)
    sizes = sorted(
        len(content)
        for name, content in whole.items()
        if name.endswith(".tfrecord")
    )
    with (
        _no_file_longer_than(sizes[-1] - 1),
        pytest.raises(
            OSError, match=r"Cannot write .*: File too large"
        ) as error,
    ):
        ingest(small_plan(), folder, workers=1)
    assert "run the same command again" in str(error.value)
    # Nothing half-written is there, under the name of a shard or another.
    left = {path.name for path in folder.iterdir()} - {WORK_FOLDER}
    assert left < set(whole)
    for name in left:
        assert (folder / name).read_bytes() == whole[name]
    ingest(small_plan(), folder)
    assert contents(folder) == whole
