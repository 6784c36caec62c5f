"""`tsm-live` with a detector: an exported network and a real video file."""

import json
import re

import numpy as np
import pytest

from testing.artifacts import detector_artifact
from testing.command_line import start_tsm_live
from testing.shared_data import fixture
from testing.videos import opencv_frames

# The artifact is the same whatever Keras it comes from.
pytestmark = pytest.mark.keras3_only

_HEIGHT = 360  # The picture above the panel; small frames are enlarged to it.


def _run(source, output, *flags):
    """Runs the command; returns what it printed on stdout and on stderr."""
    process = start_tsm_live(
        *(f"--model={detector_artifact()}", f"--source={source}"),
        *(f"--output={output}", *flags),
    )
    printed, error = process.communicate(timeout=120)
    assert process.returncode == 0, error
    return printed, error


def _objects(summary, frames):
    """Returns the number of objects that a summary line has."""
    pattern = rf": objects (\d+); {frames} of {frames} frames processed"
    return int(re.search(pattern, summary)[1])


def test_objects_are_drawn_counted_and_logged(tmp_path):
    source = fixture("tc_h265_video.mp4")
    output, plain = tmp_path / "out.mp4", tmp_path / "plain.mp4"
    # Random weights find something everywhere, and rarely twice in one place.
    printed, summary = _run(
        source, output, "--events=-", "--threshold=0.3", "--hits=1"
    )
    # Hardly a score of random weights is 1, and no object appears.
    nothing, _ = _run(source, plain, "--threshold=1", "--hits=10")
    frames = opencv_frames(source)
    assert _objects(nothing, len(frames)) == 0

    events = [json.loads(line) for line in printed.splitlines()]
    appeared = [event for event in events if event["kind"] == "appear"]
    gone = [event for event in events if event["kind"] == "disappear"]
    assert len(appeared) == len(gone) == _objects(summary, len(frames)) > 0
    tracks = [event["track"] for event in appeared]
    assert tracks == sorted({event["track"] for event in gone})
    for event in events:
        assert event["source"] == str(source)
        assert event["label"] in ("ball", "left", "right")
        assert 0.3 <= event["score"] <= 1
        x0, y0, x1, y1 = event["box"]
        assert x0 <= x1 and y0 <= y1

    drawn, untouched = opencv_frames(output), opencv_frames(plain)
    assert len(drawn) == len(untouched) == len(frames)
    for one, other in zip(drawn, untouched, strict=True):
        assert one.shape[0] > _HEIGHT
        change = np.abs(one[:_HEIGHT].astype(int) - other[:_HEIGHT])
        assert change.max() > 60  # The codec alone changes less.
