"""ClipSession: classifies whole clips."""

import threading
import time
from collections.abc import Callable, Sequence

import numpy as np

from tsm_live.artifact.spec import ArtifactError, ArtifactSpec
from tsm_live.runtimes.network import Network
from tsm_live.sessions.pixels import Pixels
from tsm_live.sessions.prediction import (
    Prediction,
    expect_heads,
    predict,
)


class ClipSession:
    """Runs an artifact of kind `"clip"`. Several threads may share it.

    Args:
        spec: The spec of the artifact.
        open_network: A function that opens the network. It is called after the
            spec has been checked.

    Attributes:
        spec: The spec of the artifact.
        accelerator: The accelerator that runs the network, e.g. `"cpu"`.

    Raises:
        ArtifactError: If the artifact is for streams or has no head.
    """

    def __init__(self, spec: ArtifactSpec, open_network: Callable[[], Network]):
        if spec.kind != "clip":
            raise ArtifactError(
                "`ClipSession` runs clips. Received: an artifact of kind "
                f"{spec.kind!r}"
            )
        expect_heads(spec)
        self.spec = spec
        self._pixels = Pixels(spec)
        self._network = open_network()
        self.accelerator = self._network.accelerator
        self._lock = threading.Lock()

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
        with self._lock:
            start = time.perf_counter()
            self._pixels.write(squares, self._network.frame())
            outputs = self._network.run()
            latency = time.perf_counter() - start
        (prediction,) = predict(self.spec, outputs, latency)
        return prediction
