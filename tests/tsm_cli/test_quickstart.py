import html.parser
import json
import pathlib
import types

import numpy as np
import pytest

from testing.command_line import refused, tsm
from tsm_cli import quickstart
from tsm_cli.quickstart_report import Result
from tsm_keras.data.readers.folder import VideoFolder
from tsm_keras.data.video.decoding import probe_video


@pytest.mark.slow
def test_a_fast_run_writes_everything(tmp_path):
    output, error = tsm("quickstart", "--fast", cwd=tmp_path, ok=True)
    assert not error  # No noise from TensorFlow's logs.
    folder = tmp_path / "tsm-quickstart"
    assert output.strip().splitlines()[-1] == str(folder / "report.html")
    for row in (
        "TSN (no shift)",
        "TSM",
        "causal TSM",
        "float32 TFLite",
        "int8 TFLite",
    ):
        assert row in output
    assert len(list(folder.glob("data/train/*/*.mp4"))) == 48
    assert len(list(folder.glob("data/test/*/*.mp4"))) == 24
    assert probe_video(folder / "annotated.mp4").num_frames >= 12
    for preset in ("tsn", "tsm", "tsm_causal"):
        assert (folder / "presets" / preset / "config.json").is_file()
    numbers = json.loads((folder / "results.json").read_text())
    # The artifact is the model: the same frames, the same answers.
    assert numbers["top1"]["float32 TFLite"] == numbers["top1"]["causal TSM"]
    float32, int8 = (
        (folder / f"gestures_{kind}.tflite").stat().st_size
        for kind in ("float32", "int8")
    )
    assert int8 < 0.5 * float32
    report = _Report()
    report.feed((folder / "report.html").read_text("utf-8"))
    assert len(report.sources) == 3
    assert all(s.startswith("data:image/png;base64,") for s in report.sources)

    # Again into the same folder: it replaces its own work only.
    (folder / "quickstart.json").unlink()
    assert "has other content" in refused("quickstart", "--fast", cwd=tmp_path)
    assert (folder / "report.html").is_file()


@pytest.mark.parametrize(
    ("classes", "live", "tried"),
    [
        # The first video is right as a clip, but wrong in a live run.
        ("RRR", "LRR", [0, 1]),
        # The first video is wrong as a clip, so the others are tried before it.
        ("LRR", "RLR", [1, 2]),
        ("LLR", "LRL", [2, 0, 1]),
        ("RRR", "LLL", [0, 1, 2]),  # None is recognized.
    ],
)
def test_the_annotated_video_is_one_that_a_live_run_recognizes(
    tmp_path, monkeypatch, classes, live, tried
):
    names = ("pull", "swipe_right")
    paths = ["pull/0.mp4", *(f"swipe_right/{number}.mp4" for number in "012")]
    videos = VideoFolder("test", tuple(paths), (0, 1, 1, 1), names, ())
    predictions = types.SimpleNamespace(
        classes=lambda: np.array([0, *("LR".index(each) for each in classes)])
    )
    seen = []

    def annotate(session, source, output):
        assert session == "session of model.tflite"
        seen.append(int(source.stem))
        output.write_text(str(source))
        label = names["LR".index(live[seen[-1]])]
        return types.SimpleNamespace(label=label)

    monkeypatch.setattr(
        quickstart, "StreamingSession", lambda path: f"session of {path}"
    )
    monkeypatch.setattr(quickstart, "annotate_video", annotate)
    output = tmp_path / "annotated.mp4"
    result = Result("int8", predictions, None, pathlib.Path("model.tflite"))
    quickstart.annotate_swipe(result.path, videos, result, output)
    assert seen == tried
    assert output.read_text() == paths[1 + tried[-1]]


class _Report(html.parser.HTMLParser):
    def __init__(self):
        super().__init__()
        self.sources = []

    def handle_starttag(self, tag, attrs):
        if tag == "img":
            self.sources.append(dict(attrs)["src"])
