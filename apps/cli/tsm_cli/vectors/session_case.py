"""session_case: runs images through pacing, network and decision."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from tsm_cli.vectors.arrays import encode_array
from tsm_cli.vectors.decision_cases import events_of
from tsm_cli.vectors.pictures import random_picture
from tsm_cli.vectors.steps import next_step, zero_states
from tsm_cli.vectors.vectors_file import TOLERANCES
from tsm_live.artifact.quantization import as_logits
from tsm_live.artifact.spec import ArtifactSpec
from tsm_live.decision.artifact_defaults import decision_config
from tsm_live.decision.gestures import GestureDecision
from tsm_live.decision.pacing import FramePacer, Step
from tsm_live.runtimes.network import Network

_TICK = 1 / 64  # Seconds. Multiples of it are exact in every float type.
_IMAGES = 4
_TRIES = 100  # Sets of images, until one gives events that are beyond doubt.
_CHECKS = 20  # How often the logits are changed a little to find out.


def session_case(
    name: str, artifact: str, spec: ArtifactSpec, network: Network
) -> dict[str, Any]:
    """Runs images through the pacing, the network and the decision.

    The short side of the images is `resize_size`, so that they are cropped but
    not resized, and all pixels are exact. The events stay the same if logits
    change by as much as the backends' tolerances allow.

    Args:
        name: The name of the case.
        artifact: The path of the artifact, relative to the vectors.
        spec: The spec of the artifact, which is for one stream.
        network: The network of the artifact.

    Raises:
        ValueError: If no images were found whose events are beyond doubt.
    """
    ticks, shown = _timeline(spec)
    times = [tick * _TICK for tick in ticks]
    pacer = FramePacer(spec.frame_interval)
    choices = [pacer.step(time) for time in times]
    for seed in range(_TRIES):
        images = _images(spec, seed)
        rows = _run(spec, network, [images[i] for i in shown], choices)
        logits = as_logits(rows, spec.logits)
        events = _decide(spec, times, choices, logits)
        if _is_clear(spec, times, choices, logits, events):
            break
    else:
        raise ValueError(
            "The events of random images would depend on rounding, so no "
            f"session can be written. Received: {artifact}"
        )
    return {
        "kind": "session",
        "name": name,
        "artifact": artifact,
        "images": [encode_array(image) for image in images],
        "times": times,
        "image_of_frame": shown,
        "choices": [choice.value for choice in choices],
        "outputs": {spec.logits.name: encode_array(rows)},
        "events": events,
    }


def _timeline(spec):
    """Returns the time, in 1/64 s, and the image of every frame.

    Each image is shown for four intervals of the network, at about twice the
    rate of the network. There are a gap and a step back in time.
    """
    interval = max(2, round(spec.frame_interval / _TICK))
    ticks, shown, now = [], [], 0
    for part in range(3 * _IMAGES):
        for _ in range(8):
            ticks.append(now)
            shown.append(part % _IMAGES)
            now += interval // 2
        if part == _IMAGES:
            now += 64 + 4 * interval
        elif part == 2 * _IMAGES:
            now = 0
    return ticks, shown


def _images(spec, seed):
    short, long = spec.resize_size, spec.resize_size * 5 // 4 + 1
    sides = ((short, long), (long, short))
    first = 100 * (seed + 1)
    return [random_picture(first + i, *sides[i % 2]) for i in range(_IMAGES)]


def _run(
    spec: ArtifactSpec,
    network: Network,
    images: Sequence[np.ndarray],
    choices: Sequence[Step],
) -> np.ndarray:
    """Returns the output of the network for every frame that it takes."""
    state, rows, size = zero_states(spec), [], spec.image_size
    for image, choice in zip(images, choices, strict=True):
        if choice is Step.SKIP:
            continue
        top, left = ((side - size) // 2 for side in image.shape[:2])
        frame = image[None, top : top + size, left : left + size]
        reset = [0] if choice is Step.RESTART else []
        outputs, state = next_step(spec, network, frame, state, reset, [0])
        rows.append(outputs[spec.logits.name])
    return np.concatenate(rows)


def _decide(spec, times, choices, logits):
    decision = GestureDecision(spec.labels, decision_config(spec))
    events, rows = [], iter(logits)
    for frame, (time, choice) in enumerate(zip(times, choices, strict=True)):
        if choice is Step.RESTART:
            events += events_of(frame, decision.end())
        if choice is not Step.SKIP:
            events += events_of(frame, decision.update(time, next(rows)))
    return events + events_of(len(times), decision.end(times[-1]))


def _is_clear(spec, times, choices, logits, events):
    """Returns whether rounding in a network cannot change the events."""
    error = TOLERANCES["cpu"]["free"]["integer"] * spec.logits.scale
    if not error:
        largest = np.abs(logits).max()
        error = TOLERANCES["gpu_float16"]["free"]["float"] * largest
    rng = np.random.default_rng(0)
    for _ in range(_CHECKS):
        noise = error * rng.choice((-1, 1), logits.shape)
        others = _decide(spec, times, choices, logits + noise)
        if [{**event, "score": 0} for event in others] != [
            {**event, "score": 0} for event in events
        ]:
            return False
    return True
