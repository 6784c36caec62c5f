"""write_video: encodes frames as an MP4 file, with PyAV."""

import fractions
import os
from collections.abc import Iterable

import av
import numpy as np

from tsm_keras.atomic_file import atomic_file


def write_video(
    path: str | os.PathLike,
    frames: Iterable[np.ndarray],
    *,
    fps: float,
    quality: int = 20,
    intra_only: bool = False,
) -> None:
    """Writes an MP4 file, in H.264 if PyAV has the encoder, else in MPEG-4.

    The file appears under its name only when it is complete.

    Args:
        path: The file to write.
        frames: `[H, W, 3]` uint8 RGB frames; H and W are even.
        fps: Frames per second.
        quality: The quantizer of H.264, from 0 (lossless) to 51.
        intra_only: Whether to encode each frame by itself and with the same
            quantizer, so that compression artifacts do not reveal the order of
            the frames.
    """
    with (
        atomic_file(path) as temporary,
        av.open(str(temporary), "w", format="mp4") as container,
    ):
        stream = None
        for array in frames:
            if stream is None:
                stream = _add_stream(
                    container, array.shape, fps, quality, intra_only
                )
            frame = av.VideoFrame.from_ndarray(array, format="rgb24")
            container.mux(stream.encode(frame))
        if stream is None:
            raise ValueError("`frames` must hold a frame. Received: none")
        container.mux(stream.encode())


def _add_stream(container, shape, fps, quality, intra_only):
    codec = "libx264" if "libx264" in av.codecs_available else "mpeg4"
    # Millihertz: MPEG-4 refuses a time base finer than 1/65535.
    rate = fractions.Fraction(fps).limit_denominator(1000)
    stream = container.add_stream(codec, rate=rate)
    stream.height, stream.width = shape[:2]
    stream.pix_fmt = "yuv420p"
    if codec == "libx264":
        options = {"qp": str(quality), "preset": "veryfast"}
        if intra_only:
            # Lookahead and the adaptive quantizer make frames depend on others.
            options |= {"x264-params": "keyint=1:scenecut=0:aq-mode=0"}
        stream.options = options
    else:
        stream.options = {"qmin": "3", "qmax": "3"}
    if intra_only:
        stream.gop_size = 1
        stream.max_b_frames = 0
    stream.thread_count = 1  # Files are written in parallel.
    return stream
