"""replay: what an artifact says about frames of the size it takes."""

from collections.abc import Iterable, Iterator

import numpy as np

from tsm_live.artifact.quantization import as_logits, quantize, zero_state
from tsm_live.artifact.spec import ArtifactSpec
from tsm_live.runtimes.runner import Runner


def replay(
    runner: Runner, spec: ArtifactSpec, frames: Iterable[np.ndarray]
) -> Iterator[np.ndarray]:
    """Streams frames through a network, from the zero state on.

    Args:
        runner: From `open_runner`.
        spec: Of a `"stream"` artifact.
        frames: Each `[N, S, S, 3]` uint8 RGB: one of each stream.

    Yields:
        `[N, num_classes]` float32 logits for each.
    """
    state = {cache.name: zero_state(cache) for cache in spec.caches}
    for frame in frames:
        outputs = runner(
            {spec.frame.name: quantize(frame, spec.frame), **state}
        )
        state = {name: outputs[f"{name}_out"] for name in state}
        yield as_logits(outputs[spec.logits.name], spec.logits)


def classify_clip(
    runner: Runner, spec: ArtifactSpec, clip: np.ndarray
) -> np.ndarray:
    """Returns the `[num_classes]` float32 logits of a whole clip.

    Args:
        runner: From `open_runner`.
        spec: Of a `"clip"` artifact.
        clip: `[T, S, S, 3]` uint8 RGB.
    """
    outputs = runner({spec.frame.name: quantize(clip, spec.frame)})
    return as_logits(outputs[spec.logits.name], spec.logits)[0]
