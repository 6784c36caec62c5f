"""annotate_video: a video file in, the same with live predictions out."""

import collections
import dataclasses
import os
import pathlib

import cv2
import numpy as np

from tsm_live.base_session import Session

_SHORT_SIDE = 360  # Smaller videos are enlarged, so that text can be read.
_BAR = 64  # Pixels of the strip that holds the text.


class SourceError(OSError):
    """A video that cannot be read or written."""


@dataclasses.dataclass(frozen=True)
class Annotation:
    """What was said while a video ran.

    Attributes:
        label: The class at the end.
        score: Its probability.
        num_frames: Frames of the video.
        num_steps: Frames that the network saw.
        seconds_per_step: Mean time of the network, in seconds.
    """

    label: str
    score: float
    num_frames: int
    num_steps: int
    seconds_per_step: float

    def __str__(self) -> str:
        return (
            f"{self.label} {self.score:.0%} ({self.num_steps} of "
            f"{self.num_frames} frames, {self.seconds_per_step * 1e3:.2f} ms "
            "each)"
        )


def annotate_video(
    session: Session,
    source: str | os.PathLike,
    output: str | os.PathLike,
    *,
    window: float = 2.0,
) -> Annotation:
    """Runs a session over a video and writes an annotated MP4.

    The network is fed at the interval that it was trained for, whatever the
    video's rate, and its logits are averaged over a window of time.

    Args:
        session: Is reset first.
        source: A video file.
        output: The file to write; it appears when it is complete.
        window: Seconds of logits to average.

    Raises:
        SourceError: If the video cannot be read or the output not written.
    """
    output = pathlib.Path(output)
    # The suffix tells OpenCV the container.
    temporary = output.with_name(f".{output.stem}.part.mp4")
    output.parent.mkdir(parents=True, exist_ok=True)
    capture = cv2.VideoCapture(os.fspath(source))
    try:
        annotation = _annotate(session, capture, source, temporary, window)
        temporary.replace(output)
    finally:
        capture.release()
        temporary.unlink(missing_ok=True)
    return annotation


def _annotate(session, capture, source, temporary, window):
    fps = capture.get(cv2.CAP_PROP_FPS) or 25.0
    session.reset()
    recent = collections.deque()  # (time, logits)
    writer, next_time, num_frames, latencies = None, 0.0, 0, []
    label, score = "", 0.0
    try:
        while True:
            read, frame = capture.read()
            if not read:
                break
            time = num_frames / fps
            num_frames += 1
            # Half a frame of slack: times are not exact.
            if time + 0.5 / fps >= next_time:
                next_time += session.spec.frame_interval
                prediction = session.step(frame, color="bgr")
                latencies.append(prediction.latency)
                recent.append((time, prediction.logits))
                while recent[0][0] < time - window:
                    recent.popleft()
                label, score = _decide(recent, session.spec.labels)
            picture = _draw(frame, label, score, latencies[-1])
            writer = writer or _open_writer(temporary, fps, picture.shape)
            writer.write(picture)
    finally:
        if writer:
            writer.release()
    if not num_frames:
        raise SourceError(
            f"Cannot read the video {os.fspath(source)}: it does not exist or "
            "yields no frame."
        )
    return Annotation(
        label, score, num_frames, len(latencies), float(np.mean(latencies))
    )


def _decide(recent, labels):
    mean = np.mean([logits for _, logits in recent], axis=0)
    scores = np.exp(mean - mean.max())
    best = int(mean.argmax())
    return labels[best], float(scores[best] / scores.sum())


def _draw(frame, label, score, latency):
    scale = max(1.0, _SHORT_SIDE / min(frame.shape[:2]))
    frame = cv2.resize(frame, None, fx=scale, fy=scale)
    frame = frame[: len(frame) // 2 * 2, : frame.shape[1] // 2 * 2]
    strip = np.full((_BAR, frame.shape[1], 3), 24, np.uint8)
    filled = int(score * frame.shape[1])
    strip[-6:, :filled] = (80, 200, 80)
    for text, line in (
        (label.replace("_", " "), 0),
        (f"{score:.0%}   {latency * 1e3:.1f} ms", 1),
    ):
        cv2.putText(
            strip,
            text,
            (8, 22 + 26 * line),
            cv2.FONT_HERSHEY_SIMPLEX,
            0.6,
            (240, 240, 240),
            1,
            cv2.LINE_AA,
        )
    return np.concatenate([frame, strip])


def _open_writer(path, fps, shape):
    writer = cv2.VideoWriter(
        os.fspath(path),
        cv2.VideoWriter_fourcc(*"mp4v"),
        fps,
        (shape[1], shape[0]),
    )
    if not writer.isOpened():
        raise SourceError(f"Cannot write the video {os.fspath(path)}.")
    return writer
