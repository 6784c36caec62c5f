"""Cases for one artifact: its images, its numbers and every step."""

import dataclasses
from typing import Any

import numpy as np

from tsm_cli.vectors.arrays import decode_array, encode_array
from tsm_cli.vectors.box_cases import decode_case
from tsm_cli.vectors.image_cases import fit_case
from tsm_cli.vectors.number_cases import dequantize_case, quantize_case
from tsm_cli.vectors.pictures import random_squares
from tsm_cli.vectors.session_case import session_case
from tsm_cli.vectors.steps import Progress, next_step, zero_states
from tsm_live.artifact.spec import ArtifactSpec
from tsm_live.artifact.tensors import DETECTION_ROLES, RESULT_ROLES
from tsm_live.runtimes.network import Network

_SIZES = ((480, 640), (1280, 720), (1080, 1920))


def artifact_cases(
    artifact: str, spec: ArtifactSpec, network: Network, steps: int
) -> list[dict[str, Any]]:
    """Returns cases for all that a runtime does with an artifact.

    Args:
        artifact: The path of the artifact, relative to the vectors.
        spec: The spec of the artifact, which is for streams.
        network: The network of the artifact.
        steps: The number of steps.
    """
    cases = [
        fit_case(f"fit {h}x{w}", (h, w), spec.resize_size, spec.image_size)
        for h, w in _SIZES
    ]
    cases.append(quantize_case("quantize pixels", spec.frame, np.arange(256)))
    for result in spec.results:
        if result.role in RESULT_ROLES and result.dtype != "float32":
            numbers = np.arange(256, dtype=np.uint8).view(result.dtype)
            name = f"dequantize {result.name}"
            cases.append(dequantize_case(name, result, numbers))
    cases.append(steps_case("steps", artifact, spec, network, steps))
    if spec.detection:
        cases.append(_boxes_case(spec, cases[-1]["steps"]))
    if spec.streams == 1:
        session = session_case("session", artifact, spec, network)
        cases += [session] if session else []
    return cases


def _boxes_case(spec, steps):
    """Returns the best boxes of the first stream in the last step."""
    assert spec.detection is not None
    outputs = {
        name: decode_array(array)[0]
        for name, array in steps[-1]["outputs"].items()
    }
    if spec.layout == "NCHW":
        outputs = {k: v.transpose(1, 2, 0) for k, v in outputs.items()}
    tensors = {
        # In the layout of the case, which is NHWC.
        t.role: dataclasses.replace(t, shape=(1, *outputs[t.name].shape))
        for t in spec.results
        if t.role in DETECTION_ROLES
    }
    return decode_case(
        "decode",
        tensors,
        {role: outputs[tensor.name] for role, tensor in tensors.items()},
        dataclasses.replace(spec.detection, threshold=0.0, top=20),
        (_SIZES[0], spec.resize_size, spec.image_size),
    )


def steps_case(
    name: str, artifact: str, spec: ArtifactSpec, network: Network, count: int
) -> dict[str, Any]:
    """Runs a network and notes its outputs and caches after every step.

    All streams start again in the middle, and all stand still at the step
    before. If there are several, the first stands still at some other steps,
    and the last one once starts again alone. If the artifact looks ahead, all
    streams end before they start again and after the last frame.

    Args:
        name: The name of the case.
        artifact: The path of the artifact, relative to the vectors.
        spec: The spec of the artifact.
        network: The network of the artifact.
        count: The number of frames.
    """
    streams = list(range(spec.streams))
    squares = random_squares(1, count * spec.streams, spec.image_size)
    squares = squares.reshape(count, *(spec.streams, *squares.shape[1:]))
    state, progress, steps = zero_states(spec), Progress(spec), []

    def step(frames, reset, moving, finishing):
        nonlocal state
        progress.reset(reset)
        valid, answers = progress.step(moving, finishing)
        running = [*moving, *finishing]
        outputs, state = next_step(
            spec, network, frames, state, reset, running, valid
        )
        late = {}
        if valid is not None:
            for value in outputs.values():
                value[[frame is None for frame in answers]] = 0
            late = {
                "finish": finishing,
                "valid": encode_array(valid),
                "answers": answers,
            }
        caches = zip(spec.caches, state, strict=True)
        steps.append(
            {
                "reset": reset,
                "streams": moving,
                "frames": encode_array(frames),
                **late,
                "outputs": {k: encode_array(v) for k, v in outputs.items()},
                "caches": {c.name: encode_array(value) for c, value in caches},
            }
        )

    def finish():
        for _ in range(spec.delay):
            step(np.zeros_like(squares[0]), [], [], streams)

    middle = count // 2
    for index, frames in enumerate(squares):
        reset, moving = [], streams
        if index == middle:
            finish()
            reset = streams
        elif index == middle + 2 and spec.streams > 1:
            reset = streams[-1:]
        if index == middle - 1:
            moving = []
        elif index % 4 == 1 and spec.streams > 1:
            moving = streams[1:]
        step(frames, reset, moving, [])
    finish()
    return {"kind": "steps", "name": name, "artifact": artifact, "steps": steps}
