import html.parser
import json

import pytest

from testing.command_line import refused, tsm
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


class _Report(html.parser.HTMLParser):
    def __init__(self):
        super().__init__()
        self.sources = []

    def handle_starttag(self, tag, attrs):
        if tag == "img":
            self.sources.append(dict(attrs)["src"])
