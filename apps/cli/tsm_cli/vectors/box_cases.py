"""Cases for detectors: from their outputs to boxes, and from boxes to objects.

The boxes of `decode_case` are computed here cell by cell from the rules of
`docs/artifact.md`, not by the code of a runtime.
"""

import dataclasses
import math
import types
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from tsm_cli.vectors.arrays import encode_array
from tsm_live.artifact.detection import DetectionRule
from tsm_live.artifact.quantization import dequantize
from tsm_live.artifact.tensors import (
    BOX_OFFSET,
    BOX_SIZE,
    HEATMAP,
    TensorSpec,
)
from tsm_live.decision.object_decision import ObjectDecision, ObjectEvent
from tsm_live.detection.boxes import Boxes
from tsm_live.detection.tracks import TrackConfig

_TICK = 1 / 64  # Seconds.

Found = tuple[str, float, Sequence[float]]  # The label, score and box.


def decode_case(
    name: str,
    tensors: Mapping[str, TensorSpec],
    outputs: Mapping[str, np.ndarray],
    rule: DetectionRule,
    frame: tuple[tuple[int, int], int, int] | None = None,
) -> dict[str, Any]:
    """Returns the boxes of one frame.

    Args:
        name: The name of the case.
        tensors: The three outputs of a detector, by role.
        outputs: `[h, w, channels]` stored values of each, by role.
        rule: The rule by which they become boxes.
        frame: The height and width of the frame, `resize_size` and
            `crop_size`; None for boxes in pixels of the network's square.
    """
    values = {
        role: dequantize(outputs[role], tensors[role]) for role in tensors
    }
    labels = tensors[HEATMAP].labels
    case: dict[str, Any] = {
        "kind": "decode",
        "name": name,
        **dataclasses.asdict(rule),
        "tensors": {role: t.to_dict() for role, t in tensors.items()},
        "outputs": {role: encode_array(v) for role, v in outputs.items()},
    }
    if frame is not None:
        size, resize_size, crop_size = frame
        case["size"] = list(size)
        case |= {"resize_size": resize_size, "crop_size": crop_size}
    case["boxes"] = [
        {
            "label": labels[label],
            "score": float(score),
            "box": _in_frame(_box(values, row, column, rule.stride), frame),
        }
        for score, row, column, label in _best(values[HEATMAP], rule)
    ]
    return case


def _best(
    heatmap: np.ndarray, rule: DetectionRule
) -> list[tuple[np.float32, int, int, int]]:
    """Returns score, row, column and label of the best peaks, in order."""
    threshold = np.float32(rule.threshold)
    found = []
    for (row, column, label), value in np.ndenumerate(heatmap):
        score = np.float32(1 / (1 + math.exp(-np.clip(value, -700, 700))))
        if _is_peak(heatmap[..., label], row, column) and score >= threshold:
            found.append((-value, row, column, label, score))
    found.sort()
    return [(score, *place) for _, *place, score in found[: rule.top]]


def _is_peak(values, row, column):
    value, (height, width) = values[row, column], values.shape
    for y in range(max(row - 1, 0), min(row + 2, height)):
        for x in range(max(column - 1, 0), min(column + 2, width)):
            other = values[y, x]
            is_earlier = (y, x) < (row, column)
            if not (value > other if is_earlier else value >= other):
                return False
    return True  # A NaN is not at least as great as itself.


def _box(values, row, column, stride):
    across, down = values[BOX_OFFSET][row, column].astype(float)
    width, height = values[BOX_SIZE][row, column].astype(float)
    x, y = column + across, row + down
    edges = x - width / 2, y - height / 2, x + width / 2, y + height / 2
    return [stride * edge for edge in edges]


def _in_frame(box, frame):
    if frame is None:
        return box
    size, resize_size, crop_size = frame
    short = min(size)
    moved = []
    for index, edge in enumerate(box):
        side = size[1 - index % 2]  # x0, y0, x1, y1: the width comes first.
        new = (2 * side * resize_size + short) // (2 * short)
        moved.append((edge + (new - crop_size) // 2) * side / new)
    return moved


def tracks_case(
    name: str,
    labels: tuple[str, ...],
    rules: Mapping[str, Any],
    ticks: Sequence[int],
    frames: Sequence[Sequence[Found]],
    resets: Sequence[int] = (),
) -> dict[str, Any]:
    """Returns the objects and the events of scripted boxes.

    Args:
        name: The name of the case.
        labels: The labels of the detector.
        rules: Fields of `TrackConfig` that differ from its defaults.
        ticks: The times of the frames, in units of 1/64 s.
        frames: The boxes of each frame, the best first.
        resets: The frames before which the stream is reset.
    """
    spec: Any = types.SimpleNamespace(labels=labels)
    decision = ObjectDecision(spec, TrackConfig(**rules))
    shown, events = [], []
    for frame, (tick, found) in enumerate(zip(ticks, frames, strict=True)):
        if frame in resets:
            events += object_events(frame, decision.end())
        boxes = Boxes(
            np.array([box for *_, box in found], np.float32).reshape(-1, 4),
            np.array([labels.index(label) for label, *_ in found], int),
            np.array([score for _, score, _ in found], np.float32),
        )
        prediction: Any = types.SimpleNamespace(boxes=boxes)
        answer = decision.update(tick * _TICK, prediction)
        events += object_events(frame, answer)
        shown.append(list(found_boxes(boxes, labels, decision)))
    events += object_events(len(ticks), decision.end())
    return {
        "kind": "tracks",
        "name": name,
        "labels": list(labels),
        "rules": dict(rules),
        "times": [tick * _TICK for tick in ticks],
        "resets": list(resets),
        "boxes": shown,
        "events": events,
    }


def found_boxes(
    boxes: Boxes, labels: Sequence[str], decision: ObjectDecision
) -> Iterator[dict[str, Any]]:
    """Yields the JSON objects of the boxes that a decision got last.

    `track` is the number of the object, or 0 if it has not appeared.
    """
    objects = {
        (each.label, each.box): each.track
        for each in decision.state()["objects"].objects
    }
    rows = boxes.boxes.tolist(), boxes.classes, boxes.scores.tolist()
    for box, label, score in zip(*rows, strict=True):
        name = labels[label]
        track = objects.get((name, tuple(box)), 0)
        yield {"label": name, "score": score, "box": box, "track": track}


def object_events(
    frame: int, events: Sequence[ObjectEvent]
) -> list[dict[str, Any]]:
    """Returns the JSON objects of the events at a frame."""
    return [
        {"frame": frame, **dataclasses.asdict(event), "box": list(event.box)}
        for event in events
    ]
