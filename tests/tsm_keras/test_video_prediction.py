"""Predictions for videos without labels, and for some that are broken."""

import functools
import os
import pathlib
import shutil

import numpy as np
import pytest

import tsm_keras
from testing.gestures import LABELS, shared_videos
from testing.heads import MOTIONS
from testing.models import random_clip_model, small_config
from tsm_keras.data.pipeline.sampling import SamplingConfig
from tsm_keras.data.pipeline.views import ViewConfig
from tsm_keras.data.readers import probed_videos
from tsm_keras.data.readers.folder import scan_folder
from tsm_keras.data.readers.video_reader import VideoReader
from tsm_keras.evaluation.evaluate import KerasPredictor
from tsm_keras.models.clip import build_clip_model
from tsm_keras.models.config import HeadConfig
from tsm_keras.video_prediction import predict_videos, video_paths

pytestmark = pytest.mark.keras3_only

_ROOT = pathlib.Path(shared_videos().paths[0]).parents[1]


@functools.cache
def _predictor():
    # A predictor is traced once, a model by each call of predict_videos.
    return KerasPredictor(
        random_clip_model(image_size=32, num_classes=4, labels=LABELS)
    )


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    """Keeps what is found out about videos out of the user's cache."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


@pytest.mark.parametrize(
    "views", [ViewConfig(), ViewConfig(SamplingConfig("twice"), crops=3)]
)
def test_probabilities_are_those_of_an_evaluation(views):
    found = list(predict_videos(_predictor(), _ROOT, views))
    reader = VideoReader(shared_videos())
    evaluated = tsm_keras.evaluate(_predictor().model, reader, views)
    assert [video.path for video in found] == list(evaluated.clip_names)
    np.testing.assert_allclose(
        [video.probabilities[""] for video in found],
        evaluated.probabilities(),
        atol=1e-6,
    )
    for video, label in zip(found, evaluated.classes(), strict=True):
        best = video.top(2)[""]
        assert best[0][0] == LABELS[label] and best[0][1] >= best[1][1]


def test_broken_videos_do_not_stop_the_others(tmp_path, monkeypatch):
    # Groups of two: one with a broken video, one with nothing else.
    monkeypatch.setattr("tsm_keras.video_prediction._GROUP", 2)
    good = shared_videos().paths[:3]
    for name in ("a.mp4", "b.mp4", "c.mp4"):
        (tmp_path / name).write_bytes(b"no video")
    paths = [
        *(good[0], tmp_path / "a.mp4", tmp_path / "b.mp4", tmp_path / "c.mp4"),
        *(tmp_path / "gone.mp4", good[1], good[2]),
    ]
    done = []
    found = list(
        predict_videos(_predictor(), paths, progress=lambda *x: done.append(x))
    )
    assert [video.path for video in found] == [str(path) for path in paths]
    readable = [not video.error for video in found]
    assert readable == [True, False, False, False, False, True, True]
    assert all(bool(x.probabilities) != bool(x.error) for x in found)
    assert "No such file" in found[4].error
    alone = predict_videos(_predictor(), good)
    for one, other in zip((found[0], *found[5:]), alone, strict=True):
        np.testing.assert_allclose(
            one.probabilities[""], other.probabilities[""], atol=1e-6
        )
    assert done == [(n, 7) for n in range(1, 8)]
    assert [*predict_videos(_predictor(), [])] == []


def test_a_second_prediction_only_decodes_what_it_shows(tmp_path, monkeypatch):
    good, broken = shared_videos().paths[:2], tmp_path / "videos/b.mp4"
    folder = broken.parent
    folder.mkdir()
    for path in good:
        shutil.copy(path, folder)
    broken.write_bytes(b"no video")
    before = sorted(folder.iterdir())
    first = [*predict_videos(_predictor(), folder)]
    assert sorted(folder.iterdir()) == before  # It leaves nothing there.

    def refuse(path):
        raise AssertionError(f"{path} is decoded again")

    monkeypatch.setattr(probed_videos, "probe_video", refuse)
    again = [*predict_videos(_predictor(), folder)]
    assert [video.error for video in again] == [x.error for x in first]
    for one, other in zip(first, again, strict=True):
        np.testing.assert_equal(one.probabilities, other.probabilities)


def test_a_prediction_knows_what_a_training_has_found(tmp_path, monkeypatch):
    folder = tmp_path / "videos"
    for number, path in enumerate(shared_videos().paths[:2]):
        (folder / str(number)).mkdir(parents=True)
        shutil.copy(path, folder / str(number))
    scan_folder(folder)
    monkeypatch.setattr(probed_videos, "probe_video", None)
    for source in (folder, folder / "1"):
        found = [*predict_videos(_predictor(), source)]
        assert found and all(video.top(1) for video in found)


def test_odd_paths_are_broken_videos(tmp_path, monkeypatch):
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setattr(os.path, "expanduser", lambda path: path)  # No home.
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    for path in ("x" * 300 + "/a.mp4", "loop/a.mp4", "nul\0.mp4"):
        (video,) = predict_videos(_predictor(), str(tmp_path / path))
        assert video.error


def test_every_head_has_its_own_classes():
    heads = (
        HeadConfig(2, MOTIONS, "motion"),
        HeadConfig(3, (), "light"),  # Without names: they are numbers.
    )
    model = build_clip_model(small_config(image_size=32).changed(heads=heads))
    (video,) = predict_videos(model, shared_videos().paths[0])
    assert video.heads == ("motion", "light")
    best = video.top(3)
    assert {label for label, _ in best["motion"]} == {*MOTIONS}
    assert {label for label, _ in best["light"]} == {"0", "1", "2"}
    for values in video.probabilities.values():
        np.testing.assert_allclose(values.sum(), 1, atol=1e-6)


def test_paths_come_from_files_folders_and_lists_each_once(tmp_path):
    for name in ("one/a.mp4", "one/deep/b.avi", "c.webm"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    (tmp_path / "one" / "notes.txt").touch()
    (tmp_path / "named.csv").write_text("label,path\nx,c.webm\ny,one/a.mp4\n")
    (tmp_path / "bare.tsv").write_text("c.webm\t1\n")
    a, b, c = (
        str(tmp_path / x) for x in ("one/a.mp4", "one/deep/b.avi", "c.webm")
    )
    assert video_paths(tmp_path / "one") == [a, b]
    assert video_paths(tmp_path / "named.csv") == [c, a]
    assert video_paths(tmp_path / "bare.tsv") == [c]
    assert video_paths([c, tmp_path / "one", tmp_path / "named.csv"]) == [
        *(c, a, b)
    ]


@pytest.mark.parametrize(
    ("name", "content", "error"),
    [
        ("no_videos", None, "no_videos, which holds none"),
        ("gone.csv", None, "gone.csv does not exist"),
        ("empty.csv", "path,label\n", "empty.csv lists no videos"),
        ("hole.csv", "path,label\n,x\n", "hole.csv:2: a row must have a path"),
        ("cut.csv", "path,start,end\na.mp4,1,2\n", "cut.csv:2: .*whole videos"),
    ],
)
def test_sources_without_videos_are_refused(tmp_path, name, content, error):
    path = tmp_path / name
    if content:
        path.write_text(content)
    elif "." not in name:
        path.mkdir()
    with pytest.raises((ValueError, OSError), match=error):
        video_paths(path)


def test_a_bucket_is_refused():
    with pytest.raises(ValueError, match=r"mount the bucket.* s3://$"):
        video_paths([_ROOT, "s3://key:secret@bucket/videos"])


def test_refuses_what_does_not_fit_the_model_before_a_video_is_opened():
    with pytest.raises(ValueError, match="crops=10"):
        predict_videos(_predictor(), _ROOT, ViewConfig(crops=10))
    with pytest.raises(ValueError, match="frame_interval"):
        views = ViewConfig(SamplingConfig("interval"))
        predict_videos(_predictor(), _ROOT, views)
    with pytest.raises(ValueError, match="nowhere"):
        predict_videos("nowhere", _ROOT)


def test_a_file_that_vanishes_is_named(tmp_path, monkeypatch):
    """It was there when it was checked, so the pipeline reports it."""
    shutil.copy(shared_videos().paths[0], tmp_path / "a.mp4")
    shutil.copy(shared_videos().paths[1], tmp_path / "b.mp4")
    probe = probed_videos.probe_video

    def vanishing(path):
        info = probe(path)
        if path.endswith("b.mp4"):
            pathlib.Path(path).unlink()
        return info

    monkeypatch.setattr(probed_videos, "probe_video", vanishing)
    with pytest.raises(Exception, match="b.mp4"):
        list(predict_videos(_predictor(), tmp_path))
