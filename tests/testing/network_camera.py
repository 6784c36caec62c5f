"""A camera on the loopback that stalls, hangs up and comes back."""

import contextlib
import fractions
import io
import socket
import threading

import av
import numpy as np

from testing import rtsp

FPS = 30
FIRST_BURST = 20  # The frames that FFmpeg needs to open a stream.


def transport_stream(frames):
    """Encodes frames as MPEG-TS; returns one chunk per frame.

    Args:
        frames: `[T, H, W, 3]` uint8 RGB.
    """
    content = io.BytesIO()
    chunks = []
    with av.open(content, "w", format="mpegts") as container:
        stream = container.add_stream("mpeg2video", rate=FPS)
        stream.height, stream.width = frames[0].shape[:2]
        stream.pix_fmt = "yuv420p"
        stream.gop_size = 5
        stream.codec_context.time_base = fractions.Fraction(1, FPS)
        for number, image in enumerate(frames):
            frame = av.VideoFrame.from_ndarray(image, format="rgb24")
            frame.pts = number
            for packet in stream.encode(frame):
                container.mux(packet)
            chunks.append(content.getvalue())
    ends = [len(chunk) for chunk in chunks]
    whole = content.getvalue()
    starts = [0, *ends[:-1]]
    return [whole[a:b] for a, b in zip(starts, ends, strict=True)]


class NetworkCamera:
    """Serves one connection after another, each in a given way.

    A connection gets a number of frames at the rate of a camera, the first few
    at once. Then it gets nothing more ("stall") or is closed ("hang up"). After
    the last connection, the port is closed.

    Args:
        connections: One pair per connection: the number of frames, and
            "stall" or "hang up".
        scheme: `"tcp"` (MPEG-TS without a protocol), `"http"` or `"rtsp"`.
        credentials: `user:password` that an RTSP client must have.

    Attributes:
        address: The address of the camera, without credentials.
        asked: The requests of clients: lines of HTTP, or addresses of RTSP.
        served: The number of connections so far.
    """

    def __init__(self, connections, scheme="tcp", *, credentials=None):
        self._is_rtsp, self._is_http = scheme == "rtsp", scheme == "http"
        self._credentials = credentials
        self.asked = []
        self._chunks = transport_stream(_pictures(240, (48, 64)))
        if self._is_rtsp:
            self._chunks = list(rtsp.packets(self._chunks, FPS))
        self._connections = connections
        self._closed = threading.Event()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.address = f"{scheme}://127.0.0.1:{self._listener.getsockname()[1]}"
        self.served = 0
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self._closed.set()
        self._listener.close()
        self._thread.join(5)

    def _serve(self):
        held = []  # A connection that stalls stays open.
        for frames, then in self._connections:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            self.served += 1
            held.append(connection)
            with contextlib.suppress(OSError):  # The other side hung up.
                self._send(connection, frames)
            if then == "hang up":
                connection.close()
        self._listener.close()
        self._closed.wait()
        for connection in held:
            connection.close()

    def _send(self, connection, frames):
        if self._is_rtsp:
            self.asked += rtsp.greet(connection, self._credentials)
        if self._is_http:
            with connection.makefile("rb") as reader:
                while line := reader.readline().decode().strip():
                    self.asked.append(line)
            connection.sendall(
                b"HTTP/1.0 200 OK\r\nContent-Type: video/mp2t\r\n\r\n"
            )
        for number, chunk in enumerate(self._chunks[:frames]):
            if number >= FIRST_BURST and self._closed.wait(1 / FPS):
                return
            connection.sendall(chunk)


def _pictures(count, size):
    rng = np.random.default_rng(0)
    pictures = rng.integers(0, 256, (count, 3, 4, 3), np.uint8)
    height, width = size
    return pictures.repeat(height // 3, axis=1).repeat(width // 4, axis=2)
