"""ClipSession: classifies whole clips, or finds the objects in them."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from tsm_live.sessions.base_session import BaseSession
from tsm_live.sessions.detection_prediction import DetectionPrediction
from tsm_live.sessions.prediction import Prediction
from tsm_live.sessions.taken_frames import AnsweredFrame, Size


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
            ValueError: If a frame is not valid, or their number is not T, or
                the artifact is a detector.
        """
        self._expect_task("classification", "detect")
        return self.classify_squares(self._squares(frames, color))

    def classify_squares(self, squares: Sequence[np.ndarray]) -> Prediction:
        """Does what `classify` does, for frames of the network's size.

        Args:
            squares: T frames, each `[S, S, 3]` uint8 RGB.

        Raises:
            ValueError: As for `classify`.
        """
        self._expect_task("classification", "detect_squares")
        self._expect_squares(squares)
        (prediction,) = self._run(squares, [AnsweredFrame()])
        return prediction

    def detect(
        self, frames: Sequence[np.ndarray], *, color: str = "rgb"
    ) -> list[DetectionPrediction]:
        """Returns the objects in each of the T frames of a clip.

        Args:
            frames: T frames, as for `classify`.
            color: The color order, as for `classify`.

        Raises:
            ValueError: If a frame is not valid, or their number is not T, or
                the artifact is not a detector.
        """
        self._expect_task("detection", "classify")
        squares = self._squares(frames, color)
        return self._detect(squares, [frame.shape[:2] for frame in frames])

    def detect_squares(
        self, squares: Sequence[np.ndarray]
    ) -> list[DetectionPrediction]:
        """Does what `detect` does, for frames of the network's size.

        Args:
            squares: T frames, each `[S, S, 3]` uint8 RGB.

        Raises:
            ValueError: As for `detect`.
        """
        self._expect_task("detection", "classify_squares")
        return self._detect(squares, [None] * len(squares))

    def _detect(self, squares, sizes: Sequence[Size | None]) -> list[Any]:
        self._expect_squares(squares)
        return self._run(
            squares, [AnsweredFrame(*each) for each in enumerate(sizes)]
        )

    def _squares(self, frames, color):
        return [self._pixels.square(frame, color) for frame in frames]

    def _expect_squares(self, squares):
        expected = self.spec.frame.shape[0]
        if len(squares) != expected:
            raise ValueError(
                f"A clip must have {expected} frames. Received: {len(squares)}"
            )
        for square in squares:
            self._pixels.check_square(square)

    def _expect_task(self, task, other):
        if (task == "detection") != bool(self.spec.detection):
            raise ValueError(
                f"An artifact with the task {task!r} is needed here; `{other}` "
                f"is for the other task. Received: {self.spec.task!r}"
            )
