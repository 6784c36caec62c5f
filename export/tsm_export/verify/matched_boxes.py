"""Compares the outputs of two runs of a detector; needs no TensorFlow."""

from collections.abc import Iterator, Mapping

import numpy as np

from tsm_live.artifact.spec import ArtifactSpec
from tsm_live.artifact.tensors import DETECTION_ROLES
from tsm_live.detection.boxes import Boxes, box_overlaps, decode_boxes

# A box is found as well if there is one with the same label, at least this
# intersection over union, and a score that differs by at most this. Boxes are
# compared with half a cell more at each side, since those of small objects
# differ by rounding only.
_OVERLAP, _SCORE = 0.5, 0.1


def largest_difference(
    found: Mapping[str, np.ndarray], expected: Mapping[str, np.ndarray]
) -> float:
    """Returns the largest difference relative to the largest expected value.

    It is NaN if there is a NaN in any output.

    Args:
        found: Arrays by the name of the output.
        expected: Arrays with the names and the shapes of `found`. Each output
            is compared with its own largest value.
    """
    differences = [
        np.abs(found[name] - values).max() / max(np.abs(values).max(), 1e-9)
        for name, values in expected.items()
    ]
    # Python's own `max` may pass over a NaN.
    return float(np.max(differences))


def matched_boxes(
    spec: ArtifactSpec,
    found: Mapping[str, np.ndarray],
    expected: Mapping[str, np.ndarray],
) -> tuple[int, int]:
    """Counts the boxes of either run that the other one has found as well.

    Args:
        spec: The spec of the detector.
        found: The outputs of a run by their role, `[..., h, w, channels]` real
            values.
        expected: Those of the other run.

    Returns:
        The number of matched boxes, and the number of all boxes.
    """
    assert spec.detection is not None
    matched = total = 0
    for theirs, ours in zip(
        _boxes(spec, found), _boxes(spec, expected), strict=True
    ):
        for one, other in ((theirs, ours), (ours, theirs)):
            # What is only just found by one may be just missed by the other.
            sure = one.scores >= spec.detection.threshold
            same = _is_in(one, other, spec.detection.stride / 2)
            matched += int((same & sure).sum())
            total += int(sure.sum())
    return matched, total


def _boxes(spec, outputs) -> Iterator[Boxes]:
    """Yields the boxes of each frame, with some below the threshold."""
    rule = spec.detection
    frames = zip(
        *(
            outputs[role].reshape(-1, *outputs[role].shape[-3:])
            for role in DETECTION_ROLES
        ),
        strict=True,
    )
    for values in frames:
        yield decode_boxes(
            **dict(zip(DETECTION_ROLES, values, strict=True)),
            stride=rule.stride,
            threshold=max(rule.threshold - _SCORE, 0),
            top=2 * rule.top,
        )


def _is_in(boxes: Boxes, others: Boxes, margin: float) -> np.ndarray:
    """Returns, for each box, whether the others have it too."""
    wider = np.array([-margin, -margin, margin, margin])
    same = boxes.classes[:, None] == others.classes
    near = np.abs(boxes.scores[:, None] - others.scores) <= _SCORE
    overlaps = box_overlaps(boxes.boxes + wider, others.boxes + wider)
    return (same & near & (overlaps >= _OVERLAP)).any(axis=1)
