"""FramePacer: which frames the network sees, and when it starts anew."""

import enum
import math


class Step(enum.Enum):
    """What to do with a frame."""

    SKIP = "skip"  # The network is not due yet.
    TAKE = "take"
    RESTART = "restart"  # From zero caches: this frame does not follow.


class FramePacer:
    """Feeds a network at the interval it was trained for, by timestamps.

    Whatever the rate of a source, of its frames those nearest to a grid of
    `interval` are taken. Where frames come too rarely for the grid each is
    taken, and the grid starts anew: none is ever made up for.

    Args:
        interval: Seconds between frames that the network was trained for; 0
            to take each frame.
        max_gap: After more seconds than this between two frames, the network
            starts anew; None for 1 second or three intervals, whichever is
            longer. Infinite for never. Where time goes back it always does.

    Raises:
        ValueError: If a number is out of its range.
    """

    def __init__(
        self,
        interval: float,
        *,
        max_gap: float | None = None,
    ):
        if not (math.isfinite(interval) and interval >= 0):
            raise ValueError(
                "`interval` must be seconds, 0 or more. Received: "
                f"interval={interval}"
            )
        max_gap = max(1.0, 3 * interval) if max_gap is None else max_gap
        if not max_gap > interval:
            raise ValueError(
                "`max_gap` must be seconds, more than the model's frame "
                f"interval of {interval}. Received: max_gap={max_gap}"
            )
        self._interval = interval
        self._max_gap = max_gap
        self.restart()

    def restart(self) -> None:
        """Makes the next frame a first one."""
        self._last = self._due = None

    def step(self, time: float) -> Step:
        """Says what to do with the next frame of the stream.

        Args:
            time: Of the frame, in seconds.
        """
        if self._last is None:
            return self._begin(time, Step.TAKE)
        passed = time - self._last
        if passed < 0 or passed > self._max_gap:
            return self._begin(time, Step.RESTART)
        self._last = time
        # The next frame comes, as far as one can tell, as long after this one
        # as this one came after the last: the nearer of the two is taken.
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
