"""decode_boxes: turns the outputs of a detector into boxes.

`docs/artifact.md` states the rule for other languages.
"""

import dataclasses

import numpy as np


@dataclasses.dataclass(frozen=True, eq=False)
class Boxes:
    """The boxes of one frame, the best score first.

    Attributes:
        boxes: `[n, 4]` float32 in pixels: `(x0, y0, x1, y1)`, where x0 and y0
            are the left and the upper edge.
        classes: `[n]` int64, the index of each label.
        scores: `[n]` float32 in [0, 1].
    """

    boxes: np.ndarray
    classes: np.ndarray
    scores: np.ndarray

    def __len__(self) -> int:
        return len(self.scores)


def decode_boxes(
    heatmap: np.ndarray,
    box_size: np.ndarray,
    box_offset: np.ndarray,
    *,
    stride: int,
    threshold: float,
    top: int = 100,
) -> Boxes:
    """Returns the boxes at the peaks of a heatmap.

    A cell is a peak of its class if its value is greater than that of every
    earlier neighbour, and not less than that of any later one. The neighbours
    are the up to 8 cells around it, and row-major order says which are earlier.
    So of two equal neighbours, only the first can be a peak.

    Args:
        heatmap: `[h, w, K]` float32, a logit for each cell and class.
        box_size: `[h, w, 2]` float32, the width and the height of the box whose
            centre is in a cell, in cells.
        box_offset: `[h, w, 2]` float32, x and y of the centre from the upper
            left corner of the cell, in cells.
        stride: The height and the width of a cell in pixels.
        threshold: Boxes with a lower score are left out.
        top: The maximum number of boxes; those with the lowest logits are left
            out. Of equal ones, the first by row, column and class come first.

    Returns:
        The boxes in pixels of the image that the network got. They may reach
        beyond its edges.
    """
    rows, columns, classes = np.nonzero(_peaks(heatmap))
    logits = heatmap[rows, columns, classes]
    # float64 does not overflow here. The result is rounded only once.
    scores = 1 / (1 + np.exp(-np.clip(logits, -500, 500).astype(np.float64)))
    scores = scores.astype(np.float32)
    order = np.argsort(-logits, kind="stable")
    order = order[scores[order] >= np.float32(threshold)][:top]
    rows, columns = rows[order], columns[order]
    corners = np.stack([columns, rows], axis=-1).astype(np.float32)
    centres = (corners + box_offset[rows, columns]) * np.float32(stride)
    halves = box_size[rows, columns] * np.float32(stride / 2)
    boxes = np.concatenate([centres - halves, centres + halves], axis=-1)
    return Boxes(boxes.astype(np.float32), classes[order], scores[order])


def box_overlaps(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Returns the intersection over union of all pairs of boxes.

    Args:
        a: `[n, 4]` boxes, `(x0, y0, x1, y1)`.
        b: `[m, 4]` boxes.

    Returns:
        `[n, m]` float64 in [0, 1]; 0 for a box without an area.
    """
    a, b = np.asarray(a, np.float64)[:, None], np.asarray(b, np.float64)[None]
    low = np.maximum(a[..., :2], b[..., :2])
    high = np.minimum(a[..., 2:], b[..., 2:])
    shared = _areas(low, high)
    either = _areas(a[..., :2], a[..., 2:]) + _areas(b[..., :2], b[..., 2:])
    united = either - shared
    return np.divide(shared, united, np.zeros_like(shared), where=united > 0)


def _peaks(heatmap):
    """Returns `[h, w, K]` booleans."""
    around = ((1, 1), (1, 1), (0, 0))
    padded = np.pad(heatmap, around, constant_values=-np.inf)
    # The greatest of three cells beside each other.
    three = np.maximum(padded[:, 1:-1], padded[:, 2:])
    np.maximum(three, padded[:, :-2], out=three)
    earlier = np.maximum(three[:-2], padded[1:-1, :-2])
    later = np.maximum(three[2:], padded[1:-1, 2:])
    return (heatmap > earlier) & (heatmap >= later)


def _areas(low, high):
    return np.prod(np.maximum(high - low, 0), axis=-1)
