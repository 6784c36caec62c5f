"""Stream: the pacing, decision and counters of one source of a live run."""

import collections
import dataclasses
import time
from collections.abc import Callable, Mapping

import numpy as np

from tsm_live.decision.gestures import GestureDecision, GestureEvent
from tsm_live.decision.pacing import FramePacer, Step
from tsm_live.decision.scene_cut import SceneCut
from tsm_live.live.live_state import HeadState, LiveState
from tsm_live.sessions.prediction import Prediction, Scores, of_only_head
from tsm_live.sources.reader import Reader
from tsm_live.sources.source import TimedFrame

_EVENTS = 20  # The number of latest events in the state of a head.


@dataclasses.dataclass(frozen=True)
class Summary:
    """A summary of one source of a run.

    If one head decides, then `label` is its most probable class at the end, and
    `score` the averaged score of this class.

    Attributes:
        source: The title of the source.
        heads: The averaged scores of each head at the end, by its name.
        frames: The number of frames that were shown.
        processed: The number of frames that the network saw.
        dropped: The number of frames that were dropped because a newer frame
            had arrived.
        resets: The number of times that the caches were set to zero.
        gestures: The number of gestures that started.
        latency: The mean seconds per step of the network.
    """

    source: str
    heads: Mapping[str, Scores]
    frames: int
    processed: int
    dropped: int
    resets: int
    gestures: int
    latency: float

    label = of_only_head("label")
    score = of_only_head("score")

    def __str__(self) -> str:
        several = len(self.heads) > 1
        found = ", ".join(
            f"{name + ' ' if several else ''}{head.label} {head.score:.0%}"
            for name, head in self.heads.items()
        )
        return (
            f"{self.source}: {found} at the end; "
            f"gestures {self.gestures}; {self.processed} of {self.frames} "
            f"frames processed, {self.latency * 1e3:.2f} ms each; "
            f"dropped {self.dropped}, resets {self.resets}"
        )


class Stream:
    """Applies pacing and decision to one source.

    Call `step` with each frame, then `restart` if `step` asks for it, and then
    `advance`. Call `answer` with each prediction of the network, and `pass_by`
    after both. Call `has_ended` while there is no frame.

    A network that looks ahead answers late. A frame that it took waits for its
    prediction, and so do all frames after it: views show each frame with its
    own scores, and events have the times of their frames.

    Args:
        reader: The reader of the source.
        accelerator: The accelerator that the network runs on.
        pacer: Chooses the frames for the network.
        decisions: For each head, by its name, what decides when its gestures
            start and end.
        scene_cut: Finds the scene cuts at which the network starts anew; None
            to ignore cuts.
    """

    def __init__(
        self,
        reader: Reader,
        accelerator: str,
        pacer: FramePacer,
        decisions: Mapping[str, GestureDecision],
        scene_cut: SceneCut | None,
    ):
        self.reader = reader
        self._accelerator = accelerator
        self._pacer = pacer
        self._decisions = decisions
        self._scene_cut = scene_cut
        self._recent: dict[str, collections.deque[GestureEvent]] = {
            name: collections.deque(maxlen=_EVENTS) for name in decisions
        }
        self._note_scores()
        self._frames = self._processed = self._resets = self._gestures = 0
        self._answers, self._latency, self._total_latency = 0, 0.0, 0.0
        self._last = TimedFrame(np.zeros((1, 1, 3), np.uint8), 0.0)
        self._arrived_at = 0.0  # When the last frame came, by the clock.
        self._shown = self._last
        # The frames after `_shown`, and whether the network took them.
        self._waiting: collections.deque[tuple[TimedFrame, bool]] = (
            collections.deque()
        )

    def step(self, frame: TimedFrame) -> Step:
        """Says what to do with the next frame."""
        step = self._pacer.step(frame.time)
        if self._scene_cut is not None and self._scene_cut.is_cut(frame.image):
            self._pacer.restart()
            self._pacer.step(frame.time)
            return Step.RESTART
        return step

    def restart(self) -> list[GestureEvent]:
        """Notes that the caches were set to zero, and ends all gestures."""
        self._resets += 1
        return self._decide(lambda name, decision: decision.end())

    def advance(self, frame: TimedFrame, is_taken: bool) -> None:
        """Notes the next frame, and whether the network takes it."""
        self._last, self._arrived_at = frame, time.monotonic()
        self._waiting.append((frame, is_taken))
        self._frames += 1
        self._processed += is_taken

    def answer(self, prediction: Prediction) -> list[GestureEvent]:
        """Takes the prediction for the first of the frames that wait for one.

        The state is then that of this frame.
        """
        self._shown, _ = self._waiting.popleft()
        self._answers += 1
        self._latency = prediction.latency
        self._total_latency += prediction.latency
        events = self._decide(
            lambda name, decision: decision.update(
                self._shown.time, prediction.heads[name].logits
            )
        )
        self._note_scores()
        return events

    def pass_by(self) -> bool:
        """Goes on to the next frame if it waits for no prediction.

        Returns:
            Whether there was such a frame. The state is then that of it.
        """
        if not self._waiting or self._waiting[0][1]:
            return False
        self._shown, _ = self._waiting.popleft()
        return True

    @property
    def is_waiting(self) -> bool:
        """Whether there are frames whose predictions are still due."""
        return bool(self._waiting)

    def has_ended(self) -> bool:
        """Returns whether something must end: the source ended or is silent.

        A gesture or a frame that waits for its prediction must then end. Only
        a live source can be silent.
        """
        if not self.is_waiting and all(
            each.gesture is None for each in self._decisions.values()
        ):
            return False
        silence = time.monotonic() - self._arrived_at
        is_silent = self.reader.source.is_live and (
            silence > self._pacer.longest_silence
        )
        return self.reader.ended or is_silent

    def end(self) -> list[GestureEvent]:
        """Ends all gestures.

        The gestures of a live source end now; those of any other source end at
        the last frame.
        """
        if self.reader.source.is_live and self._frames:
            silence = time.monotonic() - self._arrived_at
            self._last = self._last._replace(time=self._last.time + silence)
            self._arrived_at += silence
        self._shown = self._last
        return self._decide(
            lambda name, decision: decision.end(self._last.time)
        )

    def state(self) -> LiveState:
        """Returns the state at the last frame whose scores are known."""
        return LiveState(
            source=self.reader.source.name,
            frame=self._shown.image,
            time=self._shown.time,
            heads={
                name: HeadState(
                    last.labels,
                    last.scores,
                    self._decisions[name].gesture,
                    tuple(self._recent[name]),
                )
                for name, last in self._scores.items()
            },
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
        return Summary(
            source=self.reader.source.name,
            heads=self._scores,
            frames=self._frames,
            processed=self._processed,
            dropped=self.reader.dropped,
            resets=self._resets,
            gestures=self._gestures,
            latency=self._total_latency / max(1, self._answers),
        )

    def _decide(
        self, act: Callable[[str, GestureDecision], list[GestureEvent]]
    ) -> list[GestureEvent]:
        """Applies a function to each head; notes and returns the events."""
        noted = []
        for name, decision in self._decisions.items():
            events = act(name, decision)
            self._recent[name].extend(events)
            noted += events
        self._gestures += sum(event.kind == "start" for event in noted)
        return noted

    def _note_scores(self):
        """Keeps the scores, which a decision forgets when its stream ends."""
        self._scores = {
            name: Scores(decision.labels, decision.scores)
            for name, decision in self._decisions.items()
        }
