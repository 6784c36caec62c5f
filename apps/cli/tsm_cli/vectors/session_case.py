"""session_case: runs images through pacing, network and decision."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from tsm_cli.vectors.arrays import encode_array
from tsm_cli.vectors.decision_cases import events_of
from tsm_cli.vectors.pictures import random_picture
from tsm_cli.vectors.steps import Progress, next_step, zero_states
from tsm_cli.vectors.vectors_file import TOLERANCES
from tsm_live.artifact.quantization import as_logits
from tsm_live.artifact.spec import ArtifactSpec
from tsm_live.decision.head_decisions import HeadDecisions
from tsm_live.decision.pacing import Step
from tsm_live.live.run_live import LiveConfig
from tsm_live.runtimes.network import Network

_TICK = 1 / 64  # Seconds. Multiples of it are exact in every float type.
_IMAGES = 4
_CHECKS = 20  # How often the logits are changed a little to find out.


def session_case(
    name: str,
    artifact: str,
    spec: ArtifactSpec,
    network: Network,
    *,
    tries: int = 20,
) -> dict[str, Any] | None:
    """Runs images through the pacing, the network and the decision.

    The short side of the images is `resize_size`, so that they are cropped but
    not resized, and all pixels are exact. The events stay the same if logits
    change by as much as backends differ.

    Args:
        name: The name of the case.
        artifact: The path of the artifact, relative to the vectors.
        spec: The spec of the artifact, which is for one stream.
        network: The network of the artifact.
        tries: How many sets of random images to try. The one with the most
            different gestures is taken.

    Returns:
        The case, or None if the events of all images depend on rounding.
    """
    ticks, shown = _timeline(spec)
    times = [tick * _TICK for tick in ticks]
    pacer, _ = LiveConfig().stages(spec)
    choices = [pacer.step(time) for time in times]
    best, most = None, -1
    for seed in range(tries):
        images = _images(spec, seed)
        outputs = _run(spec, network, [images[i] for i in shown], choices)
        logits = {
            head.name: as_logits(outputs[head.name], head)
            for head in spec.heads
        }
        events = _decide(spec, times, choices, logits)
        gestures = len(
            {(event.get("head"), event["label"]) for event in events}
        )
        if gestures > most and _is_clear(spec, times, choices, logits, events):
            best, most = (images, outputs, events), gestures
    if best is None:
        return None
    images, outputs, events = best
    return {
        "kind": "session",
        "name": name,
        "artifact": artifact,
        "images": [encode_array(image) for image in images],
        "times": times,
        "image_of_frame": shown,
        "choices": [choice.value for choice in choices],
        "outputs": {k: encode_array(v) for k, v in outputs.items()},
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
) -> dict[str, np.ndarray]:
    """Returns the outputs by name, with a row per frame that is taken."""
    state, size, progress = zero_states(spec), spec.image_size, Progress(spec)
    rows: dict[str, list[np.ndarray]] = {}

    def step(frame, moving, finishing):
        nonlocal state
        valid, answers = progress.step(moving, finishing)
        outputs, state = next_step(spec, network, frame, state, [], [0], valid)
        if answers != [None]:
            for name, value in outputs.items():
                rows.setdefault(name, []).append(value)

    def finish():
        nonlocal state
        for _ in range(spec.delay):
            step(np.zeros((1, size, size, 3), np.uint8), [], [0])
        state = zero_states(spec)
        progress.reset([0])

    for image, choice in zip(images, choices, strict=True):
        if choice is Step.RESTART:
            finish()
        if choice is not Step.SKIP:
            top, left = ((side - size) // 2 for side in image.shape[:2])
            step(image[None, top : top + size, left : left + size], [0], [])
    finish()
    return {name: np.concatenate(values) for name, values in rows.items()}


def _decide(spec, times, choices, logits):
    """Returns the events of all heads, in the order of `Stream`."""
    decisions = HeadDecisions(spec).heads
    events, row = [], 0
    waiting: list[float] = []  # The times of frames without an output so far.

    def answer(frame):
        nonlocal row
        time = waiting.pop(0)
        for name, decision in decisions.items():
            events.extend(
                events_of(frame, decision.update(time, logits[name][row]))
            )
        row += 1

    def finish(frame, *end):
        while waiting:
            answer(frame)
        for decision in decisions.values():
            events.extend(events_of(frame, decision.end(*end)))

    for frame, (time, choice) in enumerate(zip(times, choices, strict=True)):
        if choice is Step.RESTART:
            finish(frame)
        if choice is not Step.SKIP:
            waiting.append(time)
        if len(waiting) > spec.delay:
            answer(frame)
    finish(len(times), times[-1])
    return events


def _is_clear(spec, times, choices, logits, events):
    """Returns whether rounding in a network cannot change the events."""
    rng = np.random.default_rng(0)
    errors = {head.name: _error(head, logits[head.name]) for head in spec.heads}
    for _ in range(_CHECKS):
        others = {
            name: values + errors[name] * rng.choice((-1, 1), values.shape)
            for name, values in logits.items()
        }
        found = _decide(spec, times, choices, others)
        if list(map(_kind, found)) != list(map(_kind, events)):
            return False
    return True


def _error(head, logits):
    """Returns the largest error of logits that a backend may make."""
    if head.scale:
        return TOLERANCES["gpu"]["fed"]["integer"] * head.scale
    return TOLERANCES["gpu_float16"]["free"]["float"] * np.abs(logits).max()


def _kind(event):
    return {name: event[name] for name in event if name != "score"}
