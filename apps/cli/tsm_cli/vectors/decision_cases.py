"""Cases for pacing (which frames are taken) and decision (which events)."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from tsm_cli.vectors.arrays import encode_array
from tsm_live.artifact.quantization import as_logits
from tsm_live.artifact.tensors import TensorSpec
from tsm_live.decision.gestures import (
    DecisionConfig,
    GestureDecision,
    GestureEvent,
)
from tsm_live.decision.pacing import FramePacer

_TICK = 1 / 64  # Seconds.
# No score may lie so near to a threshold or to another score that rounding
# would change the events.
_MARGIN = 1e-3


def pacing_case(
    name: str, interval: float, ticks: Iterable[int]
) -> dict[str, Any]:
    """Returns which of some frames a network takes.

    Args:
        name: The name of the case.
        interval: The interval of the network in seconds, a multiple of 1/64.
        ticks: The times of the frames, in units of 1/64 s.
    """
    pacer = FramePacer(interval)
    times = [tick * _TICK for tick in ticks]
    return {
        "kind": "pacing",
        "name": name,
        "interval": interval,
        "times": times,
        "choices": [pacer.step(time).value for time in times],
    }


def decision_case(
    name: str,
    head: TensorSpec,
    config: Mapping[str, Any],
    ticks: Sequence[int],
    outputs: np.ndarray,
    resets: Sequence[int] = (),
) -> dict[str, Any]:
    """Returns the scores and the events of scripted outputs.

    Args:
        name: The name of the case.
        head: The output that the values are of.
        config: Fields of `DecisionConfig` that differ from its defaults.
        ticks: The times of the frames, in units of 1/64 s.
        outputs: `[T, K]` values of the output.
        resets: The frames before which the stream is reset.
    """
    rules = DecisionConfig(**{"no_gesture": head.no_gesture, **config})
    decision = GestureDecision(head.labels, rules)
    events, scores = [], []
    logits = as_logits(outputs, head)
    for frame, tick in enumerate(ticks):
        if frame in resets:
            events += events_of(frame, decision.end())
        events += events_of(frame, decision.update(tick * _TICK, logits[frame]))
        scores.append(decision.scores)
        _expect_clear(name, frame, decision.scores, rules)
    events += events_of(len(ticks), decision.end())
    return {
        "kind": "decision",
        "name": name,
        "head": head.to_dict(),
        "decision": dict(config),
        "times": [tick * _TICK for tick in ticks],
        "resets": list(resets),
        "outputs": encode_array(outputs),
        "scores": encode_array(np.stack(scores)),
        "events": events,
    }


def events_of(
    frame: int, events: Iterable[GestureEvent]
) -> list[dict[str, Any]]:
    """Returns the JSON objects of the events at a frame.

    They have the name of a head only if the network has several.
    """
    return [
        {
            "frame": frame,
            **({"head": event.head} if event.head else {}),
            "kind": event.kind,
            "label": event.label,
            "score": event.score,
            "time": event.time,
        }
        for event in events
    ]


def _expect_clear(name, frame, scores, config):
    second, first = np.sort(scores)[-2:]
    limits = config.start_score, config.end_score
    nearest = min(abs(score - x) for score in scores for x in limits)
    if nearest < _MARGIN or 0 < first - second < _MARGIN:
        raise ValueError(
            f"Rounding could change the events of {name!r} at frame {frame}. "
            f"Received: scores {scores}"
        )
