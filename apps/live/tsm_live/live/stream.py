"""LiveStream: what is known of one source while it runs."""

import collections
import dataclasses

import numpy as np

from tsm_live.decision.gestures import GestureDecision, GestureEvent
from tsm_live.decision.pacing import FramePacer, Step
from tsm_live.decision.scene_cut import SceneCut
from tsm_live.live.live_state import LiveState
from tsm_live.sessions.base_session import Prediction
from tsm_live.sources.reader import Reader
from tsm_live.sources.source import TimedFrame

_EVENTS = 20  # The latest, in a state.


@dataclasses.dataclass(frozen=True)
class Summary:
    """What came of a source.

    Attributes:
        source: Its name.
        label: The class at the end.
        score: Of the label, averaged.
        frames: Frames that were looked at, if only by who watches.
        processed: Frames that the network saw.
        dropped: Frames of a live source that came too late.
        resets: Times that the caches became zero since the start.
        gestures: How many started.
        latency: Mean seconds of a step of the network.
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


class LiveStream:
    """Leads one source through pacing and decision.

    For each frame: `step`; `restart` if it says so; then `advance`, with the
    network's prediction unless the frame is skipped.

    Args:
        reader: Of the source.
        labels: Of the network.
        accelerator: What really runs the network.
        pacer: Which frames are due.
        decision: When gestures start and end.
        scene_cut: Starts anew at each cut; None to take no notice.
    """

    def __init__(
        self,
        reader: Reader,
        labels: tuple[str, ...],
        *,
        accelerator: str,
        pacer: FramePacer,
        decision: GestureDecision,
        scene_cut: SceneCut | None = None,
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

    def step(self, frame: TimedFrame) -> Step:
        """Says what the network is to do with the next frame."""
        step = self._pacer.step(frame.time)
        if self._scene_cut is not None and self._scene_cut.is_cut(frame.image):
            self._pacer.restart()
            self._pacer.step(frame.time)
            return Step.RESTART
        return step

    def restart(self) -> list[GestureEvent]:
        """Forgets the past, as the network does; ends the gesture."""
        self._resets += 1
        return self._note(self._decision.end())

    def advance(
        self, frame: TimedFrame, prediction: Prediction | None
    ) -> list[GestureEvent]:
        """Takes a frame, and what the network says if it was due."""
        self._frames += 1
        if prediction is None:
            return []
        self._processed += 1
        self._latency = prediction.latency
        self._total_latency += prediction.latency
        events = self._decision.update(frame.time, prediction.logits)
        self._scores = self._decision.scores
        return self._note(events)

    def end(self) -> list[GestureEvent]:
        """Ends the gesture that goes on."""
        return self._note(self._decision.end())

    def state(self, frame: TimedFrame) -> LiveState:
        """Returns the moment after a frame."""
        return LiveState(
            source=self.reader.source.name,
            frame=frame.image,
            time=frame.time,
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
        """Returns what came of the source so far."""
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
