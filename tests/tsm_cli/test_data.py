"""`tsm data show`, and `tsm train` and `evaluate` on a prepared data set."""

import collections
import shutil

import cv2
import numpy as np
import pytest

from testing.command_line import refused, tsm, tsm_here
from testing.gestures import shared_videos, write_folder
from testing.prepared import shared_prepared
from tsm_cli import data
from tsm_keras.command_flags import parse
from tsm_keras.data.labels import only_head
from tsm_keras.data.pipeline.flags import configs_from_flags
from tsm_keras.data.readers.clip_reader import (
    data_heads,
    held_out_split,
    open_clips,
    split_names,
)
from tsm_keras.models.config import InputConfig
from tsm_keras.models.presets import read_description
from tsm_keras.training import command


def test_a_sheet_is_written(tmp_path):
    output, error = tsm(
        "data",
        "show",
        shared_prepared().folder,
        f"--to={tmp_path / 'sheet.html'}",
        *("--clips=3", "--size=48", "--flip", "--mixup=0.4"),
        ok=True,
    )
    assert f"wrote {tmp_path / 'sheet.html'}" in output and not error
    page = (tmp_path / "sheet.html").read_text("utf-8")
    assert "swipe_left" in page and "8 clips of 4 classes" in page
    assert "data:image/png" in page
    assert len(list(tmp_path.iterdir())) == 1


@pytest.fixture(scope="module")
def eleven(tmp_path_factory):
    """11 clips, which is not a multiple of the batch size."""
    folder = tmp_path_factory.mktemp("eleven") / "videos"
    write_folder(folder, labels=("pull", "push"), clips_per_class=6)
    (folder / "push" / "5.mp4").unlink()
    return open_clips(folder)


def _drawn(clips, *flags):
    """Returns the clips that `tsm data show` shows, and their titles."""
    parse(data.FLAGS, "tsm data", ["--segments=4", *flags])
    return data._draw(clips, InputConfig(32), *configs_from_flags(data.FLAGS))


@pytest.mark.parametrize("flag", ["--training", "--notraining"])
def test_all_clips_are_shown(eleven, flag):
    shown, titles = _drawn(eleven, flag)
    assert collections.Counter(titles) == {"pull": 6, "push": 5}
    assert len(np.unique(shown, axis=0)) == 11
    some, _ = _drawn(eleven, flag, "--clips=10")
    np.testing.assert_array_equal(some, shown[:10])


@pytest.mark.parametrize("clips", [1, 9, 10, 11, 12])
def test_clips_that_are_mixed_are_shown_too(eleven, clips):
    shown, titles = _drawn(eleven, "--mixup=1", f"--clips={clips}")
    assert len(shown) == len(titles) == min(clips, 11)
    if clips > 2:  # Of both classes, so some are mixed.
        assert any(" + " in title for title in titles)


@pytest.mark.slow
def test_what_cannot_be_shown_is_refused(tmp_path):
    folder = shared_prepared().folder
    to = f"--to={tmp_path / 'sheet.png'}"
    assert "tsm data show DATASET" in refused("data", "shaw", folder, to)
    assert "split='val'" in refused("data", "show", folder, to, "--split=val")
    for flag in ("--segments=0", "--seed=-1", "--size=0"):
        name = (
            flag.partition("=")[0].removeprefix("--").replace("size", "_size")
        )
        assert name in refused("data", "show", folder, to, flag)
    assert not list(tmp_path.iterdir())


def test_val_chooses_and_test_reports(tmp_path):
    """If val is missing, the test split is used instead."""

    def splits(*flags):
        given = [f"--data={tmp_path}", "--to=x", *flags]
        parse(command.FLAGS, "tsm train", given)
        return command._held_out_splits()

    for split in ("train", "test"):
        (tmp_path / split).mkdir()
    assert splits() == ("test", None)
    (tmp_path / "validation").mkdir()  # As Kinetics calls it.
    assert splits() == ("val", "test")
    assert splits("--validation_split=test") == ("test", None)
    assert held_out_split(tmp_path) == "test"  # As tsm evaluate takes it.
    with pytest.raises(ValueError, match=r"without \['holdout'\]"):
        splits("--test_split=holdout")
    (tmp_path / "test").rmdir()
    assert splits() == ("val", None)
    assert held_out_split(tmp_path) == "val"
    (tmp_path / "train").rmdir()
    with pytest.raises(ValueError, match="train/CLASS/FILE"):
        splits()


def test_a_class_may_be_called_train(tmp_path):
    """One class of several that has the name of a split is no split."""
    write_folder(tmp_path, labels=("pull", "push"), clips_per_class=1)
    (tmp_path / "push").rename(tmp_path / "train")
    assert split_names(tmp_path) == []
    assert only_head(data_heads(tmp_path)).label_names == ("pull", "train")
    assert open_clips(tmp_path).label_names == ("pull", "train")


@pytest.mark.parametrize("indexed", [True, False])
def test_a_damaged_shard_is_one_line(tmp_path, indexed):
    folder = shutil.copytree(shared_prepared().folder, tmp_path / "set")
    for shard in folder.glob("train-*.tfrecord"):
        content = bytearray(shard.read_bytes())
        content[len(content) // 2] ^= 1
        shard.write_bytes(content)
    if not indexed:
        (folder / "train.index").unlink()
    # All frames of all clips, whichever the flipped bit is in.
    show = ("data", "show", folder, f"--to={tmp_path / 'sheet.png'}")
    line = refused(*show, "--size=32", "--segments=100", "--notraining")
    assert str(folder / "train-") in line and "is damaged" in line
    assert not (tmp_path / "sheet.png").exists()


@pytest.mark.slow
def test_training_and_evaluation_on_a_prepared_data_set(tmp_path):
    folder, preset = shared_prepared().folder, tmp_path / "preset"
    output, error = tsm(
        "train",
        f"--data={folder}",
        f"--to={preset}",
        *("--backbone=resnet18", "--size=32", "--segments=2"),
        "--shift=causal",
        *("--epochs=1", "--batch_size=4", "--flip", "--mixup=0.2"),
        *("--sampling=dense", "--window=4"),
        ok=True,
    )
    assert not error and "validating on the split test, as" in output
    description = read_description(preset)
    rate = shared_prepared().split("train").statistics["frame_rate"]["median"]
    interval = description["config"].clip.frame_interval
    assert interval == pytest.approx(2 / rate, abs=1e-4)
    provenance = description["provenance"]
    assert provenance["data_sha256"] == shared_prepared().content_hash
    assert provenance["augmentation"]["flip"] is True
    output = tsm_here("evaluate", preset, f"--data={folder}")
    assert "of 4 clips" in output
    artifact = tmp_path / "model.tflite"
    tsm_here(
        "export",
        preset,
        f"--to={artifact}",
        "--quantize=int8",
        f"--calibration={folder}",
        "--calibration_frames=8",
        "--noverify",
    )
    output = tsm_here("evaluate", artifact, f"--data={folder}")
    assert "of 4 clips" in output


@pytest.mark.slow
def test_broken_videos_are_listed_and_left_out(tmp_path):
    data = tmp_path / "data"
    for path, label in zip(
        shared_videos().paths, shared_videos().labels, strict=True
    ):
        target = data / "train" / shared_videos().label_names[label]
        target.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, target)
    broken = data / "train" / "push" / "0.mp4"
    broken.write_bytes(b"no video")
    show = ("data", "show", data, f"--to={tmp_path / 'a.png'}", "--size=32")
    assert "push/0.mp4" in refused(*show)
    output = tsm_here(*show, "--max_bad_fraction=0.2")
    assert cv2.imread(str(tmp_path / "a.png")).shape[2] == 3
    assert "left out 1 of 8 videos" in output and "push/0.mp4" in output
