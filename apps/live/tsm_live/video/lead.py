"""Lead: finds packets that refer to frames before the start of a cut video."""

import av

# In H.264 and HEVC a frame refers to one of at most this many frames.
_MAX_REFERENCES = 16


class Lead:
    """Decides which packets at the beginning may fail to decode.

    A stream that was cut without encoding it again may begin with packets that
    refer to frames before the cut. These are the packets before the first key
    frame, the packets that follow it in the file but are shown before it (an
    open group of pictures), and a few packets after those.
    """

    def __init__(self):
        self._key_stamp: int | None = None
        self._count = 0  # Packets since the key frame.
        self._is_open = False
        self._is_over = False

    def may_fail(self, packet: av.Packet) -> bool:
        """Returns whether the next packet of the stream may fail to decode."""
        if self._is_over:
            return False
        if packet.is_keyframe or packet.pts is None:
            self._is_over = self._key_stamp is not None or packet.pts is None
            self._key_stamp = packet.pts
            return False
        if self._key_stamp is not None:
            self._count += 1
            self._is_open |= packet.pts < self._key_stamp
            self._is_over = not self._is_open or self._count > _MAX_REFERENCES
        return not self._is_over

    def holds(self, frame: av.VideoFrame) -> bool:
        """Returns whether a frame is shown before the first key frame."""
        return self._key_stamp is None or (
            frame.pts is not None and frame.pts < self._key_stamp
        )
