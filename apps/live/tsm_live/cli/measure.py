"""measure: times each step of a live run."""

import time
from collections.abc import Iterator

import numpy as np

from tsm_live.decision.open_decision import open_decision
from tsm_live.live.live_state import LiveState
from tsm_live.sessions.base_session import Session
from tsm_live.sources.open_source import open_video
from tsm_live.sources.source import TimedFrame
from tsm_live.views.drawing import draw

_WARM_UP = 10  # Frames.


def measure(
    session: Session, source: str, frames: int
) -> dict[str, np.ndarray]:
    """Times a run over a video, one frame after the other in one thread.

    A video that is too short is read again from its start. If the artifact has
    several streams, each stream gets every frame.

    Args:
        session: A session, which is reset first.
        source: A video file.
        frames: The number of frames to time, after a warm-up.

    Returns:
        The seconds, `[frames]`, of each step by name: `capture` (reading and
        decoding), `resize` (all of the session except the network), `infer`
        (the network alone), `decide`, `draw` (the picture of a view), and
        `end to end` (all steps).

    Raises:
        SourceError: If the video cannot be read.
    """
    session.reset()
    decision = open_decision(session.spec)
    rows = []
    reading = _endless(source)
    for number in range(session.delay + _WARM_UP + frames):
        frame, capture = next(reading)
        captured = time.perf_counter()
        prediction, *_ = session.step_streams(
            [frame.image] * session.streams, color="bgr"
        )
        predicted = time.perf_counter()
        if prediction is None:  # A network that looks ahead answers late.
            continue
        # Frame numbers never go back, unlike the times of a repeated video.
        decision.update(number, prediction)
        decided = time.perf_counter()
        draw(_state(source, frame, session, decision, prediction.latency))
        drawn = time.perf_counter()
        rows.append(
            {
                "capture": capture,
                "resize": predicted - captured - prediction.latency,
                "infer": prediction.latency,
                "decide": decided - predicted,
                "draw": drawn - decided,
                "end to end": capture + drawn - captured,
            }
        )
    timed = rows[_WARM_UP:]
    return {name: np.array([row[name] for row in timed]) for name in timed[0]}


def _endless(source) -> Iterator[tuple[TimedFrame, float]]:
    """Yields each frame with the seconds that it took to read."""
    while True:
        video = open_video(source)
        while True:
            start = time.perf_counter()
            frame = video.read()
            if frame is None:
                break
            yield frame, time.perf_counter() - start
        video.close()


def _state(source, frame, session, decision, latency):
    return LiveState(
        source=source,
        frame=frame.image,
        time=frame.time,
        latency=latency,
        fps=0.0,
        accelerator=session.accelerator,
        processed=1,
        dropped=0,
        resets=0,
        is_live=False,
        **decision.state(),
    )
