"""Writes videos with many kinds of problems; each frame shows its number."""

import struct
from fractions import Fraction

import av
import numpy as np

RATE = 30
_X264 = {"qp": "5", "preset": "veryfast"}


def numbered_frames(count, height=48, width=64):
    """Returns `[count, H, W, 3]` uint8 RGB frames, smooth and all different."""
    rng = np.random.default_rng(0)
    blocks = rng.integers(0, 256, (count, 3, 4, 3), np.uint8)
    return blocks.repeat(-(-height // 3), 1).repeat(-(-width // 4), 2)[
        :, :height, :width
    ]


def write(
    path,
    frames,
    *,
    codec="libx264",
    pixel_format="yuv420p",
    options=_X264,
    container_options=None,
    first_stamp=0,
    last_lasts=1,
    audio_seconds=0.0,
    tags=None,
    change=lambda packets: packets,
):
    """Writes a video of `frames` at `RATE` frames per second.

    Args:
        path: The file to write; its suffix selects the container.
        frames: `[H, W, 3]` uint8 RGB frames, or frames of PyAV in
            `pixel_format`.
        codec: The name of the encoder.
        pixel_format: The pixel format of the video.
        options: The options of the encoder.
        container_options: The options of the container.
        first_stamp: The number of frame intervals before the first frame.
        last_lasts: The number of frame intervals that the last frame is shown
            for.
        audio_seconds: The length of a silent audio track, in seconds.
        tags: Attributes of the encoder, such as `colorspace`.
        change: A function that changes the list of video packets.
    """
    with av.open(str(path), "w", options=container_options or {}) as container:
        stream = container.add_stream(codec, rate=RATE, options=dict(options))
        if isinstance(frames[0], np.ndarray):
            stream.height, stream.width = frames[0].shape[:2]
        else:
            stream.height, stream.width = frames[0].height, frames[0].width
        stream.pix_fmt = pixel_format
        for name, value in (tags or {}).items():
            setattr(stream.codec_context, name, value)
        audio = None
        if audio_seconds:
            name = "libopus" if str(path).endswith("webm") else "aac"
            audio = container.add_stream(name, rate=48_000)
        packets = change(encode(stream, frames, first_stamp))
        last = max(packets, key=lambda packet: packet.pts)
        for packet in (last, packets[-1]):
            packet.duration = round(last_lasts / RATE / packet.time_base)
        if audio is not None:
            packets += silence(audio, audio_seconds)
        packets.sort(key=lambda packet: packet.dts * packet.time_base)
        container.mux(packets)


def encode(stream, frames, first_stamp=0):
    """Returns the encoded packets of frames."""
    packets = []
    for number, array in enumerate(frames):
        frame = array
        if isinstance(array, np.ndarray):
            frame = av.VideoFrame.from_ndarray(
                np.ascontiguousarray(array), format="rgb24"
            )
        frame.pts, frame.time_base = number + first_stamp, Fraction(1, RATE)
        packets += stream.encode(frame)
    return packets + stream.encode()


def silence(stream, seconds):
    """Returns encoded packets of silence."""
    size = 960
    packets = []
    for number in range(round(seconds * 48_000 / size)):
        frame = av.AudioFrame.from_ndarray(
            np.zeros((2, size), np.float32), format="fltp", layout="stereo"
        )
        frame.sample_rate = 48_000
        frame.pts, frame.time_base = number * size, Fraction(1, 48_000)
        packets += stream.encode(frame)
    return packets + stream.encode()


def with_display_matrix(content, a, b, c, d):
    """Returns an MP4 file that shows pixel (x, y) at (a x + c y, b x + d y)."""
    start = content.index(b"tkhd") + 4 + 40
    one = 1 << 16
    matrix = struct.pack(
        ">9i", a * one, b * one, 0, c * one, d * one, 0, 0, 0, 1 << 30
    )
    return content[:start] + matrix + content[start + len(matrix) :]
