"""`tsm prepare`, `tsm data show` and `tsm evaluate` with several heads."""

import csv
import json
import pathlib

import numpy as np
import pytest

from testing.heads import LIGHTS, MOTIONS, shared_heads, write_clips
from testing.models import randomize, small_config
from tsm_cli import data
from tsm_cli.evaluate import command as evaluate
from tsm_export import export_tflite
from tsm_keras.command_flags import parse
from tsm_keras.data.prepare import command
from tsm_keras.models.clip import build_clip_model
from tsm_keras.models.config import HeadConfig
from tsm_keras.models.presets import load_preset, save_preset

# The parts that the two Kerases share have tests of their own.
pytestmark = [pytest.mark.keras3_only, pytest.mark.usefixtures("resnet10")]


def _tsm(module, name, *arguments):
    module.main(parse(module.FLAGS, f"tsm {name}", arguments))


def test_the_plan_counts_the_classes_of_every_head(tmp_path, capsys):
    videos = write_clips(tmp_path / "videos", train=1, test=1)
    _tsm(
        command,
        "prepare",
        f"--source={videos}",
        "--source_format=csv",
        f"--to={tmp_path / 'set'}",
        "--dry_run",
    )
    lines = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert ["motion", "train", "val", "test"] in lines
    assert ["light", "train", "val", "test"] in lines
    for label in (*MOTIONS, *LIGHTS):
        assert [label, "2", "0", "2"] in lines
    assert ["all", "4", "0", "4", "in", "2", "shards"] in lines
    assert ["mirrored,", "swipe_left", "is", "swipe_right"] in lines


def test_a_sheet_shows_all_heads(tmp_path):
    _tsm(
        data,
        "data",
        "show",
        str(shared_heads().folder),
        f"--to={tmp_path / 'sheet.html'}",
        *("--size=32", "--segments=2", "--clips=4", "--mixup=1"),
    )
    page = (tmp_path / "sheet.html").read_text("utf-8")
    for label in ("motion: swipe_left", "light: night"):
        assert label in page


@pytest.fixture(scope="module")
def work(resnet10, tmp_path_factory):
    work = tmp_path_factory.mktemp("evaluate")
    # The heads and classes of the model have another order than in the data.
    config = small_config("resnet10", num_segments=2, frame_interval=0.2)
    model = build_clip_model(
        config.changed(
            heads=(
                HeadConfig(2, LIGHTS[::-1], "light"),
                HeadConfig(3, ("wave", *MOTIONS), "motion"),
            )
        )
    )
    for name in ("one", "two"):
        randomize(model, seed=len(name) + ord(name[0]))
        save_preset(model, work / name)
    return work


def _evaluate(work, monkeypatch, *arguments):
    monkeypatch.chdir(work)
    _tsm(evaluate, "evaluate", f"--data={shared_heads().folder}", *arguments)


@pytest.mark.slow
def test_an_evaluation_reports_every_head(work, monkeypatch, capsys):
    _evaluate(
        work,
        monkeypatch,
        *("one", "--against=two", "--saliency=0", "--to=report"),
    )
    printed = capsys.readouterr().out
    results = json.loads(pathlib.Path("report/results.json").read_text())
    assert [*results["heads"]] == ["light", "motion"]
    with open("report/predictions.csv", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    for row in rows:
        for name, labels in (("motion", MOTIONS), ("light", LIGHTS)):
            (label,) = (label for label in labels if label in row["clip"])
            assert row[f"{name}_label"] == label
    share = np.mean([row["all_right"] == "1" for row in rows])
    assert results["all_top1"] == share
    assert f"top-1 of all heads {share:.2%} of 8 clips" in printed
    assert "1 of 3 classes of motion have no clips here: wave" in printed
    assert {*results["against"]} == {"model", "light", "motion"}
    for name in ("light", "motion"):
        assert f"{name}: agreement with it:" in printed
    page = pathlib.Path("report/report.html").read_text("utf-8")
    assert page.count("<h2>Saliency over time</h2>") == 1
    assert page.count("Bars show the probability") == 2 * 2  # And alt texts.
    _evaluate(work, monkeypatch, "one", "two", "--to=both")
    results = json.loads(pathlib.Path("both/results.json").read_text())
    assert {*results["models"]} == {"one", "two"}
    assert results["models"]["one"] == share


@pytest.mark.slow
def test_a_stream_reports_every_head(work, monkeypatch, capsys):
    _evaluate(work, monkeypatch, "one", "--stream", "--to=streamed")
    printed = capsys.readouterr().out
    results = json.loads(pathlib.Path("streamed/stream.json").read_text())
    kinds = [
        f"{x}_{k}"
        for x in ("all", "light", "motion")
        for k in ("frame", "window")
    ]
    assert [*results] == ["protocol", *kinds]
    for name in ("all", "light", "motion"):
        assert f"{name}: the last frame's logits" in printed
    assert results["all_frame"]["videos"] == 8


def test_a_model_with_other_heads_is_refused(work, monkeypatch, tmp_path):
    config = small_config("resnet10", num_segments=2, num_classes=2)
    model = build_clip_model(config.changed(labels=MOTIONS))
    save_preset(model, tmp_path / "single")
    with pytest.raises(ValueError, match=r"\['motion', 'light'\] instead of a"):
        _evaluate(work, monkeypatch, str(tmp_path / "single"))


@pytest.mark.slow
def test_an_artifact_agrees_with_its_preset_in_every_head(
    work, monkeypatch, capsys, tmp_path
):
    artifact = str(tmp_path / "one.tflite")
    export_tflite(load_preset(work / "one"), artifact)
    report = tmp_path / "report"
    _evaluate(work, monkeypatch, artifact, "--against=one", f"--to={report}")
    results = json.loads((report / "results.json").read_text())
    assert [*results["heads"]] == ["light", "motion"]
    for name in ("light", "motion"):
        compared = results["against"][name]
        assert compared["max_probability_change"] < 1e-4
        assert compared["top1"] == results["heads"][name]["top1"]
    _evaluate(work, monkeypatch, artifact, "--stream", f"--to={report}")
    printed = capsys.readouterr().out
    assert "motion: the last frame's logits" in printed
