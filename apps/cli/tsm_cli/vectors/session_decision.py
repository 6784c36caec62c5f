"""decide: turns the outputs of a session into boxes and events."""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from tsm_cli.vectors.box_cases import found_boxes, object_events
from tsm_cli.vectors.decision_cases import events_of
from tsm_live.artifact.quantization import as_logits, dequantize
from tsm_live.artifact.spec import ArtifactSpec
from tsm_live.artifact.tensors import CACHE_OUT, HEAD_ROLES
from tsm_live.decision.open_decision import open_decision
from tsm_live.decision.pacing import Step
from tsm_live.detection.tracks import TrackConfig
from tsm_live.sessions.detection_prediction import detections
from tsm_live.sessions.prediction import predictions
from tsm_live.sessions.taken_frames import AnsweredFrame

Values = Mapping[str, np.ndarray]  # By the name of the output.


class Timeline(NamedTuple):
    """The frames of a session.

    Attributes:
        times: The time of each in seconds.
        choices: What the pacing does with each.
        sizes: The height and width of each.
    """

    times: Sequence[float]
    choices: Sequence[Step]
    sizes: Sequence[tuple[int, int]]


def real_values(spec: ArtifactSpec, outputs: Values) -> dict[str, np.ndarray]:
    """Returns the logits of heads, and the real values of other outputs."""
    return {
        tensor.name: (as_logits if tensor.role in HEAD_ROLES else dequantize)(
            outputs[tensor.name], tensor
        )
        for tensor in spec.results
    }


def decide(
    spec: ArtifactSpec,
    rules: Mapping[str, Any],
    timeline: Timeline,
    values: Values,
) -> dict[str, Any]:
    """Returns the events of a session and, for a detector, its boxes.

    Args:
        spec: The spec of the artifact.
        rules: For a detector, the fields of `TrackConfig`, else nothing.
        timeline: The frames.
        values: The `real_values`, a row per frame that was taken.
    """
    spec, config = _with_real_outputs(spec), None
    is_detector = spec.detection is not None
    task: Any = detections if is_detector else predictions
    note: Any = object_events if is_detector else events_of
    if spec.detection is not None:
        # As the threshold of the artifact, so that boxes are decoded once.
        rest = {**rules}
        rule = dataclasses.replace(
            spec.detection, threshold=rest.pop("threshold")
        )
        spec = dataclasses.replace(spec, detection=rule)
        config = TrackConfig(**rest)
    decision: Any = open_decision(spec, config)
    events: list[dict[str, Any]] = []
    boxes: list[list[dict[str, Any]]] = []
    waiting: list[int] = []  # The frames without an answer so far.

    def answer(now):
        frame = waiting.pop(0)
        row = [values[t.name][len(boxes)][None] for t in spec.results]
        answered = AnsweredFrame(len(boxes), timeline.sizes[frame])
        (prediction,) = task(spec, row, 0.0, [answered])
        found = decision.update(timeline.times[frame], prediction)
        events.extend(note(now, found))
        boxes.append(
            [*found_boxes(prediction.boxes, spec.labels, decision)]
            if is_detector
            else []
        )

    def finish(now, time=-np.inf):
        while waiting:
            answer(now)
        events.extend(note(now, decision.end(time)))

    for frame, choice in enumerate(timeline.choices):
        if choice is Step.RESTART:
            finish(frame)
        if choice is not Step.SKIP:
            waiting.append(frame)
        if len(waiting) > spec.delay:
            answer(frame)
    finish(len(timeline.times), timeline.times[-1])
    return {**({"boxes": boxes} if is_detector else {}), "events": events}


def _with_real_outputs(spec):
    """Returns a spec whose results are the logits and values themselves."""
    outputs = [
        tensor
        if tensor.role == CACHE_OUT
        else dataclasses.replace(
            tensor,
            dtype="float32",
            scale=0.0,
            zero_point=0,
            role="logits" if tensor.role in HEAD_ROLES else tensor.role,
        )
        for tensor in spec.outputs
    ]
    return dataclasses.replace(spec, outputs=tuple(outputs))
