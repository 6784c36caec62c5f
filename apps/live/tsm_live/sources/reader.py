"""Reader: reads a source in a thread, so that no source delays another."""

import collections
import threading

from tsm_live.artifact.preprocessing import check_frame
from tsm_live.sources.source import Source, SourceError, TimedFrame

_AHEAD = 4  # The number of frames of a file that are decoded ahead.
_RATE_FRAMES = 30  # The frame rate is measured over so many frames.


class Reader:
    """Reads a source in a thread and holds its latest frames.

    For a live source it holds only the latest frame; an older one is dropped
    and counted. Any other source is read a few frames ahead, and no frame is
    dropped.

    Args:
        source: The source, which is closed when the thread ends.
        arrived: An event that is set when a frame arrives or the source ends.

    Attributes:
        source: The source.
        dropped: The number of frames that were dropped.
        error: The error that ended the reading, or None.
    """

    def __init__(self, source: Source, arrived: threading.Event):
        self.source = source
        self.dropped = 0
        self.error: Exception | None = None
        self._arrived = arrived
        self._frames: collections.deque[TimedFrame] = collections.deque()
        self._times: collections.deque[float] = collections.deque(
            maxlen=_RATE_FRAMES
        )
        self._has_room = threading.Condition()
        self._is_reading = True
        # A daemon, so that a device that hangs does not keep the process alive.
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    @property
    def ended(self) -> bool:
        """True if all frames have been polled and no more will arrive."""
        return not self._is_reading and not self._frames

    @property
    def fps(self) -> float:
        """The frames per second, measured if the source does not know them.

        It is 0 until two frames have been measured.
        """
        if self.source.fps:
            return self.source.fps
        times = tuple(self._times)
        if len(times) < 2 or times[-1] <= times[0]:
            return 0.0
        return (len(times) - 1) / (times[-1] - times[0])

    def peek(self) -> TimedFrame | None:
        """Returns the frame that `poll` would return, without taking it."""
        with self._has_room:
            return self._frames[0] if self._frames else None

    def poll(self) -> TimedFrame | None:
        """Returns the next frame, or None if none has arrived."""
        with self._has_room:
            if not self._frames:
                return None
            self._has_room.notify()
            return self._frames.popleft()

    def stop(self, timeout: float = 1.0) -> bool:
        """Stops reading; returns whether the thread ended in time."""
        self.source.stop()
        with self._has_room:
            self._is_reading = False
            self._has_room.notify()
        self._thread.join(timeout)
        return not self._thread.is_alive()

    def _read(self):
        try:
            while self._is_reading:
                frame = self.source.read()
                if frame is None:
                    break
                self._check(frame)
                self._keep(frame)
                self._arrived.set()
        except Exception as error:  # `run_live` reports it.
            self.error = error
        finally:
            self._is_reading = False
            self.source.close()
            self._arrived.set()

    def _check(self, frame):
        # An error in the network would end all sources, which share it.
        try:
            check_frame(frame.image)
        except ValueError as error:
            raise SourceError(
                f"A frame of {self.source.name} cannot be used: {error}"
            ) from error

    def _keep(self, frame):
        with self._has_room:
            self._times.append(frame.time)
            if self.source.is_live:
                self.dropped += len(self._frames)
                self._frames.clear()
            while len(self._frames) >= _AHEAD and self._is_reading:
                self._has_room.wait()
            self._frames.append(frame)
