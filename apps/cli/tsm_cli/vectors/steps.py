"""next_step: runs a network once, from given caches to the next ones."""

from collections.abc import Sequence

import numpy as np

from tsm_live.artifact.quantization import quantize, zero_state
from tsm_live.artifact.spec import ArtifactSpec
from tsm_live.runtimes.network import Network


def zero_states(spec: ArtifactSpec) -> list[np.ndarray]:
    """Returns the value of every cache at the start of a stream."""
    return [zero_state(cache) for cache in spec.caches]


def next_step(
    spec: ArtifactSpec,
    network: Network,
    frames: np.ndarray,
    state: Sequence[np.ndarray],
    reset: Sequence[int],
    moving: Sequence[int],
) -> tuple[dict[str, np.ndarray], list[np.ndarray]]:
    """Runs a network on the next frames of some streams.

    Args:
        spec: The spec of the artifact.
        network: The network of the artifact.
        frames: `[N, S, S, 3]` uint8 frames of the size of the network.
        state: The value of every cache, which is not changed.
        reset: The streams whose caches are set to zero before the step.
        moving: The streams that get a frame; the others stand still.

    Returns:
        The outputs by name, in which the rows of streams that stand still are
        zero, and the caches after the step. If no stream gets a frame, there
        are no outputs.
    """
    before = [value.copy() for value in state]
    for value, zeros in zip(before, zero_states(spec), strict=True):
        value[list(reset)] = zeros[list(reset)]
    if not moving:
        return {}, before
    if spec.layout == "NCHW":
        frames = frames.transpose(0, 3, 1, 2)
    network.write_state(before)
    network.frame()[...] = quantize(frames, spec.frame)
    outputs = network.run()
    after = network.read_state()
    idle = sorted(set(range(spec.streams)) - set(moving))
    for value in outputs:
        value[idle] = 0
    for value, kept in zip(after, before, strict=True):
        value[idle] = kept[idle]
    names = [tensor.name for tensor in spec.results]
    return dict(zip(names, outputs, strict=True)), after
