"""Optical flow between frames, as bytes: how far each pixel moves."""

from collections.abc import Callable

import cv2
import numpy as np

FLOW_METHODS = ("dis", "tvl1")
# Pixels of motion that the ends of 0..255 stand for (as TSN's tools write it).
BOUND = 20.0


def flow_function(
    method: str = "dis",
) -> Callable[[np.ndarray, np.ndarray], np.ndarray]:
    """Returns a function from two frames to the flow between them.

    The function takes two `[H, W, 3]` uint8 RGB frames and returns
    `[H, W, 2]` uint8, x and y: -20 pixels are 0, none 127.5, 20 are 255.

    Args:
        method: `"dis"` (Kroeger et al., ECCV 2016), fast and in every OpenCV;
            `"tvl1"` (Zach et al., 2007), which the papers use, in
            opencv-contrib.

    Raises:
        ValueError: If there is no such method.
        ImportError: If the installed OpenCV lacks it.
    """
    if method not in FLOW_METHODS:
        raise ValueError(
            f"`method` must be one of {FLOW_METHODS}. "
            f"Received: method={method!r}"
        )
    if method == "dis":
        # The preset "medium"; stubs of OpenCV know neither name.
        algorithm = cv2.DISOpticalFlow.create(2)
    elif hasattr(cv2, "optflow"):
        algorithm = cv2.optflow.DualTVL1OpticalFlow_create()
    else:
        raise ImportError(
            "TV-L1 is not in this OpenCV. Mend it with: pip uninstall "
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
