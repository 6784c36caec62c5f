import dataclasses

import cv2
import numpy as np
import pytest

from testing.artifacts import random_artifact
from testing.gestures import shared_videos
from tsm_live import StreamingSession, main
from tsm_live.annotate import SourceError, annotate_video


def _frames(path):
    capture = cv2.VideoCapture(str(path))
    frames = []
    while True:
        read, frame = capture.read()
        if not read:
            return frames
        frames.append(frame)


@pytest.fixture
def session():
    return StreamingSession(random_artifact())


def test_every_frame_is_kept_and_a_strip_added(tmp_path, session):
    source = shared_videos().paths[0]
    info = shared_videos().infos[0]
    output = tmp_path / "out.mp4"
    annotation = annotate_video(session, source, output)
    frames = _frames(output)
    assert len(frames) == info.num_frames == annotation.num_frames
    assert frames[0].shape[0] > frames[0].shape[1] * info.height / info.width
    assert annotation.label in session.spec.labels
    assert list(tmp_path.iterdir()) == [output]


@pytest.mark.parametrize(("interval", "every"), [(0.0, 1), (3, 3), (5, 5)])
def test_the_network_is_fed_at_its_own_pace(tmp_path, session, interval, every):
    info = shared_videos().infos[0]
    fps = info.num_frames / info.duration
    session.spec = dataclasses.replace(
        session.spec, frame_interval=interval / fps
    )
    annotation = annotate_video(
        session, shared_videos().paths[0], tmp_path / "out.mp4"
    )
    assert annotation.num_steps == -(-info.num_frames // every)


def test_the_decision_averages_the_window(tmp_path, session):
    path = shared_videos().paths[0]
    session.spec = dataclasses.replace(session.spec, frame_interval=0.0)
    whole = annotate_video(session, path, tmp_path / "a.mp4", window=1e9)
    session.reset()
    logits = [session.step(f, color="bgr").logits for f in _frames(path)]
    mean = np.mean(logits, axis=0)
    scores = np.exp(mean) / np.exp(mean).sum()
    assert whole.label == session.spec.labels[scores.argmax()]
    assert whole.score == pytest.approx(scores.max(), rel=1e-4)


def test_a_broken_source_is_named_and_nothing_is_left(tmp_path, session):
    source = tmp_path / "notes.mp4"
    source.write_text("not a video")
    with pytest.raises(SourceError, match=r"notes\.mp4"):
        annotate_video(session, source, tmp_path / "out.mp4")
    assert list(tmp_path.iterdir()) == [source]


def test_the_command_line(tmp_path, capsys):
    options = [
        f"--model={random_artifact()}",
        f"--source={shared_videos().paths[0]}",
        f"--output={tmp_path / 'out.mp4'}",
    ]
    assert main.main(options) == 0
    assert "wrote" in capsys.readouterr().out
    options[1] = "--source=missing.mp4"
    assert main.main(options) == 1
    error = capsys.readouterr().err.strip()
    assert error.startswith("tsm-live: error: ") and "missing.mp4" in error
    options[0] = "--model=missing.tflite"
    assert main.main(options) == 1
    assert "missing.tflite" in capsys.readouterr().err
