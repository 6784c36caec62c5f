"""next_step: runs a network once, from given caches to the next ones.

`Progress` says which frames exist in a step, for a network that looks ahead.
"""

from collections.abc import Sequence

import numpy as np

from tsm_live.artifact.quantization import quantize, zero_state
from tsm_live.artifact.spec import ArtifactSpec
from tsm_live.runtimes.network import Network


def zero_states(spec: ArtifactSpec) -> list[np.ndarray]:
    """Returns the value of every cache at the start of a stream."""
    return [zero_state(cache) for cache in spec.caches]


class Progress:
    """How far the streams of an artifact are.

    Args:
        spec: The spec of the artifact.
    """

    def __init__(self, spec: ArtifactSpec):
        self._spec = spec
        self._taken = np.zeros(spec.streams, int)
        self._steps = np.zeros(spec.streams, int)

    def reset(self, streams: Sequence[int]) -> None:
        """Starts some streams anew."""
        self._taken[list(streams)] = self._steps[list(streams)] = 0

    def step(
        self, moving: Sequence[int], finishing: Sequence[int]
    ) -> tuple[np.ndarray | None, list[int | None]]:
        """Counts a step.

        Args:
            moving: The streams that take a frame.
            finishing: The streams that have ended and take no frame.

        Returns:
            The numbers of the input with the role `valid`, or None if there is
            none, and for each stream the frame whose outputs the step gives,
            or None.
        """
        self._taken[list(moving)] += 1
        self._steps[[*moving, *finishing]] += 1
        answers: list[int | None] = [None] * self._spec.streams
        for stream in (*moving, *finishing):
            frame = self._steps[stream] - 1 - self._spec.delay
            if 0 <= frame < self._taken[stream]:
                answers[stream] = int(frame)
        valid = self._spec.valid
        if valid is None:
            return None, answers
        frames = self._steps[:, None] - 1 - np.array(valid.entries)
        exists = (frames >= 0) & (frames < self._taken[:, None])
        return quantize(exists.reshape(valid.shape), valid), answers


def next_step(
    spec: ArtifactSpec,
    network: Network,
    frames: np.ndarray,
    state: Sequence[np.ndarray],
    reset: Sequence[int],
    moving: Sequence[int],
    valid: np.ndarray | None = None,
) -> tuple[dict[str, np.ndarray], list[np.ndarray]]:
    """Runs a network on the next frames of some streams.

    Args:
        spec: The spec of the artifact.
        network: The network of the artifact.
        frames: `[N, S, S, 3]` uint8 frames of the size of the network.
        state: The value of every cache, which is not changed.
        reset: The streams whose caches are set to zero before the step.
        moving: The streams that take part; the others stand still.
        valid: The numbers of the input with the role `valid`, if there is one.

    Returns:
        The outputs by name, in which the rows of streams that stand still are
        zero, and the caches after the step. If no stream takes part, there are
        no outputs.
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
    if valid is not None:
        network.valid()[...] = valid
    outputs = network.run()
    after = network.read_state()
    idle = sorted(set(range(spec.streams)) - set(moving))
    for value in outputs:
        value[idle] = 0
    for value, kept in zip(after, before, strict=True):
        value[idle] = kept[idle]
    names = [tensor.name for tensor in spec.results]
    return dict(zip(names, outputs, strict=True)), after
