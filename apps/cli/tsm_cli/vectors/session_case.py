"""session_case: runs images through pacing, network and decision."""

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from tsm_cli.vectors.arrays import encode_array
from tsm_cli.vectors.pictures import random_picture
from tsm_cli.vectors.session_decision import Timeline, decide, real_values
from tsm_cli.vectors.steps import Progress, next_step, zero_states
from tsm_cli.vectors.vectors_file import TOLERANCES
from tsm_live.artifact.spec import ArtifactSpec
from tsm_live.artifact.tensors import HEATMAP
from tsm_live.decision.pacing import Step
from tsm_live.live.run_live import LiveConfig
from tsm_live.runtimes.network import Network

_TICK = 1 / 64  # Seconds. Multiples of it are exact in every float type.
_IMAGES = 4
_CHECKS = 20  # How often the values are changed a little to find out.
_THRESHOLDS = 2  # How many to try for a detector.
_BEST = 30  # They are between so many of the best scores.
# The other rules by which its objects appear and disappear.
_TRACKS = {"overlap": 0.25, "hits": 2, "misses": 2}
_NUMBERS = ("score", "box")


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
    not resized, and all pixels are exact. The events, and which boxes there
    are, stay the same if the outputs change by as much as backends differ.

    Args:
        name: The name of the case.
        artifact: The path of the artifact, relative to the vectors.
        spec: The spec of the artifact, which is for one stream.
        network: The network of the artifact.
        tries: How many sets of random images to try. The one with the most
            different gestures or objects is taken.

    Returns:
        The case, or None if what is found in all images depends on rounding.
    """
    ticks, shown = _timeline(spec)
    times = [tick * _TICK for tick in ticks]
    pacer, _ = LiveConfig().stages(spec)
    choices = [pacer.step(time) for time in times]
    best, most = None, (0, -1)
    for seed in range(tries):
        images = _images(spec, seed)
        frames = [images[i] for i in shown]
        timeline = Timeline(times, choices, [x.shape[:2] for x in frames])
        outputs = _run(spec, network, frames, choices)
        values = real_values(spec, outputs)
        for rules in _rules(spec, values):
            found = decide(spec, rules, timeline, values)
            variety = _variety(spec, found["events"])
            if variety > most and _is_clear(
                spec, rules, timeline, values, found
            ):
                best, most = (images, outputs, rules, found), variety
    if best is None:
        return None
    images, outputs, rules, found = best
    # The boxes say what a detector must find, and are much smaller.
    arrays = {} if spec.detection else outputs
    return {
        "kind": "session",
        "name": name,
        "artifact": artifact,
        **({"rules": rules} if rules else {}),
        "images": [encode_array(image) for image in images],
        "times": times,
        "image_of_frame": shown,
        "choices": [choice.value for choice in choices],
        "outputs": {k: encode_array(v) for k, v in arrays.items()},
        **found,
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


def _rules(
    spec: ArtifactSpec, values: Mapping[str, np.ndarray]
) -> Iterator[dict[str, Any]]:
    """Yields the rules to try: for a detector some thresholds, else nothing.

    The thresholds are in the widest gaps between the best scores of labels.
    """
    if spec.detection is None:
        yield {}
        return
    heatmap = next(t.name for t in spec.results if t.role == HEATMAP)
    places = (1, 2) if spec.layout == "NHWC" else (2, 3)
    best = np.unique(values[heatmap].max(axis=places))[-_BEST:]
    for place in np.argsort(-np.diff(best), kind="stable")[:_THRESHOLDS]:
        logit = float(best[place : place + 2].mean())
        score = 1 / (1 + math.exp(-min(max(logit, -9), 9)))
        yield {"threshold": round(score, 3), **_TRACKS}


def _variety(spec, events):
    """Returns how many different gestures or objects there are."""
    kinds = {(event.get("head"), event["label"]) for event in events}
    return len(kinds), len(events) if spec.detection else 0


def _is_clear(spec, rules, timeline, values, found):
    """Returns whether rounding in a network cannot change what is found."""
    rng = np.random.default_rng(0)
    errors = {
        tensor.name: _error(tensor, values[tensor.name])
        for tensor in spec.results
    }
    for _ in range(_CHECKS):
        others = {
            name: numbers + errors[name] * rng.choice((-1, 1), numbers.shape)
            for name, numbers in values.items()
        }
        other = decide(spec, rules, timeline, others)
        if _kinds(other) != _kinds(found):
            return False
    return True


def _error(tensor, values):
    """Returns the largest error of real values that a backend may make."""
    if tensor.scale:
        return TOLERANCES["gpu"]["fed"]["integer"] * tensor.scale
    return TOLERANCES["gpu_float16"]["free"]["float"] * np.abs(values).max()


def _kinds(found):
    """Returns what is found, without the numbers that rounding changes."""
    return [
        [{k: v for k, v in each.items() if k not in _NUMBERS} for each in group]
        for group in (found["events"], *found.get("boxes", ()))
    ]
