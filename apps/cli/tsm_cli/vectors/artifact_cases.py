"""Cases for one artifact: every step of its network, and a whole session."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from tsm_cli.vectors.arrays import encode_array
from tsm_cli.vectors.decision_cases import events_of
from tsm_cli.vectors.pictures import random_picture, random_squares
from tsm_live.artifact.quantization import as_logits, quantize, zero_state
from tsm_live.artifact.spec import ArtifactError, ArtifactSpec
from tsm_live.decision.artifact_defaults import decision_config
from tsm_live.decision.gestures import GestureDecision
from tsm_live.decision.pacing import FramePacer, Step
from tsm_live.runtimes.network import Network

_TICK = 1 / 64  # Seconds. Multiples of it are exact in every float type.


def steps_case(
    name: str, artifact: str, spec: ArtifactSpec, network: Network, count: int
) -> dict[str, Any]:
    """Runs a network and notes its outputs and caches after every step.

    All streams start again in the middle. If there are several, stream 0
    stands still at some steps, all of them stand still once, and the last one
    starts again alone.

    Args:
        name: The name of the case.
        artifact: The path of the artifact, relative to the vectors.
        spec: The spec of the artifact.
        network: The network of the artifact.
        count: The number of steps.
    """
    _expect_stream(spec)
    streams = list(range(spec.streams))
    squares = random_squares(1, count * spec.streams, spec.image_size)
    squares = squares.reshape(count, *(spec.streams, *squares.shape[1:]))
    state = [zero_state(cache) for cache in spec.caches]
    steps = []
    for index, frames in enumerate(squares):
        reset, moving = [], streams
        if index == count // 2:
            reset = streams
        elif spec.streams > 1:
            reset = streams[-1:] if index == count // 2 + 2 else []
            moving = streams[1:] if index % 4 == 1 else streams
        if index == count // 2 - 1:
            moving = []
        outputs, state = _step(spec, network, frames, state, reset, moving)
        steps.append(
            {
                "reset": reset,
                "streams": moving,
                "frames": encode_array(frames),
                "outputs": {k: encode_array(v) for k, v in outputs.items()},
                "caches": {
                    cache.name: encode_array(value)
                    for cache, value in zip(spec.caches, state, strict=True)
                },
            }
        )
    return {"kind": "steps", "name": name, "artifact": artifact, "steps": steps}


def session_case(
    name: str,
    artifact: str,
    spec: ArtifactSpec,
    network: Network,
    images: Sequence[np.ndarray],
    timeline: Sequence[tuple[int, int]],
    decision: Mapping[str, Any],
) -> dict[str, Any]:
    """Runs images through pacing, network and decision.

    Args:
        name: The name of the case.
        artifact: The path of the artifact, relative to the vectors.
        spec: The spec of the artifact, which is for one stream.
        network: The network of the artifact.
        images: `[H, W, 3]` uint8 images. Their short side is `resize_size`, so
            that they are cropped but not resized, and all pixels are exact.
        timeline: The time, in 1/64 s, and the number of the image of every
            frame.
        decision: Fields of `DecisionConfig` that differ from the artifact's.
    """
    _expect_stream(spec)
    pacer = FramePacer(spec.frame_interval)
    config = decision_config(spec, decision)
    decide = GestureDecision(spec.labels, config)
    state = [zero_state(cache) for cache in spec.caches]
    choices, rows, events = [], [], []
    for index, (ticks, number) in enumerate(timeline):
        time = ticks * _TICK
        choice = pacer.step(time)
        choices.append(choice.value)
        if choice is Step.SKIP:
            continue
        reset = [0] if choice is Step.RESTART else []
        if reset:
            events += events_of(index, decide.end())
        square = _crop(images[number], spec)
        outputs, state = _step(spec, network, square[None], state, reset, [0])
        rows.append(outputs[spec.logits.name])
        logits = as_logits(rows[-1], spec.logits)[0]
        events += events_of(index, decide.update(time, logits))
    events += events_of(len(timeline), decide.end())
    return {
        "kind": "session",
        "name": name,
        "artifact": artifact,
        "decision": dict(decision),
        "images": [encode_array(image) for image in images],
        "times": [ticks * _TICK for ticks, _ in timeline],
        "image_of_frame": [number for _, number in timeline],
        "choices": choices,
        "outputs": {spec.logits.name: encode_array(np.concatenate(rows))},
        "events": events,
    }


def session_images(spec: ArtifactSpec, count: int) -> list[np.ndarray]:
    """Returns wide and high images that need no resize."""
    short, long = spec.resize_size, spec.resize_size * 5 // 4 + 1
    sides = ((short, long), (long, short))
    return [random_picture(100 + i, *sides[i % 2]) for i in range(count)]


def session_timeline(spec: ArtifactSpec, images: int) -> list[tuple[int, int]]:
    """Returns times and images with a gap and a step back in time.

    Every image is shown for four intervals of the network.
    """
    interval = max(2, round(spec.frame_interval / _TICK))
    frame, timeline, time = max(1, interval // 2), [], 0
    for part in range(3 * images):
        for _ in range(4 * interval // frame):
            timeline.append((time, part % images))
            time += frame
        if part == images:
            time += 64 + 4 * interval  # A gap.
        elif part == 2 * images:
            time = 0
    return timeline


def _step(
    spec: ArtifactSpec,
    network: Network,
    frames: np.ndarray,
    state: Sequence[np.ndarray],
    reset: Sequence[int],
    moving: Sequence[int],
) -> tuple[dict[str, np.ndarray], list[np.ndarray]]:
    """Returns the outputs and the caches after a step.

    Rows of the outputs of streams that stand still are zero.
    """
    before = [value.copy() for value in state]
    for value, cache in zip(before, spec.caches, strict=True):
        value[list(reset)] = zero_state(cache)[list(reset)]
    if not moving:
        return {}, before
    network.write_state(before)
    network.frame()[...] = quantize(frames, spec.frame)
    logits = network.run()
    after = network.read_state()
    for stream in set(range(spec.streams)) - set(moving):
        logits[stream] = 0
        for value, kept in zip(after, before, strict=True):
            value[stream] = kept[stream]
    return {spec.logits.name: logits}, after


def _crop(image, spec):
    top, left = ((side - spec.image_size) // 2 for side in image.shape[:2])
    size = spec.image_size
    return image[top : top + size, left : left + size]


def _expect_stream(spec: ArtifactSpec) -> None:
    if spec.kind != "stream":
        raise ArtifactError(
            "Test vectors are made for streams. Received: an artifact of kind "
            f"{spec.kind!r}"
        )
