"""Prediction: the output of a network for a frame or a clip."""

import dataclasses
import functools
import math
from collections.abc import Sequence

import numpy as np


@dataclasses.dataclass(frozen=True, eq=False)
class Prediction:
    """The classification of a clip, or of a stream up to its last frame.

    Attributes:
        label: The most probable class.
        score: Its probability, from the softmax of the logits.
        labels: The K classes.
        logits: `[K]` float32.
        latency: The seconds that the network took for all streams together.
    """

    label: str
    score: float
    labels: tuple[str, ...]
    logits: np.ndarray
    latency: float

    @functools.cached_property
    def scores(self) -> np.ndarray:
        """`[K]` float32, the probability of each class."""
        scores = np.exp(self.logits - self.logits.max())
        return scores / scores.sum()

    def top(self, k: int) -> list[tuple[str, float]]:
        """Returns the k most probable classes and their scores."""
        best = np.argsort(-self.scores, kind="stable")[:k]
        return [(self.labels[i], float(self.scores[i])) for i in best]


def predict(
    labels: Sequence[str], logits: np.ndarray, latency: float
) -> Prediction:
    """Returns the prediction of `[K]` logits."""
    # For a few dozen numbers, Python is faster than NumPy.
    values = logits.tolist()
    highest = max(values)
    label = labels[values.index(highest)]
    score = 1 / math.fsum([math.exp(v - highest) for v in values])
    return Prediction(label, score, tuple(labels), logits, latency)
