"""Network: what a session asks of a runtime."""

from collections.abc import Sequence
from typing import Protocol

import numpy as np


class Network(Protocol):
    """A network in a runtime, and the caches of its streams.

    Attributes:
        accelerator: What really runs it, e.g. `"cpu"`.
    """

    accelerator: str

    def run(self, frame: np.ndarray) -> np.ndarray:
        """Takes the next frame of every stream.

        Args:
            frame: Of the shape and dtype of `spec.frame`.

        Returns:
            The numbers of `spec.logits`; the caller's to keep.
        """

    def read_state(self) -> list[np.ndarray]:
        """Returns a copy of every cache, in the order of `spec.caches`."""

    def write_state(self, state: Sequence[np.ndarray]) -> None:
        """Sets every cache."""
