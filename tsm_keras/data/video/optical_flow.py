"""Computes optical flow, the motion of each pixel, and stores it in bytes."""

from collections.abc import Callable

import cv2
import numpy as np

FLOW_METHODS = ("dis", "tvl1")
# The motion, in pixels, that 0 and 255 stand for, as in TSN's tools.
BOUND = 20.0


def flow_function(
    method: str = "dis",
) -> Callable[[np.ndarray, np.ndarray], np.ndarray]:
    """Returns a function that computes the flow between two frames.

    The function takes two `[H, W, 3]` uint8 RGB frames and returns
    `[H, W, 2]` uint8, the motion in x and y. A motion of -20 pixels becomes 0,
    no motion 127.5, and 20 pixels 255.

    Args:
        method: `"dis"` (Kroeger et al., ECCV 2016) is fast and in every
            OpenCV. `"tvl1"` (Zach et al., 2007) is what the papers use; it
            needs opencv-contrib.

    Raises:
        ValueError: If `method` is unknown.
        ImportError: If the installed OpenCV lacks the method.
    """
    if method not in FLOW_METHODS:
        raise ValueError(
            f"`method` must be one of {FLOW_METHODS}. "
            f"Received: method={method!r}"
        )
    if method == "dis":
        # 2 is the preset "medium", whose name OpenCV's type stubs lack.
        algorithm = cv2.DISOpticalFlow.create(2)
    elif hasattr(cv2, "optflow"):
        algorithm = cv2.optflow.DualTVL1OpticalFlow_create()
    else:
        raise ImportError(
            "The installed OpenCV lacks TV-L1. Install it with: pip uninstall "
            "opencv-python-headless && pip install "
            "opencv-contrib-python-headless"
        )

    def flow(first, second):
        grays = [
            cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY) for frame in (first, second)
        ]
        return as_bytes(algorithm.calc(*grays, None))

    return flow


def as_bytes(motion: np.ndarray) -> np.ndarray:
    """Maps motion in pixels, -`BOUND`..`BOUND`, to uint8, 0..255."""
    shares = np.clip(motion / BOUND, -1, 1) / 2 + 0.5
    return np.round(255 * shares).astype(np.uint8)
