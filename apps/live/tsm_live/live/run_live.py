"""run_live: runs sources through a network to views and events."""

import dataclasses
import itertools
import threading
import time
from collections.abc import Callable, Sequence
from typing import Any

from tsm_live.artifact.spec import ArtifactSpec
from tsm_live.decision.decision import Decision
from tsm_live.decision.open_decision import Rules, open_decision
from tsm_live.decision.pacing import FramePacer, Step
from tsm_live.decision.scene_cut import SceneCut
from tsm_live.live.live_state import Command, View
from tsm_live.live.source_sessions import SourceSessions
from tsm_live.live.stream import Stream, Summary
from tsm_live.sources.reader import Reader
from tsm_live.sources.source import Source, SourceError

_PATIENCE = 0.02  # Seconds between checks of views and signals.
_LONGEST_WAIT = 1.0  # Seconds for which a watched file may stand still.


@dataclasses.dataclass(frozen=True)
class LiveConfig:
    """Options of a live run.

    Attributes:
        decision: The rules by which gestures start and end: for all heads, or
            for each head that decides, by its name. For a detector, a
            `TrackConfig`. None for those of the artifact.
        max_gap: Seconds without a frame after which the network starts anew;
            by default 1, or 3 frame intervals if that is longer. inf means
            never.
        restart_on_cut: Start the network anew when the scene changes.
        real_time: Whether files are played at their own frame rate and not as
            fast as possible.
    """

    decision: Rules | None = None
    max_gap: float | None = None
    restart_on_cut: bool = False
    real_time: bool = False

    def stages(self, spec: ArtifactSpec) -> tuple[FramePacer, Decision]:
        """Returns the pacer and the decision for a source.

        Raises:
            ValueError: If `max_gap` is not more than the artifact's frame
                interval, or `decision` does not fit the artifact.
        """
        pacer = FramePacer(spec.frame_interval, max_gap=self.max_gap)
        return pacer, open_decision(spec, self.decision)


def run_live(
    sources: Sequence[Source],
    sessions: SourceSessions,
    views: Sequence[Sequence[View]],
    config: LiveConfig = LiveConfig(),
    *,
    on_event: Callable[[str, Any], None] = lambda source, event: None,
    wants_end: Callable[[], bool] = lambda: False,
) -> tuple[list[Summary], list[SourceError]]:
    """Runs until the sources end, a view asks to quit or `wants_end` is true.

    Each source is read in a thread of its own. The frames that have arrived go
    through the network together, so that no source waits for another.

    Args:
        sources: The sources, which are closed at the end.
        sessions: Sessions with one stream per source.
        views: The views of each source. They show all frames that are not
            dropped, each when its scores are known.
        config: Options of the run.
        on_event: A function that gets the title of a source and each event, a
            `GestureEvent` or, for a detector, an `ObjectEvent`.
        wants_end: A function that is called repeatedly. The run ends when it
            returns true.

    Returns:
        A summary of each source, and the errors of the sources that failed.
    """
    run = _Run(sources, sessions, views, config, on_event)
    try:
        while not (wants_end() or run.ended):
            run.turn()
            run.poll_views()
        run.finish()
    finally:
        run.end()
    errors = []
    for stream in run.streams:
        error = stream.reader.error
        if isinstance(error, SourceError):
            errors.append(error)
        elif error is not None:
            raise error
    return [stream.summary() for stream in run.streams], errors


class _Run:
    def __init__(self, sources, sessions, views, config, on_event):
        self._sessions = sessions
        self._views = views
        self._on_event = on_event
        self._real_time = config.real_time
        self._arrived = threading.Event()
        self._is_paused = self._has_quit = False
        self.streams = [
            Stream(
                Reader(source, self._arrived),
                sessions.accelerator,
                *config.stages(sessions.spec),
                SceneCut() if config.restart_on_cut else None,
            )
            for source in sources
        ]
        # When each file showed its last frame: on the clock and in the file.
        self._show_at = [(0.0, 0.0)] * len(self.streams)

    @property
    def ended(self):
        return self._has_quit or all(s.reader.ended for s in self.streams)

    def poll_views(self):
        for view in itertools.chain(*self._views):
            for command in view.poll():
                if command is Command.QUIT:
                    self._has_quit = True
                elif command is Command.PAUSE:
                    self._is_paused = not self._is_paused
                elif command is Command.RESET:
                    for number in range(len(self.streams)):
                        self._restart(number)

    def turn(self):
        """Takes the frames that have arrived, or waits briefly for one."""
        self._arrived.clear()
        frames = {
            number: frame
            for number in range(len(self.streams))
            if (frame := self._next_frame(number)) is not None
        }
        for number, stream in enumerate(self.streams):
            if number not in frames and stream.has_ended():
                self._end(number)
        if not frames:
            self._arrived.wait(_PATIENCE)
            return
        due = {}
        for number, frame in frames.items():
            step = self.streams[number].step(frame)
            if step is Step.RESTART:
                self._restart(number)
            if step is not Step.SKIP:
                due[number] = frame.image
        predictions = self._sessions.step(due) if due else {}
        for number, frame in frames.items():
            self.streams[number].advance(frame, number in due)
            self._pass_by(number)
            if number in predictions:
                self._answer(number, predictions[number])

    def finish(self):
        """Takes the predictions that the network still owes."""
        for number, stream in enumerate(self.streams):
            if stream.is_waiting:
                self._finish(number)

    def end(self):
        for stream in self.streams:
            stream.reader.source.stop()  # All sources stop at the same time.
        for stream in self.streams:
            stream.reader.stop()
            self._tell(stream, stream.end())

    def _next_frame(self, number):
        reader = self.streams[number].reader
        if reader.source.is_live:
            frame = reader.poll()
            return None if self._is_paused else frame
        if self._is_paused:
            return None
        frame = reader.peek()
        if frame is None or (
            self._real_time and not self._is_time(number, frame.time)
        ):
            return None
        return reader.poll()

    def _is_time(self, number, frame_time):
        """Returns whether the next frame of a file is due."""
        shown_at, last = self._show_at[number]
        wait = min(max(0.0, frame_time - last), _LONGEST_WAIT)
        now = time.monotonic()
        if now < shown_at + wait:
            return False
        # A file that is very late does not catch up afterwards.
        on_time = now < shown_at + wait + _LONGEST_WAIT
        self._show_at[number] = (
            shown_at + wait if on_time else now,
            frame_time,
        )
        return True

    def _end(self, number):
        """Ends the stream of a source that has ended or is silent."""
        stream = self.streams[number]
        if stream.is_waiting:
            self._finish(number)
        events = stream.end()
        self._tell(stream, events)
        if events and stream.reader.source.is_live:
            self._show(number)  # Views would otherwise wait for a new frame.

    def _restart(self, number):
        self._finish(number)
        self._tell(self.streams[number], self.streams[number].restart())

    def _finish(self, number):
        """Sets the caches to zero, after the predictions that are due."""
        for prediction in self._sessions.finish(number):
            self._answer(number, prediction)

    def _answer(self, number, prediction):
        """Tells and shows the prediction of a frame."""
        stream = self.streams[number]
        self._tell(stream, stream.answer(prediction))
        self._show(number)
        self._pass_by(number)

    def _pass_by(self, number):
        """Shows frames without a prediction, up to the next one that waits."""
        while self.streams[number].pass_by():
            self._show(number)

    def _show(self, number):
        state = self.streams[number].state()
        for view in self._views[number]:
            view.show(state)

    def _tell(self, stream, events):
        for event in events:
            self._on_event(stream.reader.source.name, event)
