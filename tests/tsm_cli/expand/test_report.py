"""The report of `tsm expand`."""

from tsm_cli.expand.report import draw_expansion, write_expansion_report
from tsm_keras.models.config import VideoClassifierConfig
from tsm_keras.training.expansion.folder import Candidate
from tsm_keras.training.expansion.search import Step

START = VideoClassifierConfig(num_classes=2, backbone="x3d", num_segments=1)


def made_steps():
    def made(step, name, cost, top1, config=START, **fields):
        return Candidate(step, name, config, cost, top1, 5.0, **fields)

    wide = START.changed(width=1.4)
    start = made(0, "start", 1.0, 0.3)
    first = [
        made(1, "width", 2.1, 0.6, wide),
        made(1, "resolution", 1.9, 0.4, START.with_image_size(320)),
        made(1, "depth", 2.0, None, error="MemoryError: <too large>"),
    ]
    last = made(2, "contracted", 1.7, 0.55, START.changed(width=1.25))
    return [Step([start], start), Step(first, first[0]), Step([last], last)]


def test_the_report_has_every_candidate_and_the_path(tmp_path):
    path = write_expansion_report(
        tmp_path / "report.html", made_steps(), unit="units", notes=["a note"]
    )
    text = path.read_text("utf-8")
    for expected in (
        "from 1 to 1.7 units and from 30.0% to 55.0% top-1",
        "Step 1: width",
        "Step 2: contraction",
        "1 to 1.4",
        "rejected",
        "failed: MemoryError: &lt;too large&gt;",
        "a note",
    ):
        assert expected in " ".join(text.split()), expected


def test_equal_searches_give_equal_pictures():
    first, again = (draw_expansion(made_steps(), unit="units") for _ in "12")
    assert first == again and first.startswith(b"\x89PNG")
