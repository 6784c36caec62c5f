"""FramePacer: chooses the frames for the network, and when to reset it."""

import enum
import math


class Step(enum.Enum):
    """Says whether the network takes a frame."""

    SKIP = "skip"
    TAKE = "take"
    RESTART = "restart"  # Set the caches to zero, then take the frame.


class FramePacer:
    """Picks frames by their timestamps, at the interval used in training.

    The pacer takes the frames that are nearest to a grid of `interval`. If
    frames come less often than that, it takes each of them and the grid starts
    again there.

    Args:
        interval: The seconds between two frames in training; 0 takes every
            frame.
        max_gap: The network starts anew when more seconds than this pass
            between two frames. None means 1 second or three intervals,
            whichever is longer; infinity means never. The network also starts
            anew whenever time goes back.

    Attributes:
        longest_silence: The seconds without a frame after which the gesture of
            a live source ends: `max_gap`, or its default if it is infinite.

    Raises:
        ValueError: If a number is out of range.
    """

    def __init__(self, interval: float, *, max_gap: float | None = None):
        if not (math.isfinite(interval) and interval >= 0):
            raise ValueError(
                "`interval` must be a finite number of seconds, 0 or more. "
                f"Received: interval={interval}"
            )
        usual = max(1.0, 3 * interval)
        max_gap = usual if max_gap is None else max_gap
        if not max_gap > interval:
            raise ValueError(
                "`max_gap` must be seconds, more than the model's frame "
                f"interval of {interval}. Received: max_gap={max_gap}"
            )
        self._interval = interval
        self._max_gap = max_gap
        self.longest_silence = max_gap if math.isfinite(max_gap) else usual
        self.restart()

    def restart(self) -> None:
        """Treats the next frame as the first one of a stream."""
        self._last = self._due = None

    def step(self, time: float) -> Step:
        """Says what to do with the next frame of the stream.

        Args:
            time: The time of the frame, in seconds.
        """
        if self._last is None:
            return self._begin(time, Step.TAKE)
        passed = time - self._last
        if passed < 0 or passed > self._max_gap:
            return self._begin(time, Step.RESTART)
        self._last = time
        # The next frame is expected at `time + passed`. Skip this one if the
        # next one will be nearer to the grid.
        if time + passed / 2 < self._due:
            return Step.SKIP
        self._due += self._interval
        if self._due <= time:
            self._due = time + self._interval
        return Step.TAKE

    def _begin(self, time, step):
        self._last = time
        self._due = time + self._interval
        return step
