"""ClipSession: classifies whole clips."""

from collections.abc import Sequence

import numpy as np

from tsm_live.sessions.base_session import BaseSession
from tsm_live.sessions.prediction import Prediction


class ClipSession(BaseSession):
    """Runs an artifact for clips. Several threads may share it.

    See `BaseSession` for the arguments.
    """

    kind = "clip"

    def classify(
        self, frames: Sequence[np.ndarray], *, color: str = "rgb"
    ) -> Prediction:
        """Returns the prediction for a clip of T frames.

        Args:
            frames: T frames, each `[H, W, 3]` uint8 of any size.
            color: `"rgb"`, or `"bgr"` as OpenCV reads frames.

        Raises:
            ValueError: If a frame is not valid, or their number is not T.
        """
        return self.classify_squares(
            [self._pixels.square(frame, color) for frame in frames]
        )

    def classify_squares(self, squares: Sequence[np.ndarray]) -> Prediction:
        """Does what `classify` does, for frames of the network's size.

        Args:
            squares: T frames, each `[S, S, 3]` uint8 RGB.

        Raises:
            ValueError: If a frame is not valid, or their number is not T.
        """
        expected = self.spec.frame.shape[0]
        if len(squares) != expected:
            raise ValueError(
                f"A clip must have {expected} frames. Received: {len(squares)}"
            )
        for square in squares:
            self._pixels.check_square(square)
        (prediction,) = self._run(squares)
        return prediction
