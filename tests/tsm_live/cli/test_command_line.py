"""Closed streams, flags that do not exist, numbers beyond reason."""

import os
import subprocess

import pytest

from testing.artifacts import random_artifact, random_onnx
from testing.command_line import start_tsm_live
from testing.crafted import write_crafted
from testing.shared_data import fixture
from tsm_live.cli.main import main
from tsm_live.version import __version__

# The artifact is the same whatever Keras it comes from.
pytestmark = pytest.mark.keras3_only


def _run(*flags, closed=(), model=True):
    """Runs with some of the descriptors 0 to 2 closed, as `<&-` does."""

    def close():
        for number in closed:
            os.close(number)

    models = [f"--model={random_artifact()}"] if model else []
    process = start_tsm_live(*models, *flags, preexec_fn=close)
    return *process.communicate(timeout=120), process.returncode


def _video():
    return f"--source={fixture('tc_h265_video.mp4')}"


@pytest.mark.parametrize(
    ("flags", "closed", "message"),
    [
        (["--source=-", "--stdin_size=8x8"], 0, "reads stdin, which is closed"),
        (["--events=-"], 1, "writes to stdout, which is closed"),
    ],
)
def test_what_needs_a_closed_stream_is_refused(flags, closed, message):
    flags = flags if closed == 0 else [*flags, _video()]
    output, error, status = _run(*flags, "--web=0", closed=[closed])
    assert (output, status) == ("", 1)
    assert error.startswith("tsm-live: ") and message in error
    assert "Traceback" not in error


def test_a_run_without_streams_does_its_work(tmp_path):
    """Nothing that libraries print gets into the files that are written."""
    events, video = tmp_path / "events.jsonl", tmp_path / "out.mp4"
    *_, status = _run(
        *(_video(), f"--events={events}", f"--output={video}"),
        *("--average=0", "--start_score=0.2", "--end_score=0.2"),
        closed=[0, 1, 2],
    )
    assert status == 0 and video.stat().st_size
    assert {line[0] for line in events.open()} == {"{"}


def test_without_stderr_stdout_holds_events_alone():
    output, _, status = _run(
        *(_video(), "--events=-", "--average=0"),
        *("--start_score=0.2", "--end_score=0.2"),
        closed=[2],
    )
    assert status == 0 and output
    assert {line[0] for line in output.splitlines()} == {"{"}


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--model=x", "--sorce=y"], "flag --sorce; did you mean --source? ("),
        (["--model=x", "--source=0", "-w"], "no flag -w (see tsm-live -h)"),
        (["benchmark", "--modell", "x"], "--modell; did you mean --model? ("),
        (["--model=x"], "required: --source"),
        ([], "required: --model, --source"),
        (["--model=x", "--source=0", "extra"], "no argument 'extra' ("),
        (["--threads=x"], "--threads=x: "),
        (
            ["--model=x", "--source=0", "--output=a.mp4", "--output", "b.mp4"],
            "--output may be given once, not 2 times",
        ),
        (["--model=", "--source=0"], "--model is empty"),
        (["--model=x", "--source=0", "--source="], "--source is empty"),
        (["--model=x", "--source=0", "--events="], "--events is empty"),
        (["benchmark", "--model=x", "--source="], "--source is empty"),
    ],
)
def test_a_wrong_command_line_is_named(flags, message, capsys):
    with pytest.raises(SystemExit, match="2"):
        main(flags)
    error = capsys.readouterr().err
    assert message in error and error.count("\n") == 1


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--web_host=0.0.0.0"], "--web_host has no effect without --web"),
        (["--web_token=short"], "--web_token has no effect without --web"),
        (["--screenshots=."], "--screenshots has no effect without --window"),
    ],
)
def test_a_flag_without_effect_is_refused(flags, message, tmp_path, capsys):
    output = tmp_path / "out.mp4"
    run = [f"--model={random_artifact()}", _video(), f"--output={output}"]
    assert main([*run, *flags]) == 1
    assert capsys.readouterr().err == f"tsm-live: error: {message}.\n"
    assert not output.exists()


@pytest.mark.parametrize("web", [[], ["--web=0"]])
def test_a_flag_of_a_view_that_there_is_has_an_effect(web):
    """Without a display the web is the default."""
    _, error, status = _run(_video(), "--web_token=too short", *web)
    assert status == 1 and "The token of the web view must be 16" in error


def test_values_may_look_like_flags(capsys):
    """A pipe and negative numbers."""
    source = ["--source", "-", "--start_score", "-1"]
    assert main([f"--model={random_artifact()}", *source]) == 1
    assert "start_score=-1.0" in capsys.readouterr().err


def test_the_version(capsys):
    assert main(["--version"]) == 0
    assert capsys.readouterr().out == f"tsm-live {__version__}\n"


@pytest.mark.parametrize("artifact", [random_artifact, random_onnx])
def test_more_threads_than_a_runtime_survives(artifact, tmp_path):
    output = tmp_path / "out.mp4"
    process = start_tsm_live(
        *(f"--model={artifact()}", _video(), f"--output={output}"),
        "--threads=100000",
        stdout=subprocess.DEVNULL,
    )
    _, error = process.communicate(timeout=120)
    assert process.returncode == 1 and not output.exists()
    assert error == (
        "tsm-live: error: `threads` must be an integer from 1 to 256. "
        "Received: threads=100000\n"
    )


@pytest.mark.parametrize(
    "flag", ["--start-score=-1", "--start_score=-1", "-start-score=-1"]
)
def test_hyphens_and_underscores_are_one_flag(flag, capsys):
    assert main([f"--model={random_artifact()}", "--source=-", flag]) == 1
    assert "start_score=-1.0" in capsys.readouterr().err


def test_a_file_of_flags_is_read(tmp_path, capsys):
    path = tmp_path / "flags.txt"
    path.write_text("--source=-\n--start-score=-1\n")
    assert main([f"--model={random_artifact()}", f"--flagfile={path}"]) == 1
    assert "start_score=-1.0" in capsys.readouterr().err
    with pytest.raises(SystemExit, match="2"):
        main([f"--flagfile={tmp_path / 'nowhere'}"])
    assert "nowhere" in capsys.readouterr().err


@pytest.mark.parametrize("command", [[], ["benchmark"]])
def test_the_help_lists_every_flag_under_a_heading(command, capsys):
    with pytest.raises(SystemExit, match="0"):
        main([*command, "--help"])
    lines = capsys.readouterr().out.splitlines()
    assert max(map(len, lines)) <= 80
    flags = lines[lines.index("") :]
    headings = [line for line in flags if line and line[0] != " "]
    assert headings[0] == "network:" and len(headings) >= 2
    assert any(line.startswith("  --isolated: Run") for line in lines)


def test_the_help_of_a_decision_is_the_docstring(capsys):
    with pytest.raises(SystemExit, match="0"):
        main(["-h"])
    text = " ".join(capsys.readouterr().out.split())
    assert (
        "--start_score: " in text
        and "(default: the artifact's, else 0.6)" in text
    )


def test_an_isolated_run_ends_as_any_other():
    output, error, status = _run(
        *(_video(), "--events=-", "--average=0", "--isolated"),
        *("--start_score=0.2", "--end_score=0.2"),
    )
    assert status == 0 and "10 of 10 frames processed" in error
    assert '"kind": "start"' in output


def test_a_crafted_model_is_one_line(tmp_path):
    crafted = tmp_path / "crafted.tflite"
    write_crafted(crafted)
    output, error, status = _run(
        *(f"--model={crafted}", _video(), "--events=-", "--isolated"),
        model=False,
    )
    assert (output, status) == ("", 1) and error.count("\n") == 1
    assert error.startswith("tsm-live: error: ") and "SIGABRT" in error


@pytest.mark.parametrize(
    "arguments",
    [
        ["rtsp://user:secret@camera/1"],
        ["--model=m.tflite", "--sorce=rtsp://user:secret@camera/1"],
        ["--timeout=rtsp://user:secret@camera/1"],
        ["--model=m.tflite", "--source", "a", "http://c/?token=secret"],
    ],
)
def test_a_misplaced_address_shows_no_password(arguments, capsys):
    with pytest.raises(SystemExit, match="2"):
        main(arguments)
    error = capsys.readouterr().err
    assert error.startswith("tsm-live: error: ") and error.count("\n") == 1
    assert "secret" not in error
