"""Stream: the pacing, decision and counters of one source of a live run."""

import collections
import dataclasses
import time

import numpy as np

from tsm_live.decision.gestures import GestureDecision, GestureEvent
from tsm_live.decision.pacing import FramePacer, Step
from tsm_live.decision.scene_cut import SceneCut
from tsm_live.live.live_state import LiveState
from tsm_live.sessions.base_session import Prediction
from tsm_live.sources.reader import Reader
from tsm_live.sources.source import TimedFrame

_EVENTS = 20  # The number of latest events in a state.


@dataclasses.dataclass(frozen=True)
class Summary:
    """A summary of one source of a run.

    Attributes:
        source: The title of the source.
        label: The most probable class at the end.
        score: The averaged score of this class.
        frames: The number of frames that were shown.
        processed: The number of frames that the network saw.
        dropped: The number of frames that were dropped because a newer frame
            had arrived.
        resets: The number of times that the caches were set to zero.
        gestures: The number of gestures that started.
        latency: The mean seconds per step of the network.
    """

    source: str
    label: str
    score: float
    frames: int
    processed: int
    dropped: int
    resets: int
    gestures: int
    latency: float

    def __str__(self) -> str:
        return (
            f"{self.source}: {self.label} {self.score:.0%} at the end; "
            f"gestures {self.gestures}; {self.processed} of {self.frames} "
            f"frames processed, {self.latency * 1e3:.2f} ms each; "
            f"dropped {self.dropped}, resets {self.resets}"
        )


class Stream:
    """Applies pacing and decision to one source.

    Call `step` with each frame, then `restart` if `step` asks for it, and then
    `advance`, with the prediction of the network if it took the frame. Call
    `check_end` while there is no frame.

    Args:
        reader: The reader of the source.
        labels: The labels of the network.
        accelerator: The accelerator that the network runs on.
        pacer: Chooses the frames for the network.
        decision: Decides when gestures start and end.
        scene_cut: Finds the scene cuts at which the network starts anew; None
            to ignore cuts.
    """

    def __init__(
        self,
        reader: Reader,
        labels: tuple[str, ...],
        accelerator: str,
        pacer: FramePacer,
        decision: GestureDecision,
        scene_cut: SceneCut | None,
    ):
        self.reader = reader
        self._labels = labels
        self._accelerator = accelerator
        self._pacer = pacer
        self._decision = decision
        self._scene_cut = scene_cut
        self._recent: collections.deque[GestureEvent] = collections.deque(
            maxlen=_EVENTS
        )
        self._scores = self._decision.scores
        self._frames = self._processed = self._resets = self._gestures = 0
        self._latency = self._total_latency = 0.0
        self._last = TimedFrame(np.zeros((1, 1, 3), np.uint8), 0.0)
        self._taken_at = 0.0  # When the last frame was taken, by the clock.

    def step(self, frame: TimedFrame) -> Step:
        """Says what to do with the next frame."""
        step = self._pacer.step(frame.time)
        if self._scene_cut is not None and self._scene_cut.is_cut(frame.image):
            self._pacer.restart()
            self._pacer.step(frame.time)
            return Step.RESTART
        return step

    def restart(self) -> list[GestureEvent]:
        """Notes that the caches were set to zero, and ends the gesture."""
        self._resets += 1
        return self._note(self._decision.end())

    def advance(
        self, frame: TimedFrame, prediction: Prediction | None
    ) -> list[GestureEvent]:
        """Takes a frame, with its prediction if the network took it."""
        self._last, self._taken_at = frame, time.monotonic()
        self._frames += 1
        if prediction is None:
            return []
        self._processed += 1
        self._latency = prediction.latency
        self._total_latency += prediction.latency
        events = self._decision.update(frame.time, prediction.logits)
        self._scores = self._decision.scores
        return self._note(events)

    def check_end(self) -> list[GestureEvent]:
        """Ends the gesture if its source has ended, or is live but silent."""
        if self._decision.gesture is None:
            return []
        silence = time.monotonic() - self._taken_at
        is_silent = self.reader.source.is_live and (
            silence > self._pacer.longest_silence
        )
        return self.end() if self.reader.ended or is_silent else []

    def end(self) -> list[GestureEvent]:
        """Ends the current gesture.

        The gesture of a live source ends now; that of any other source ends at
        the last frame.
        """
        if self.reader.source.is_live and self._frames:
            silence = time.monotonic() - self._taken_at
            self._last = self._last._replace(time=self._last.time + silence)
            self._taken_at += silence
        return self._note(self._decision.end(self._last.time))

    def state(self) -> LiveState:
        """Returns the state after the last frame."""
        return LiveState(
            source=self.reader.source.name,
            frame=self._last.image,
            time=self._last.time,
            labels=self._labels,
            scores=self._scores,
            gesture=self._decision.gesture,
            events=tuple(self._recent),
            latency=self._latency,
            fps=self.reader.fps,
            accelerator=self._accelerator,
            processed=self._processed,
            dropped=self.reader.dropped,
            resets=self._resets,
            is_live=self.reader.source.is_live,
            is_webcam=self.reader.source.is_webcam,
        )

    def summary(self) -> Summary:
        """Returns the summary of the source so far."""
        best = int(np.argmax(self._scores))
        return Summary(
            source=self.reader.source.name,
            label=self._labels[best],
            score=float(self._scores[best]),
            frames=self._frames,
            processed=self._processed,
            dropped=self.reader.dropped,
            resets=self._resets,
            gestures=self._gestures,
            latency=self._total_latency / max(1, self._processed),
        )

    def _note(self, events):
        self._recent.extend(events)
        self._gestures += sum(event.kind == "start" for event in events)
        return events
