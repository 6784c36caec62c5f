"""Pixels: encodes frames for a network."""

from collections.abc import Sequence

import cv2
import numpy as np

from tsm_live.artifact.preprocessing import check_frame, fit_frame
from tsm_live.artifact.quantization import quantize
from tsm_live.artifact.spec import ArtifactSpec

_COLORS = ("rgb", "bgr")


class Pixels:
    """Encodes pixels with a table of 256 values.

    Args:
        spec: The spec of an artifact.
    """

    def __init__(self, spec: ArtifactSpec):
        self._spec = spec
        self._encoding = quantize(np.arange(256), spec.frame)
        self._is_offset = bool((np.diff(self._encoding) == 1).all())

    def square(self, frame: np.ndarray, color: str) -> np.ndarray:
        """Resizes and crops a frame to `[S, S, 3]` RGB, a square.

        Raises:
            ValueError: If the frame is not valid, or the color is unknown.
        """
        if color not in _COLORS:
            raise ValueError(
                f"`color` must be one of {_COLORS}. Received: color={color!r}"
            )
        check_frame(frame)
        spec = self._spec
        square = fit_frame(frame, spec.resize_size, spec.image_size)
        # Converting the small square costs less than converting the frame.
        if color == "bgr":
            square = cv2.cvtColor(square, cv2.COLOR_BGR2RGB)
        return square

    def check_square(self, square: np.ndarray) -> None:
        """Checks that an array is a `[S, S, 3]` uint8 square.

        Raises:
            ValueError: If the shape or the type differs.
        """
        check_frame(square)
        size = self._spec.image_size
        if square.shape != (size, size, 3):
            raise ValueError(
                f"A square must have the shape {(size, size, 3)}. "
                f"Received: shape {square.shape}"
            )

    def write(
        self, squares: Sequence[np.ndarray | None], frame: np.ndarray
    ) -> None:
        """Encodes squares into the frame tensor.

        Args:
            squares: One square per stream or frame. None leaves its part of
                the tensor as it is.
            frame: The memory of the tensor `spec.frame`.
        """
        if self._spec.layout == "NCHW":
            frame = frame.transpose(0, 2, 3, 1)
        table = self._encoding.view(np.uint8)
        for square, numbers in zip(squares, frame, strict=True):
            if square is None:
                continue
            if numbers.dtype == np.float32:
                numbers[...] = square
            elif self._is_offset:  # Usual, because the scale of frames is 1.
                # Adding with wrap-around is several times faster than a table.
                np.add(square, table[0], out=numbers.view(np.uint8))
            else:
                numbers.view(np.uint8)[...] = cv2.LUT(square, table)
