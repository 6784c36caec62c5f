"""FramePacer: which frames the network sees, and when it starts anew."""

import enum
import math


class Step(enum.Enum):
    """What to do with a frame."""

    SKIP = "skip"  # The network is not due yet.
    TAKE = "take"
    RESTART = "restart"  # Take it with zero caches: it follows no other frame.


class FramePacer:
    """Feeds a network at the interval it was trained for, by timestamps.

    Whatever the rate of a source, the frames nearest to a grid of `interval`
    are taken. Where frames come more rarely than the grid, each is taken and
    the grid starts again: missed frames are never made up for.

    Args:
        interval: Seconds between frames that the network was trained for; 0
            to take every frame.
        max_gap: The network starts anew after a longer time than this between
            two frames, in seconds. None means 1 second or three intervals,
            whichever is longer; infinity means never. The network also starts
            anew wherever time goes back.

    Attributes:
        longest_silence: Seconds without a frame after which the gesture of a
            live source ends: `max_gap`, or its default where it is infinite.

    Raises:
        ValueError: If a number is out of its range.
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
        # The next frame is expected as long after this one as this one came
        # after the last. The one that is nearer to the grid is taken.
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
