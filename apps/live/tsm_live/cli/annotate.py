"""annotate_video: writes a copy of a video that shows the predictions."""

import contextlib
import os

from tsm_live.cli.own_files import check_written
from tsm_live.live.run_live import run_live
from tsm_live.live.source_sessions import SourceSessions
from tsm_live.live.stream import Summary
from tsm_live.sessions.base_session import Session
from tsm_live.sources.open_source import open_video
from tsm_live.views.video_output import VideoOutput


def annotate_video(
    session: Session,
    source: str | os.PathLike,
    output: str | os.PathLike,
) -> Summary:
    """Runs a session over a video and writes an annotated video.

    Args:
        session: A session, which is reset first.
        source: A video file.
        output: The file to write; it appears when it is complete.

    Raises:
        ValueError: If `source` and `output` are the same file.
        SourceError: If the video cannot be read.
        OSError: If the output cannot be written.
    """
    check_written([("output", output)], [("source", source)])
    session.reset()
    video = open_video(os.fspath(source))
    with contextlib.closing(VideoOutput(output)) as view:
        (summary,), errors = run_live(
            [video], SourceSessions([session]), [[view]]
        )
    for error in errors:
        raise error
    return summary
