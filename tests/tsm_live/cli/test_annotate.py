import pathlib

import cv2
import pytest

from testing.artifacts import random_artifact
from testing.gestures import shared_videos
from testing.videos import opencv_frames
from tsm_live import StreamingSession
from tsm_live.cli.annotate import annotate_video
from tsm_live.sources.source import SourceError


@pytest.fixture
def session():
    return StreamingSession(random_artifact())


def test_every_frame_is_kept_and_a_panel_added(tmp_path, session):
    info = shared_videos().infos[0]
    output = tmp_path / "out.mp4"
    summary = annotate_video(session, shared_videos().paths[0], output)
    frames = opencv_frames(output)
    capture = cv2.VideoCapture(str(output))
    assert len(frames) == info.num_frames == summary.frames
    assert capture.get(cv2.CAP_PROP_FPS) == pytest.approx(
        info.num_frames / info.duration, rel=1e-3
    )
    assert frames[0].shape[0] > frames[0].shape[1] * info.height / info.width
    assert summary.label in session.spec.labels
    assert list(tmp_path.iterdir()) == [output]


def test_a_session_starts_anew(tmp_path, session):
    path = shared_videos().paths[0]
    first, again = (
        annotate_video(session, path, tmp_path / "out.mp4") for _ in range(2)
    )
    assert (first.label, first.score) == (again.label, again.score)


def test_a_broken_source_is_named_and_nothing_is_left(tmp_path, session):
    source = tmp_path / "notes.mp4"
    source.write_text("not a video")
    with pytest.raises(SourceError, match=r"notes\.mp4"):
        annotate_video(session, source, tmp_path / "out.mp4")
    assert list(tmp_path.iterdir()) == [source]


def test_the_source_is_not_written_over(tmp_path, session):
    source = tmp_path / "clip.mp4"
    content = pathlib.Path(shared_videos().paths[0]).read_bytes()
    source.write_bytes(content)
    with pytest.raises(ValueError, match="output would write over the file"):
        annotate_video(session, source, source)
    assert source.read_bytes() == content
