"""`tsm evaluate` on a detector, from flags to files."""

import json
import pathlib

import pytest
from absl import flags

from testing.boxed_videos import shared_boxed
from testing.models import random_clip_model, random_detector
from tsm_cli.evaluate import command as evaluate
from tsm_cli.predict import command as predict
from tsm_keras.command_flags import parse
from tsm_keras.data.moving_objects.generate import LABELS
from tsm_keras.models.presets import save_preset

pytestmark = [pytest.mark.keras3_only, pytest.mark.slow]


@pytest.fixture(scope="module")
def work(tmp_path_factory):
    """A folder with presets of a detector and of a classifier."""
    work = tmp_path_factory.mktemp("evaluate")
    model = random_detector(labels=(*LABELS, "more"), frame_interval=0.08)
    save_preset(model, work / "detector")
    save_preset(random_detector(), work / "others")
    save_preset(random_clip_model(), work / "classifier")
    return work


@pytest.fixture
def tsm_evaluate(work, monkeypatch, capsys):
    """Runs the command in `work`; returns what it printed."""
    monkeypatch.chdir(work)

    def run(*arguments):
        given = [f"--data={shared_boxed().folder}", *arguments]
        evaluate.main(parse(evaluate.FLAGS, "tsm evaluate", given))
        return capsys.readouterr().out

    return run


def test_stream_and_clips_are_compared_in_the_report(tsm_evaluate):
    printed = tsm_evaluate("detector", "--stream", "--to=report")
    assert "stream" in printed and "difference" in printed
    metrics = json.loads(pathlib.Path("report/metrics.json").read_text())
    assert [*metrics["results"]] == ["stream", "clips"]
    (stream, clips) = metrics["results"].values()
    assert stream["objects_by_motion"] == clips["objects_by_motion"]
    assert 0 <= stream["ap"] <= stream["ap50"] < 0.2  # The weights are random.
    assert stream["objects_by_motion"]["all"] > 20
    assert metrics["protocol"]["split"] == "val"
    page = pathlib.Path("report/report.html").read_text("utf-8")
    assert "windows of 4 frames" in page and "Boxes over frames" in page


def test_what_does_not_fit_is_refused(tsm_evaluate, work):
    with pytest.raises(ValueError, match="are not among its own"):
        tsm_evaluate("others")
    with pytest.raises(flags.Error, match="--crops has no effect for a detec"):
        tsm_evaluate("detector", "--crops=3")
    with pytest.raises(ValueError, match="Detectors are evaluated one by one"):
        tsm_evaluate("detector", "others")
    with pytest.raises(ValueError, match="which classifies clips"):
        tsm_evaluate("detector", "--against=classifier")


def test_tsm_predict_refuses_a_detector(work):
    arguments = parse(
        predict.FLAGS, "tsm predict", [str(work / "detector"), "video.mp4"]
    )
    with pytest.raises(ValueError, match="a detector of objects"):
        predict.main(arguments)
