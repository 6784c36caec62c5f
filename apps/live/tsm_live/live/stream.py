"""Stream: the pacing, decision and counters of one source of a live run."""

import collections
import dataclasses
import math
import time
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from tsm_live.decision.decision import Decision, Event
from tsm_live.decision.pacing import FramePacer, Step
from tsm_live.decision.scene_cut import SceneCut
from tsm_live.live.live_state import LiveState
from tsm_live.sessions.prediction import Scores, of_only_head
from tsm_live.sources.reader import Reader
from tsm_live.sources.source import TimedFrame


@dataclasses.dataclass(frozen=True)
class Summary:
    """A summary of one source of a run.

    If one head decides, then `label` is its most probable class at the end, and
    `score` the averaged score of this class.

    Attributes:
        source: The title of the source.
        found: What was found, in words.
        heads: The averaged scores of each head at the end, by its name; empty
            for a detector.
        frames: The number of frames that were shown.
        processed: The number of frames that the network saw.
        dropped: The number of frames that were dropped because a newer frame
            had arrived.
        resets: The number of times that the caches were set to zero.
        latency: The mean seconds per step of the network.
        gestures: The number of gestures that started.
        objects: The number of objects of a detector that appeared.
    """

    source: str
    found: str
    heads: Mapping[str, Scores]
    frames: int
    processed: int
    dropped: int
    resets: int
    latency: float
    gestures: int = 0
    objects: int = 0

    label = of_only_head("label")
    score = of_only_head("score")

    def __str__(self) -> str:
        return (
            f"{self.source}: {self.found}; {self.processed} of {self.frames} "
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
        decision: Turns predictions into events.
        scene_cut: Finds the scene cuts at which the network starts anew; None
            to ignore cuts.
    """

    def __init__(
        self,
        reader: Reader,
        accelerator: str,
        pacer: FramePacer,
        decision: Decision,
        scene_cut: SceneCut | None,
    ):
        self.reader = reader
        self._accelerator = accelerator
        self._pacer = pacer
        self._decision = decision
        self._scene_cut = scene_cut
        self._frames = self._processed = self._resets = 0
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

    def restart(self) -> Sequence[Event]:
        """Notes that the caches were set to zero, and ends what goes on."""
        self._resets += 1
        return self._decision.end(-math.inf)

    def advance(self, frame: TimedFrame, is_taken: bool) -> None:
        """Notes the next frame, and whether the network takes it."""
        self._last, self._arrived_at = frame, time.monotonic()
        self._waiting.append((frame, is_taken))
        self._frames += 1
        self._processed += is_taken

    def answer(self, prediction: Any) -> Sequence[Event]:
        """Takes the prediction for the first of the frames that wait for one.

        The state is then that of this frame.
        """
        self._shown, _ = self._waiting.popleft()
        self._answers += 1
        self._latency = prediction.latency
        self._total_latency += prediction.latency
        return self._decision.update(self._shown.time, prediction)

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

        What goes on, or a frame that waits for its prediction, must then end.
        Only a live source can be silent.
        """
        if not (self.is_waiting or self._decision.is_active):
            return False
        silence = time.monotonic() - self._arrived_at
        is_silent = self.reader.source.is_live and (
            silence > self._pacer.longest_silence
        )
        return self.reader.ended or is_silent

    def end(self) -> Sequence[Event]:
        """Ends what goes on: a gesture, or the presence of objects.

        It ends now for a live source, and for any other at the last frame.
        """
        if self.reader.source.is_live and self._frames:
            silence = time.monotonic() - self._arrived_at
            self._last = self._last._replace(time=self._last.time + silence)
            self._arrived_at += silence
        self._shown = self._last
        return self._decision.end(self._last.time)

    def state(self) -> LiveState:
        """Returns the state at the last frame whose scores are known."""
        return LiveState(
            source=self.reader.source.name,
            frame=self._shown.image,
            time=self._shown.time,
            latency=self._latency,
            fps=self.reader.fps,
            accelerator=self._accelerator,
            processed=self._processed,
            dropped=self.reader.dropped,
            resets=self._resets,
            is_live=self.reader.source.is_live,
            is_webcam=self.reader.source.is_webcam,
            **self._decision.state(),
        )

    def summary(self) -> Summary:
        """Returns the summary of the source so far."""
        return Summary(
            source=self.reader.source.name,
            frames=self._frames,
            processed=self._processed,
            dropped=self.reader.dropped,
            resets=self._resets,
            latency=self._total_latency / max(1, self._answers),
            **self._decision.summary(),
        )
