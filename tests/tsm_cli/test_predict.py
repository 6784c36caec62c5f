"""`tsm predict` from its flags to what it prints and writes."""

import csv
import functools
import io
import json
import os

import pytest

from testing.artifacts import (
    clip_model,
    random_artifact,
    two_head_artifact,
    two_head_model,
)
from testing.command_line import refused
from testing.gestures import shared_videos
from tsm_cli.main import dispatch
from tsm_cli.predict.events import predict_events
from tsm_cli.predictors import open_predictor
from tsm_keras.models.presets import save_preset
from tsm_live.decision.artifact_defaults import decision_configs
from tsm_live.live.run_live import LiveConfig, run_live
from tsm_live.live.source_sessions import open_sessions
from tsm_live.sources.video_file import VideoFile

pytestmark = [pytest.mark.keras3_only, pytest.mark.slow]

# So that a random network sees gestures everywhere.
_EAGER = {
    "average": 0.1,
    "start_score": 0.3,
    "end_score": 0.2,
    "min_duration": 0.0,
    "cooldown": 0.0,
}
_EAGER_FLAGS = tuple(f"--{name}={value}" for name, value in _EAGER.items())
_VIDEOS = shared_videos().paths[:3]


@pytest.fixture(scope="module")
def work(tmp_path_factory):
    """A folder of presets, and of videos of which one is broken."""
    work = tmp_path_factory.mktemp("predict")
    save_preset(clip_model(), work / "causal")
    save_preset(clip_model(shift="bidirectional"), work / "offline")
    save_preset(two_head_model(), work / "heads")
    (work / "videos").mkdir()
    for number, video in enumerate(_VIDEOS):
        os.link(video, work / "videos" / f"{number}.mp4")
    (work / "videos" / "broken.mp4").write_bytes(b"no video")
    return work


# A network is traced once, and not by each command.
_open = functools.cache(open_predictor)


@pytest.fixture
def tsm_predict(work, monkeypatch, capsys):
    """Runs the command; returns its exit status, stdout and stderr."""
    monkeypatch.chdir(work)
    monkeypatch.setattr(
        "tsm_live.runtimes.native_logs.silence_native_logs", lambda: None
    )
    monkeypatch.setattr("tsm_cli.predictors.open_predictor", _open)

    def run(*arguments):
        status = dispatch(["predict", *map(str, arguments)])
        return status, *capsys.readouterr()

    return run


def _rows(text):
    return list(csv.DictReader(io.StringIO(text)))


def _lines(text):
    return [json.loads(line) for line in text.splitlines()]


def test_every_format_has_the_same_classes(tsm_predict):
    status, table, errors = tsm_predict("causal", "videos", "--top=2")
    assert status == 1 and "1 of 4 videos cannot be read" in errors
    assert "videos/broken.mp4: Invalid data" in errors
    _, lines, _ = tsm_predict("causal", "videos", "--top=2", "--format=jsonl")
    _, rows, _ = tsm_predict("causal", "videos", "--top=2", "--format=csv")
    found = {line["video"]: line for line in _lines(lines)}
    assert "Invalid data" in found.pop("videos/broken.mp4")["error"]
    assert [*found] == [f"videos/{number}.mp4" for number in range(3)]
    for row in _rows(rows):
        best = found[row["video"]]["classes"][int(row["rank"]) - 1]
        assert row["label"] == best["label"]
        assert float(row["probability"]) == best["probability"]
        cell = f"{best['label']} {best['probability']:.1%}"
        (line,) = [x for x in table.splitlines() if x.startswith(row["video"])]
        assert cell in line


def test_an_artifact_and_its_preset_predict_the_same(tsm_predict):
    arguments = ("videos/0.mp4", "videos/1.mp4", "--format=jsonl")
    artifact, preset = (
        tsm_predict(model, *arguments)
        for model in (random_artifact(), "causal")
    )
    assert artifact[0] == preset[0] == 0
    for one, other in zip(_lines(artifact[1]), _lines(preset[1]), strict=True):
        for ours, theirs in zip(one["classes"], other["classes"], strict=True):
            assert ours["label"] == theirs["label"]
            assert ours["probability"] == pytest.approx(
                theirs["probability"], abs=1e-3
            )


def test_heads_have_rows_of_their_own(tsm_predict):
    _, rows, _ = tsm_predict("heads", "videos/0.mp4", "--format=csv", "--top=9")
    heads = [row["head"] for row in _rows(rows)]
    assert heads == ["verb"] * 3 + ["noun"] * 4
    _, lines, _ = tsm_predict("heads", "videos/0.mp4", "--format=jsonl")
    (line,) = _lines(lines)
    assert [len(line["heads"][name]) for name in ("verb", "noun")] == [3, 4]
    _, table, _ = tsm_predict("heads", "videos/0.mp4")
    assert [x.split()[1] for x in table.splitlines()[2:]] == ["verb", "noun"]


def test_the_ending_of_the_output_gives_its_format(tsm_predict, tmp_path):
    to = tmp_path / "classes.csv"
    status, printed, _ = tsm_predict("causal", "videos/0.mp4", f"--output={to}")
    assert status == 0 and not printed
    assert len(_rows(to.read_text("utf-8"))) == 5
    assert os.listdir(tmp_path) == ["classes.csv"]


def _live(path, model):
    """Returns the events of `tsm-live` for a video: the oracle."""
    events = []
    sessions = open_sessions(model, 1)
    run_live(
        [VideoFile(path)],
        sessions,
        [[]],
        LiveConfig(decision_configs(sessions.spec, _EAGER)),
        on_event=lambda source, event: events.append(event),
    )
    return events


@pytest.mark.parametrize("model", [random_artifact, two_head_artifact])
def test_events_are_those_of_tsm_live(model):
    found = list(predict_events(model(), _VIDEOS, decision=_EAGER))
    assert [video.path for video in found] == list(_VIDEOS)
    assert sum(len(video.gestures) for video in found) >= 3
    for video in found:
        events = _live(video.path, model())
        for kind, time in (("start", "start"), ("end", "end")):
            assert sorted(
                (event.head, event.label, event.time)
                for event in events
                if event.kind == kind
            ) == sorted(
                (x.head, x.label, getattr(x, time)) for x in video.gestures
            )


@pytest.mark.parametrize(
    ("preset", "artifact"),
    [
        (("causal",), random_artifact),
        (("heads",), two_head_artifact),
        (
            ("offline", "--lookahead"),
            functools.partial(
                random_artifact, shift="bidirectional", lookahead=True
            ),
        ),
    ],
)
def test_a_preset_streams_as_its_artifact_does(tsm_predict, preset, artifact):
    arguments = ("videos", "--stream", "--format=jsonl", *_EAGER_FLAGS)
    ours, theirs = (
        tsm_predict(*model, *arguments) for model in (preset, (artifact(),))
    )
    assert ours[0] == theirs[0] == 1  # One video is broken.
    assert any(line.get("events") for line in _lines(ours[1]))
    for one, other in zip(_lines(ours[1]), _lines(theirs[1]), strict=True):
        for event in (*one.get("events", ()), *other.get("events", ())):
            event["score"] = pytest.approx(event["score"], abs=1e-3)
        assert one == other


def test_a_video_without_events_has_a_row_in_the_table_only(tsm_predict):
    arguments = (random_artifact(), "videos/0.mp4", "--stream")
    arguments += ("--start_score=1",)
    _, table, _ = tsm_predict(*arguments)
    assert table.splitlines()[2].split() == ["videos/0.mp4", *"––––"]
    _, rows, _ = tsm_predict(*arguments, "--format=csv")
    assert rows == "video,start,end,label,score\n"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("causal",), "expected a MODEL and a VIDEO"),
        (("causal", "videos", "--format=xml"), "--format=xml"),
        (("causal", "videos", "--top=0"), "--top=0"),
        (
            ("causal", "videos", "--average=1"),
            "--average has no effect without",
        ),
        (
            ("causal", "videos", "--stream", "--top=1"),
            "--top has no effect with",
        ),
        (("causal", "videos", "--num_views=2"), "--sampling=dense"),
        (("causal", "videos", "--output=no/x.csv"), "output=no/x.csv"),
        (("causal", "videos", "--crops=10"), "crops=10"),
        (("offline", "videos", "--stream"), "cannot stream"),
        (
            ("causal", "videos", "--lookahead"),
            "--lookahead has no effect without",
        ),
        (("nowhere", "videos"), "nowhere"),
        (("nowhere", "videos", "--stream"), "nowhere"),
        (("causal", "heads"), "heads, which holds none"),
        (
            ("causal", "videos", "--stream", "--ignored=wave"),
            "`ignored` must name classes",
        ),
    ],
)
def test_wrong_arguments_are_one_line(work, arguments, message):
    before = sorted(work.rglob("*"))
    assert message in refused("predict", *arguments, cwd=work)
    assert sorted(work.rglob("*")) == before


def test_help_names_the_formats(capsys):
    assert dispatch(["predict", "--help"]) == 0
    text = capsys.readouterr().out
    assert "jsonl" in text and "--stream" in text and "--start_score" in text
