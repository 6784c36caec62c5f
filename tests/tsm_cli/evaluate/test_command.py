"""`tsm evaluate` from flags to files, run in this process."""

import csv
import json
import pathlib
import shutil

import numpy as np
import pytest
from absl import flags

from testing.gestures import LABELS, shared_videos
from testing.models import random_clip_model
from testing.prepared import shared_prepared
from tsm_cli.evaluate import command as evaluate
from tsm_cli.evaluate.settings import Data, Settings
from tsm_export import export_tflite
from tsm_export.clips import video_clips
from tsm_keras.command_flags import parse
from tsm_keras.data.pipeline.sampling import SamplingConfig
from tsm_keras.data.pipeline.views import ViewConfig, make_views
from tsm_keras.data.prepare.flow_command import write_flow
from tsm_keras.data.readers.video_reader import VideoReader
from tsm_keras.data.video.encoding import write_video
from tsm_keras.models.flow import to_flow
from tsm_keras.models.presets import load_preset, save_preset

# The parts that the two Kerases share have tests of their own.
pytestmark = [pytest.mark.keras3_only, pytest.mark.slow]


@pytest.fixture(scope="module")
def work(resnet10, tmp_path_factory):
    """A folder of presets, artifacts and flow of the shared videos."""
    work = tmp_path_factory.mktemp("evaluate")
    model = random_clip_model(
        "resnet10", num_classes=4, labels=LABELS, frame_interval=0.2
    )
    other = random_clip_model(
        "resnet10",
        num_classes=4,
        labels=LABELS[::-1],
        shift="bidirectional",
    )
    save_preset(model, work / "rgb")
    save_preset(other, work / "other")
    save_preset(to_flow(model, pairs=2), work / "flow")
    export_tflite(model, work / "model.tflite")
    export_tflite(other, work / "late.tflite", lookahead=True, streams=2)
    export_tflite(
        model,
        work / "int8.tflite",
        quantize="int8",
        calibration_clips=video_clips(
            shared_videos(), model.video_config, count=8, seed=0
        ),
    )
    write_flow(VideoReader(shared_videos()), work / "flows", short_side=36)
    return work


@pytest.fixture
def tsm_evaluate(work, monkeypatch, capsys):
    """Runs the command in `work`; returns what it printed."""
    monkeypatch.chdir(work)
    data = pathlib.Path(shared_videos().paths[0]).parents[1]

    def run(*arguments):
        given = [f"--data={data}", *arguments]
        evaluate.main(parse(evaluate.FLAGS, "tsm evaluate", given))
        return capsys.readouterr().out

    return run


def _results(folder, name="results.json"):
    return json.loads((pathlib.Path(folder) / name).read_text("utf-8"))


def test_report_holds_the_same_figures_in_every_form(tsm_evaluate):
    printed = tsm_evaluate("rgb", "--to=report", "--saliency=0,push/1.mp4")
    results = _results("report")
    with open("report/predictions.csv", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert [row["clip"] for row in rows] == list(shared_videos().paths)
    right = np.mean([row["label"] == row["predicted"] for row in rows])
    assert results["top1"] == right
    assert right == np.mean([row["rank"] == "1" for row in rows])
    assert f"top-1 {right:.2%} of 8 clips" in printed
    with open("report/confusion.csv", encoding="utf-8") as file:
        counts = np.array([row[1:] for row in csv.reader(file)][1:], int)
    assert np.trace(counts) == round(8 * right) and counts.sum() == 8
    assert [row["clips"] for row in results["classes"]] == [2] * 4
    assert results["top1_by_frames"][-1] == right  # It is causal.
    page = pathlib.Path("report/report.html").read_text("utf-8")
    for title in ("Classes", "Calibration", "Early recog", "Saliency over"):
        assert f"<h2>{title}" in page
    assert 'src="http' not in page and "href=" not in page


def test_artifact_agrees_with_its_preset(tsm_evaluate):
    printed = tsm_evaluate("model.tflite", "--against=rgb", "--to=compared")
    assert "agreement with it: 100.00%" in printed and "ms per frame" in printed
    compared = _results("compared")["against"]
    assert compared["max_probability_change"] < 1e-4


def test_quantized_artifact_is_near_its_preset(tsm_evaluate):
    printed = tsm_evaluate("int8.tflite", "--against=rgb", "--to=quantized")
    compared = _results("quantized")["against"]
    tsm_evaluate("rgb", "--to=not_quantized")
    with (
        open("quantized/predictions.csv", encoding="utf-8") as ours,
        open("not_quantized/predictions.csv", encoding="utf-8") as theirs,
    ):
        pairs = list(zip(*map(csv.DictReader, (ours, theirs)), strict=True))
    same = np.mean([a["predicted"] == b["predicted"] for a, b in pairs])
    assert compared["agreement"] == same >= 0.75 and len(pairs) == 8
    assert f"agreement with it: {same:.2%} of clips" in printed
    assert compared["top1"] == _results("not_quantized")["top1"]
    # It is rounded, by steps that show, and not by more.
    assert 1e-4 < compared["max_probability_change"] < 0.25
    assert (
        compared["mean_probability_change"] < compared["max_probability_change"]
    )


def test_the_report_shows_which_clips_are_alike_for_each_model(tsm_evaluate):
    tsm_evaluate("rgb", "other", "--to=alike", "--embedding")
    rows, predictions = (
        list(csv.DictReader(pathlib.Path("alike", name).read_text().split()))
        for name in ("embedding.csv", "predictions.csv")
    )
    clips = [row["clip"] for row in predictions]
    assert sorted((row["model"], row["clip"]) for row in rows) == sorted(
        (model, clip) for model in ("rgb", "other") for clip in clips
    )
    for row in rows:
        assert row["label"] == pathlib.Path(row["clip"]).parent.name
        assert np.isfinite([float(row["x"]), float(row["y"])]).all()
    page = pathlib.Path("alike/report.html").read_text("utf-8")
    for model in ("rgb", "other"):
        assert f"{model}: the nearest other clip is of the same class" in page


def test_full_resolution_takes_larger_frames_of_the_same_network(tsm_evaluate):
    tsm_evaluate(
        *("rgb", "--full_resolution", "--crops=3", "--sampling=twice"),
        *("--average=softmax", "--to=full"),
    )
    results = _results("full")
    assert results["protocol"]["crops"] == 3
    assert "top1_by_frames" not in results  # Of several views.
    with pytest.raises(ValueError, match="one size"):
        tsm_evaluate("model.tflite", "--full_resolution")


def test_two_streams_and_classes_in_another_order(tsm_evaluate):
    printed = tsm_evaluate(
        *("rgb", "flow", "other", "--flow_data=flows", "--to=two"),
        "--weights=0,0,1",
    )
    alone = tsm_evaluate("other", "--to=alone")
    # All the weight is on the last: it is that one, its classes put in order.
    assert _results("two")["top1"] == _results("alone")["top1"]
    assert _results("two")["models"]["other"] == _results("alone")["top1"]
    assert "flow: top-1" in printed and "top-1" in alone


def test_stream_is_the_same_through_preset_and_artifact(tsm_evaluate):
    printed = tsm_evaluate(
        "rgb", "--stream", "--to=keras", "--frame_interval=0.1"
    )
    tsm_evaluate(
        "model.tflite", "--stream", "--to=tflite", "--frame_interval=0.1"
    )
    keras, tflite = (_results(x, "stream.json") for x in ("keras", "tflite"))
    for readout in ("frame", "window"):
        assert keras[readout] == tflite[readout]
    assert keras["frame"]["videos"] == 8
    assert "8 videos" in printed and "7 of them ran after others" in printed
    right = sum(x * count for _, x, count in keras["frame"]["by_position"][1:])
    assert f"{right / 7:.1%}\n" in printed
    assert "<h2>After a change" in pathlib.Path("keras/stream.html").read_text()


def test_lookahead_is_the_same_through_preset_and_artifact(tsm_evaluate):
    """As clips, of which an artifact gives every frame, and as streams."""
    tsm_evaluate("late.tflite", "--against=other", "--to=clips")
    compared = _results("clips")["against"]
    assert compared["max_probability_change"] < 1e-4
    flags_of_both = ("--stream", "--frame_interval=0.1")
    printed = tsm_evaluate(
        "other", "--lookahead", "--to=late_keras", *flags_of_both
    )
    assert "logits are 4 frames later" in printed
    tsm_evaluate("late.tflite", "--to=late_tflite", *flags_of_both)
    keras, tflite = (
        _results(folder, "stream.json")
        for folder in ("late_keras", "late_tflite")
    )
    for readout in ("frame", "window"):
        assert keras[readout] == tflite[readout]
    assert keras["protocol"]["delay_in_frames"] == 4


@pytest.mark.parametrize(
    ("arguments", "match"),
    [
        ((), "expected a MODEL"),
        (("rgb", "--batch_size=0"), "batch_size=0.*positive"),
        (("rgb", "--stream", "--batch_size=-1"), "batch_size=-1.*positive"),
        (("rgb", "--stream", "--seed=-1"), "seed=-1.*non-negative"),
        (("rgb", "--weights=1,2"), "weights.*1 finite numbers"),
        (("rgb", "--weights=nan"), "weights.*Received"),
        (("rgb", "--weights=0"), "weights.*Received"),
        (("rgb", "--weights=inf"), "weights.*Received"),
        (("rgb", "other", "--weights=1,x"), "weights.*Received.*1,x"),
        (("rgb", "--crops=2"), "crops"),
        (("rgb", "--average=max"), "average"),
        (("rgb", "--to=x", "--saliency=99"), "saliency.*0 to 7.*'99'"),
        (("rgb", "--saliency=0"), "--to"),
        (("rgb", "--embedding"), "--to"),
        (("rgb", "model.tflite", "--to=x", "--embedding"), "embedding.*preset"),
        (("model.tflite", "--to=x", "--saliency=0"), "saliency.*gradients"),
        (("other", "--stream"), "cannot stream"),
        (("rgb", "other", "--stream"), "one model"),
        (("flow",), "optical flow"),
        (("nowhere",), "nowhere is not a complete preset"),
        (
            ("rgb", "--frame_interval=0.2"),
            "--frame_interval has no effect",
        ),
        (("rgb", "--seed=0"), "--seed has no effect without --stream"),
        (("rgb", "--num_views=3"), "--num_views has no effect without --samp"),
        (("rgb", "--stream", "--frame_interval=inf"), "frame_interval.*finite"),
        (
            ("rgb", "--stream", "--frame_interval=1e9"),
            "frame_interval.*one fra",
        ),
        (("rgb", "--stream", "--frame_interval=0"), "frame_interval=0"),
        (("rgb", "--flow_data=flows"), "flow_data.*Received"),
    ],
)
def test_refuses(tsm_evaluate, arguments, match):
    with pytest.raises(Exception, match=match):
        tsm_evaluate(*arguments)
    assert not pathlib.Path("x").exists()


def test_pictures_for_a_network_that_sees_flow_are_refused_as_typed(
    work, tsm_evaluate, tmp_path, monkeypatch
):
    shutil.copytree(shared_prepared().folder, tmp_path / "typed")

    def scanned(*_, **__):
        pytest.fail("videos were checked")

    monkeypatch.setattr(
        "tsm_keras.data.readers.clip_reader.scan_folder", scanned
    )
    videos = pathlib.Path(shared_videos().paths[0]).parents[1]
    for arguments, received in (
        (["flow", f"--data={tmp_path}/typed"], f"--data={tmp_path}/typed, "),
        (["flow"], f"--data={videos}, "),
        (["flow", f"--flow_data={videos}"], f"--flow_data={videos}, "),
    ):
        with pytest.raises(ValueError, match="--flow_data=FOLDER") as error:
            tsm_evaluate(*arguments)
        assert f"Received: {received}" in str(error.value)
        assert "`source`" not in str(error.value)
    with pytest.raises(ValueError, match="`data` must .*--data=flows, which"):
        tsm_evaluate("rgb", "--data=flows")
    shutil.copytree("flows", "split/validation")
    shutil.copytree("flows", "split/training")
    with pytest.raises(ValueError, match="`data` must .*--data=split, which"):
        tsm_evaluate("rgb", "--data=split", "--split=val")
    # Flow alone needs no second folder.
    assert "of 8 clips" in tsm_evaluate("flow", "--data=flows")


@pytest.mark.parametrize(
    "flag",
    [
        *("--against=other", "--crops=10", "--saliency=0", "--embedding"),
        "--sampling=dense",
        *("--full_resolution", "--average=softmax", "--weights=1"),
        *("--flow_data=flows", "--window=8", "--num_views=2"),
    ],
)
def test_stream_refuses_what_it_does_not_read(tsm_evaluate, flag):
    name = flag.partition("=")[0]
    with pytest.raises(flags.Error, match=f"{name} has no effect with"):
        tsm_evaluate("rgb", "--stream", flag)


def test_a_file_has_its_own_number_of_streams(tsm_evaluate):
    with pytest.raises(flags.Error, match="--batch_size has no effect for"):
        tsm_evaluate("model.tflite", "--stream", "--batch_size=2")


@pytest.mark.parametrize(
    ("arguments", "match"),
    [
        (("rgb", "--against=nowhere"), "nowhere is not a complete preset"),
        (("rgb", "--against=flow"), "optical flow"),
        (("rgb", "flow"), "optical flow"),
        (("rgb", "other", "--sampling=interval"), "interval"),
        (("rgb", "--to=model.tflite"), "to.*model.tflite is a file.*Received"),
        (("rgb", "--to=model.tflite/x"), "model.tflite is a file.*Received"),
        (("rgb", "--stream", "--to=model.tflite"), "model.tflite is a file"),
        (("rgb", "other", "--weights=1,nan"), "weights.*Received"),
        (("rgb", "other", "--weights=-1,1"), "weights.*Received"),
    ],
)
def test_refuses_before_a_clip_is_read(
    tsm_evaluate, monkeypatch, arguments, match
):
    def evaluated(*_):
        pytest.fail("the evaluation began")

    monkeypatch.setattr("tsm_cli.predictors.KerasPredictor.__call__", evaluated)
    monkeypatch.setattr(
        "tsm_cli.predictors.StreamingClassifier.step", evaluated
    )
    with pytest.raises(Exception, match=match):
        tsm_evaluate(*arguments)


def test_the_report_explains_frames_that_were_evaluated(work):
    """Whatever the sampling; with several clips per video, the middle one."""
    settings = Settings(
        models=("rgb",),
        views=ViewConfig(SamplingConfig("dense", window=6, num_views=3)),
        data=str(pathlib.Path(shared_videos().paths[0]).parents[1]),
        split="test",
        flow_data=None,
        max_bad_fraction=0.0,
        average=None,
        batch_size=1,
        weights=None,
        against=None,
        to=None,
        saliency=(),
        embedding=False,
        lookahead=False,
        frame_interval=None,
        seed=0,
    )
    data = Data(settings)
    config = load_preset(work / "rgb").video_config
    views = make_views(
        data.reader(config), config, settings.views, batch_size=3
    )
    for number, video in enumerate(views.take(2)):
        np.testing.assert_array_equal(
            data.clip(config, number), video["clip"][1].numpy()
        )


def test_a_video_of_one_frame_does_not_stop_a_stream(tsm_evaluate, tmp_path):
    shutil.copytree(
        pathlib.Path(shared_videos().paths[0]).parents[1], tmp_path / "videos"
    )
    frame = np.random.default_rng(0).integers(0, 256, (1, 54, 72, 3), np.uint8)
    write_video(tmp_path / "videos" / "push" / "one.mp4", frame, fps=30)
    data = f"--data={tmp_path / 'videos'}"
    assert "9 videos" in tsm_evaluate("rgb", data, "--stream")
