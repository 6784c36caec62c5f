"""Video: decodes a video file into frames with exact times."""

import os
from collections.abc import Iterator
from fractions import Fraction

import av
import numpy as np

from tsm_live.video.lead import Lead
from tsm_live.video.picture import PictureConverter
from tsm_live.video.video_error import VideoError

_REPAIR = "Repair or remove the file."
_URL_TIMEOUT = 30.0  # Seconds.


class Video:
    """Decodes the first video stream of a file.

    Times are exact fractions of seconds since the beginning of the file.
    Rounded times would lose frames.

    Args:
        path: The path or the `http(s)://` address of the file.
        is_strict: Whether damage is an error. Otherwise FFmpeg conceals or
            leaves out damaged frames.
        threads: The number of threads of the decoder; 0 for one per processor.
            One is best if many files are read in parallel.

    Attributes:
        errors: The number of packets that could not be decoded, without those
            that refer to frames before the beginning of the file.

    Raises:
        VideoError: If the file cannot be opened or has no video stream.
    """

    def __init__(
        self,
        path: str | os.PathLike,
        *,
        is_strict: bool = True,
        threads: int = 1,
    ):
        self._path = os.fspath(path)
        self._is_strict = is_strict
        self._threads = threads
        self._open()

    def _open(self):
        self.errors = 0
        is_url = "://" in self._path
        # Opening a pipe would wait for its writer.
        if os.path.exists(self._path) and not os.path.isfile(self._path):
            raise VideoError(self._path, "it is not a regular file")
        try:
            self._container = av.open(
                self._path,
                metadata_errors="replace",
                timeout=_URL_TIMEOUT if is_url else None,
            )
        except (av.FFmpegError, OSError) as error:
            raise self._error(error) from error
        try:
            self._stream = stream = self._video_stream()
        except VideoError:
            self._container.close()
            raise
        stream.thread_count = self._threads
        if self._threads != 1:
            stream.thread_type = "AUTO"
        if self._is_strict:
            stream.codec_context.options = {"err_detect": "explode"}
        # AVI stores numbers of frames, from which FFmpeg guesses times (pts).
        self._is_avi = self._container.format.name == "avi"
        self._begin = self._beginning()
        self._interval = 1 / self.rate
        self._converter = PictureConverter(stream)
        # The ends, in seconds, of the video and of all streams as read so far.
        self._video_end = self._end = Fraction(0)
        self._count = 0  # Frames that were read.

    def __enter__(self) -> "Video":
        return self

    def __exit__(self, *_) -> None:
        self.close()

    def close(self) -> None:
        """Closes the file."""
        self._container.close()

    def rewind(self) -> None:
        """Goes back to the beginning by opening the file again."""
        self.close()
        self._open()

    @property
    def rate(self) -> Fraction:
        """The frames per second that the file states, or 25."""
        stream = self._stream
        return Fraction(stream.average_rate or stream.guessed_rate or 25)

    def convert(self, frame: av.VideoFrame) -> np.ndarray:
        """Returns a frame as `[H, W, 3]` uint8 RGB; see `PictureConverter`."""
        return self._converter.convert(frame)

    def seek(self, stamp: int) -> None:
        """Goes to the key frame at or before a time stamp of the stream."""
        try:
            self._container.seek(stamp, stream=self._stream)
        except (av.FFmpegError, OSError) as error:
            raise self._error(error) from error

    def seek_time(self, seconds: float) -> None:
        """Goes to the key frame at or before a time."""
        time = Fraction(seconds) + self._begin
        self.seek(int(time / self._stream.time_base))

    def timed_frames(self) -> Iterator[tuple[Fraction, av.VideoFrame]]:
        """Yields frames with ascending times until the end of the file.

        Raises:
            VideoError: If `is_strict` and the file is damaged or breaks off.
        """
        time, self._count = Fraction(0), 0
        for frame in self.frames():
            stamp = frame.dts if self._is_avi else frame.pts
            if stamp is None:
                now = time + self._interval if self._count else time
            else:
                now = stamp * self._stream.time_base - self._begin
                if self._count and now <= time:
                    now = time + self._interval
            time, self._count = now, self._count + 1
            yield time, frame
        if self._is_strict and (missing := self.missing_end()):
            found, claimed = missing
            reason = f"it ends after {found:.2f} of {claimed:.2f} seconds"
            raise VideoError(self._path, reason, _REPAIR)

    def frames(self) -> Iterator[av.VideoFrame]:
        """Yields decoded frames from the current position to the end.

        Frames that refer to frames before the position are left out.

        Raises:
            VideoError: If `is_strict` and the file is damaged.
        """
        lead, forgiven, count = Lead(), None, 0
        try:
            for packet in self._container.demux():
                self._note_end(packet)
                if packet.stream is not self._stream:
                    continue
                may_fail = lead.may_fail(packet)
                try:
                    decoded = packet.decode()
                except av.FFmpegError as error:
                    if packet.has_sidedata("encryption_info"):
                        raise self._encrypted() from error
                    if self._is_strict and not may_fail:
                        raise self._error(error) from error
                    self.errors += not may_fail
                    forgiven = forgiven or error
                    continue
                for frame in decoded:
                    if frame.is_corrupt and lead.holds(frame):
                        continue
                    if frame.is_corrupt and self._is_strict:
                        seconds = float((frame.time or 0) - self._begin)
                        reason = f"it is damaged at {seconds:.2f} seconds"
                        raise VideoError(self._path, reason, _REPAIR)
                    count += 1
                    yield frame
        except (av.FFmpegError, OSError) as error:
            if self._is_strict:
                raise self._error(error) from error
            self.errors += 1
        if forgiven and not count:
            raise self._error(forgiven) from forgiven

    def missing_end(self) -> tuple[float, float] | None:
        """Compares the end of the last frame with the length in the file.

        Call it after the last frame. It allows a few missing frames, because
        containers are often inexact, and a single frame, which may be a still.
        The length of the whole file, which sound or subtitles may fill, counts
        only if the video stream has no length of its own.

        Returns:
            The seconds that were read and those in the file, or None if
            nothing is missing.
        """
        found, stream = self._video_end, self._stream
        if self._is_avi:  # Its duration is only an estimate.
            claimed = stream.frames * self._interval
        elif stream.duration:
            start = (stream.start_time or 0) * stream.time_base - self._begin
            claimed = start + stream.duration * stream.time_base
        elif tag := _seconds(stream.metadata.get("DURATION", "")):
            claimed = tag - self._begin
        else:
            claimed = Fraction(self._container.duration or 0, av.time_base)
            found = self._end
        allowed = max(claimed / 20, 3 * self._interval)
        if self._count < 2 or claimed - found <= allowed:
            return None
        return float(found), float(claimed)

    def _video_stream(self):
        streams = self._container.streams
        for stream in streams.video:
            # An attached picture, such as cover art, is not a video.
            if stream.disposition & av.stream.Disposition.attached_pic:
                continue
            if "enc_key_id" in stream.metadata:
                raise self._encrypted()
            if stream.codec_context is None:
                reason = "there is no decoder for its video here"
                raise VideoError(self._path, reason)
            return stream
        sound = "only sound and " if streams.audio else ""
        raise VideoError(self._path, f"it has {sound}no video stream")

    def _beginning(self):
        """Returns the start of the file, not rounded to microseconds."""
        begin = Fraction(self._container.start_time or 0, av.time_base)
        if self._stream.start_time is not None:
            start = self._stream.start_time * self._stream.time_base
            if abs(start - begin) <= Fraction(1, av.time_base):
                return start
        return begin

    def _note_end(self, packet):
        if packet.pts is None:
            return
        end = (packet.pts + (packet.duration or 0)) * packet.time_base
        end -= self._begin
        self._end = max(self._end, end)
        if packet.stream is self._stream:
            self._video_end = max(self._video_end, end)

    def _encrypted(self):
        return VideoError(
            self._path,
            "it is encrypted",
            "Only a copy without encryption can be read.",
        )

    def _error(self, error):
        # FFmpeg's errors are OSErrors too, and repeat the path.
        reason = getattr(error, "strerror", None) or str(error)
        is_damage = isinstance(error, (av.InvalidDataError, av.EOFError))
        return VideoError(self._path, reason, _REPAIR if is_damage else "")


def _seconds(text):
    """Returns the seconds of Matroska's `HH:MM:SS.NNN`, or None."""
    try:
        hours, minutes, seconds = map(Fraction, text.split(":"))
    except ValueError:
        return None
    return (hours * 60 + minutes) * 60 + seconds
