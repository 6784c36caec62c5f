"""PictureConverter: converts decoded frames to upright RGB pictures."""

import itertools
from typing import Any

import av
import numpy as np

# A larger aspect of a pixel is an error in the header of the file.
_MAX_PIXEL_ASPECT = 5

# One thread, as files are read in parallel.
_SCALING = "flags=bicubic:threads=1"


class PictureConverter:
    """Converts the frames of one video to RGB with FFmpeg's own filters.

    A picture is rotated and mirrored as its display matrix says, and its
    shorter side is enlarged until pixels are square. The colour matrix and the
    range are those of the frame's tags (without tags: BT.601 and limited
    range). No transfer function is applied and no gamut is mapped, neither for
    HDR (HLG, PQ) nor for Display P3. The result equals that of
    `ffmpeg -pix_fmt rgb24` with every version of PyAV, unlike that of
    `VideoFrame.to_ndarray`.

    Args:
        stream: The video stream, which holds the aspect of a pixel.
    """

    def __init__(self, stream: av.VideoStream):
        self._aspect = stream.sample_aspect_ratio or 1
        self._kind: tuple | None = None

    def convert(self, frame: av.VideoFrame) -> np.ndarray:
        """Returns a frame as `[H, W, 3]` uint8 RGB."""
        matrix: Any = frame.side_data.get("DISPLAYMATRIX")
        kind = (
            *(frame.width, frame.height, frame.format.name),
            *(frame.colorspace, frame.color_range),
            None if matrix is None else bytes(matrix),
        )
        if kind != self._kind:  # Some streams change their format midway.
            self._build(frame, matrix)
            self._kind = kind
        self._source.push(frame)
        return self._sink.pull().to_ndarray()

    def _build(self, frame, matrix):
        width, height, aspect = frame.width, frame.height, self._aspect
        if not 1 / _MAX_PIXEL_ASPECT <= aspect <= _MAX_PIXEL_ASPECT:
            aspect = 1
        turns = _turns(matrix)
        if "transpose" in turns:
            width, height, aspect = height, width, 1 / aspect
        width, height = (
            round(width * max(aspect, 1)),
            round(height / min(aspect, 1)),
        )
        # The filters hold no reference to the graph that they need.
        self._graph = av.filter.Graph()
        self._source = self._graph.add_buffer(
            width=frame.width,
            height=frame.height,
            format=frame.format.name,
            time_base=frame.time_base,
        )
        self._sink = self._graph.add("buffersink")
        chain = [
            self._source,
            *(self._graph.add(turn) for turn in turns),
            self._graph.add("scale", f"w={width}:h={height}:{_SCALING}"),
            self._graph.add("format", "rgb24"),
            self._sink,
        ]
        for before, after in itertools.pairwise(chain):
            before.link_to(after)
        self._graph.configure()


def _turns(matrix):
    """Returns the filters that rotate and mirror as a display matrix says.

    The matrix shows a stored pixel (x, y) at (a x + c y, b x + d y). Each of
    the eight orientations is an optional transposition, followed by optional
    mirroring along each axis.
    """
    if matrix is None:
        return []
    a, b, _, c, d, *_ = np.frombuffer(matrix, np.int32).tolist()
    is_transposed = abs(b) + abs(c) > abs(a) + abs(d)
    x, y = (c, b) if is_transposed else (a, d)
    steps = [("transpose", is_transposed), ("hflip", x < 0), ("vflip", y < 0)]
    return [name for name, is_needed in steps if is_needed]
