"""Prediction: the output of a network for a frame or a clip, head by head."""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from tsm_live.artifact.quantization import as_logits
from tsm_live.artifact.spec import ArtifactSpec
from tsm_live.artifact.tensors import HEAD_ROLES
from tsm_live.sessions.taken_frames import AnsweredFrame


@dataclasses.dataclass(frozen=True, eq=False)
class Scores:
    """The probabilities of the classes of one head.

    Attributes:
        labels: The K classes.
        scores: `[K]` float32, the probability of each class.
    """

    labels: tuple[str, ...]
    scores: np.ndarray

    @property
    def label(self) -> str:
        """The most probable class."""
        return self.labels[int(self.scores.argmax())]

    @property
    def score(self) -> float:
        """The probability of the most probable class."""
        return float(self.scores.max())

    def top(self, k: int) -> list[tuple[str, float]]:
        """Returns the k most probable classes and their scores."""
        best = np.argsort(-self.scores, kind="stable")[:k]
        return [(self.labels[i], float(self.scores[i])) for i in best]


@dataclasses.dataclass(frozen=True, eq=False)
class HeadPrediction(Scores):
    """The classification by one head.

    Attributes:
        logits: `[K]` float32. `scores` is their softmax.
    """

    logits: np.ndarray


def of_only_head(name: str) -> Any:
    """Returns a property that gives an attribute of the only head.

    It raises a ValueError if there are several `heads`.
    """

    def get(owner):
        if len(owner.heads) != 1:
            raise ValueError(
                f"`{name}` needs a network with one head; use "
                f"`heads[NAME].{name}`. Received: the heads "
                f"{list(owner.heads)}"
            )
        (head,) = owner.heads.values()
        return getattr(head, name)

    return property(get, doc=f"`{name}` of the only head.")


@dataclasses.dataclass(frozen=True, eq=False)
class Prediction:
    """The classification of a clip, or of a frame of a stream.

    If the network has one head, then `label`, `score`, `labels`, `scores`,
    `logits` and `top` are those of this head.

    Attributes:
        heads: The prediction of each head, by its name.
        latency: The seconds that the network took for all streams together.
        frame: The number of the frame that was classified, counted from 0 at
            the start of the stream. It is an earlier one than the frame that
            was taken last, if the artifact looks ahead. None for a clip.
    """

    heads: Mapping[str, HeadPrediction]
    latency: float
    frame: int | None = None

    label = of_only_head("label")
    score = of_only_head("score")
    labels = of_only_head("labels")
    scores = of_only_head("scores")
    logits = of_only_head("logits")
    top = of_only_head("top")


def predictions(
    spec: ArtifactSpec,
    outputs: Sequence[np.ndarray],
    latency: float,
    frames: Sequence[AnsweredFrame | None],
) -> list[Prediction | None]:
    """Returns the prediction for each stream, or for the only clip.

    Args:
        spec: The spec of an artifact that classifies.
        outputs: The values of `spec.results`.
        latency: The seconds that the network took.
        frames: For each stream the frame that was classified; None for a
            stream whose outputs have no meaning, which gets no prediction.
    """
    rows: list[dict[str, HeadPrediction]] = [{} for _ in frames]
    for head, values in zip(spec.results, outputs, strict=True):
        if head.role not in HEAD_ROLES:
            continue
        logits = as_logits(values, head)
        scores = np.exp(logits - logits.max(axis=-1, keepdims=True))
        scores /= scores.sum(axis=-1, keepdims=True)
        for row, *numbers in zip(rows, scores, logits, strict=True):
            row[head.name] = HeadPrediction(head.labels, *numbers)
    return [
        None if frame is None else Prediction(row, latency, frame.number)
        for row, frame in zip(rows, frames, strict=True)
    ]
